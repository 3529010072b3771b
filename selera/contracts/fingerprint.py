"""Two sets of behaviors told apart by one number, however their rows are numbered and ordered."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

from .ids import IdMap
from .interactions import Interactions

_AT_ONCE = 1 << 20

_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_STEP = np.uint64(0x9E3779B97F4A7C15)


def fingerprint(interactions: Interactions) -> str:
    """16 hexadecimal digits that equal behaviors have in common: who, what, how, how much, when.

    The sum of a 64-bit hash of each behavior (Steele, Lea and Flood 2014, "Fast splittable
    pseudorandom number generators", the finalizer of SplitMix64), so that neither the order nor
    the rows count. It tells accidents apart; somebody who tries could make two that agree.
    """
    users, items = (_of_ids(ids) for ids in (interactions.users, interactions.items))
    total = 0
    for start in range(0, len(interactions), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        values = interactions.values[part].view(np.uint32).astype(np.uint64)
        hashes = users[interactions.user_rows[part]]
        for column in (
            items[interactions.item_rows[part]],
            values << np.uint64(8) | interactions.behaviors[part].astype(np.uint64),
            interactions.timestamps[part].view(np.uint64),
        ):
            hashes = _mixed(hashes * _STEP + column)
        total += int(hashes.sum(dtype=np.uint64))
    return f"{total % 2**64:016x}"


def _of_ids(ids: IdMap) -> NDArray[np.uint64]:
    """A hash of each id, by row."""
    arrays = ids.to_arrays()
    if ids.kind == "int":
        return _mixed(arrays["ids"].view(np.uint64) + _STEP)
    text, ends = arrays["text"].tobytes(), arrays["offsets"].tolist()
    digests = (
        hashlib.blake2b(text[start:stop], digest_size=8).digest()
        for start, stop in zip(ends[:-1], ends[1:], strict=True)
    )
    return np.frombuffer(b"".join(digests), dtype=np.uint64)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    mixed = (numbers ^ (numbers >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))
