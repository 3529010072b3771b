"""Which arrays of a model hold a user, and what they are without that user.

A model file holds users in three places: the map of their ids (`users`), what they did
(`users.histories`), and, where sessions are indexed, what they did in one go (`user_sessions` tells
whose each session is). Whatever else a model learnt (factors, edges, lifts, weights of hashed
texts) comes from many users together and names none: it stays until the next training.

Arrays are given as pieces that follow each other, views of those that there are wherever possible:
nothing large is put together in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contracts.ids import UNKNOWN_ROW, Id, IdMap, parse_id
from ..contracts.protocols import Arrays

Pieces = Sequence[NDArray[Any]]

_USERS = "users."
_HISTORIES = "users.histories."
_SESSIONS = "user_sessions"
_INDEX = "session_indptr"


class Erased(NamedTuple):
    """The arrays of a model file that change when a user goes.

    arrays : the pieces of each, by name
    n_pairs : products of the history that went
    n_sessions : sessions that went
    unattributed : whether the model has sessions of which it does not know whose they are
    """

    arrays: dict[str, Pieces]
    n_pairs: int
    n_sessions: int
    unattributed: bool


def user_row(arrays: Arrays, user_id: Id) -> int:
    """The row of a user in the arrays of a model file; `UNKNOWN_ROW` where it has none.

    An integer and its text are one user here: what a shop's ids are may have changed since.
    """
    users = IdMap.from_arrays(_part(arrays, _USERS))
    known = parse_id(str(user_id), users.kind)
    return UNKNOWN_ROW if known is None else users.row(known)


def without_user(arrays: Arrays, row: int) -> Erased:
    """What becomes of the arrays of a model file when the user at `row` is taken out."""
    changed: dict[str, Pieces] = {
        f"{_USERS}{name}": pieces for name, pieces in _ids(_part(arrays, _USERS), row).items()
    }
    histories = _part(arrays, _HISTORIES)
    indptr = histories.pop("indptr")
    entries = slice(int(indptr[row]), int(indptr[row + 1]))
    changed[f"{_HISTORIES}indptr"] = (_pointers(indptr, row, row + 1),)
    for name, array in histories.items():
        changed[f"{_HISTORIES}{name}"] = _cut(array, entries)
    n_sessions, unattributed = 0, False
    for prefix in _session_models(arrays):
        sessions = {name.removeprefix(prefix): array for name, array in arrays.items()}
        if _SESSIONS not in sessions:
            unattributed = True
            continue
        first, last = sessions[_SESSIONS][row : row + 2].tolist()
        n_sessions += last - first
        for name, pieces in _sessions(sessions, row, first, last).items():
            changed[prefix + name] = pieces
    return Erased(changed, entries.stop - entries.start, n_sessions, unattributed)


def _part(arrays: Arrays, prefix: str) -> dict[str, NDArray[Any]]:
    """The arrays directly under a prefix that ends with a dot, without it."""
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix) and "." not in name.removeprefix(prefix)
    }


def _cut(array: NDArray[Any], gone: slice) -> Pieces:
    """The array without a slice of its first axis."""
    return array[: gone.start], array[gone.stop :]


def _pointers(indptr: NDArray[np.int64], first: int, last: int) -> NDArray[np.int64]:
    """The pointers of a compressed matrix without its rows first .. last-1."""
    shift = indptr[last] - indptr[first]
    return np.concatenate([indptr[:first], indptr[last:] - shift])


def _ids(arrays: Arrays, row: int) -> dict[str, Pieces]:
    """The arrays of an `IdMap` without one row."""
    order = arrays["order"]
    order = order[order != row]
    changed: dict[str, Pieces] = {"order": (order - (order > row).astype(order.dtype),)}
    if "ids" in arrays:
        return changed | {"ids": _cut(arrays["ids"], slice(row, row + 1))}
    offsets = arrays["offsets"]
    text = slice(int(offsets[row]), int(offsets[row + 1]))
    return changed | {
        "offsets": (_pointers(offsets, row, row + 1),),
        "text": _cut(arrays["text"], text),
    }


def _session_models(arrays: Arrays) -> Iterator[str]:
    """What precedes the names of the arrays of each session model: it may be part of a blend."""
    for name in arrays:
        if name.startswith("ranker.") and name.endswith(_INDEX):
            yield name.removesuffix(_INDEX)


def _sessions(arrays: Arrays, row: int, first: int, last: int) -> dict[str, Pieces]:
    """The arrays of a session model without the sessions first .. last-1, all of the user `row`."""
    indptr, of_users = arrays[_INDEX], arrays[_SESSIONS]
    entries = slice(int(indptr[first]), int(indptr[last]))
    postings, owners = arrays["postings"], arrays["posting_sessions"]
    kept = (owners < first) | (owners >= last)
    ends = np.concatenate([[0], np.cumsum(kept)])
    postings, owners = postings[kept], owners[kept]
    later = owners >= last
    return {
        _SESSIONS: (_pointers(of_users, row, row + 1),),
        _INDEX: (_pointers(indptr, first, last),),
        "session_items": _cut(arrays["session_items"], entries),
        "session_steps": _cut(arrays["session_steps"], entries),
        "session_weights": _cut(arrays["session_weights"], slice(first, last)),
        "postings": (postings - later * (entries.stop - entries.start),),
        "posting_sessions": ((owners - later * (last - first)).astype(np.int32),),
        "posting_indptr": (ends[arrays["posting_indptr"]].astype(np.int64),),
    }
