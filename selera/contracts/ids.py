"""The border between two worlds: ids (what the outside says) and rows (positions in a matrix).

An id is an integer or a string of any characters. `007` and `7` are different ids: whether a shop's
ids are integers is decided by its database, once, and kept (`IdKind`), never guessed from a text.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Id = int | str
IdKind = Literal["int", "str"]
Rows = NDArray[np.int64]

UNKNOWN_ROW = -1

_FEWEST_AT_ONCE = 500
"""One in so many of a map's ids is worth a search at once, which looks at all of its order."""

_WIDEST_KEY = 64
_KEYS_AT_ONCE = 1 << 16
"""How many texts, of at most so many bytes, are compared at a time."""

_CANONICAL_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}", re.ASCII)
_INT64 = range(-(2**63), 2**63)


def parse_id(text: str, kind: IdKind) -> Id | None:
    """Read an id as it stands in a URL, a CSV or a command line.

    Returns None where `text` cannot be an id of this kind: `007` and `1e3` are no integer ids.
    """
    if kind == "str":
        return text
    if not _CANONICAL_INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if number in _INT64 else None


class IdMap:
    """An immutable two-way map between ids and the rows 0 .. n-1, held in a few flat arrays.

    The arrays can lie in a mapped model file: nothing is copied and no dict of a million strings is
    built. Looking an id up is a binary search over `order`, the rows sorted by their ids (strings
    by their UTF-8 bytes).

    Arrays of kind int: `ids` int64 (n,), `order` int32 (n,).
    Arrays of kind str: `text` uint8 (n_bytes,), `offsets` int64 (n + 1,), `order` int32 (n,).
    """

    __slots__ = ("_arrays", "_key_of", "_views", "kind")

    def __init__(self, kind: IdKind, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.kind: IdKind = kind
        self._arrays = dict(arrays)
        # A memoryview hands out plain integers and bytes several times faster than an array.
        self._views = {name: array.data for name, array in self._arrays.items()}
        # What rows are ordered by: the integer, or the UTF-8 bytes of the text. No bound method of
        # this object: a cycle would keep the mapped file until a garbage collection.
        self._key_of: Callable[[int], Any] = (
            self._views["ids"].__getitem__
            if kind == "int"
            else partial(_text_at, self._views["text"], self._views["offsets"])
        )

    def __reduce__(self) -> tuple[type[IdMap], tuple[IdKind, dict[str, NDArray[Any]]]]:
        return IdMap, (self.kind, self._arrays)

    @classmethod
    def from_ids(cls, ids: Sequence[int] | Sequence[str] | NDArray[np.int64]) -> IdMap:
        """Map each id to its position in `ids`, which must not repeat an id.

        Raises ValueError for a repeated id or for integers and strings in one sequence.
        """
        if isinstance(ids, np.ndarray):
            return cls._from_integers(ids.astype(np.int64, copy=True))
        types = {type(each) for each in ids}
        if types <= {int}:
            return cls._from_integers(np.array(ids, dtype=np.int64))
        if types != {str}:
            names = ", ".join(sorted(each.__name__ for each in types))
            raise ValueError(f"ids must be all integers or all strings, got {names}")
        encoded = [str(each).encode("utf-8", "surrogatepass") for each in ids]
        order = sorted(range(len(encoded)), key=encoded.__getitem__)
        for before, after in zip(order, order[1:], strict=False):
            if encoded[before] == encoded[after]:
                raise ValueError(f"id {ids[after]!r} appears twice")
        lengths = np.fromiter(map(len, encoded), dtype=np.int64, count=len(encoded))
        return cls(
            "str",
            {
                "text": np.frombuffer(b"".join(encoded), dtype=np.uint8),
                "offsets": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
                "order": np.array(order, dtype=np.int32),
            },
        )

    @classmethod
    def _from_integers(cls, ids: NDArray[np.int64]) -> IdMap:
        order = np.argsort(ids, kind="stable").astype(np.int32)
        repeated = np.flatnonzero(np.diff(ids[order]) == 0)
        if len(repeated):
            raise ValueError(f"id {ids[order[repeated[0]]]} appears twice")
        return cls("int", {"ids": ids, "order": order})

    def __len__(self) -> int:
        return len(self._arrays["order"])

    def __contains__(self, id: object) -> bool:
        return isinstance(id, int | str) and self.row(id) != UNKNOWN_ROW

    def row(self, id: Id) -> int:
        """Row of one id; `UNKNOWN_ROW` where the map does not know it."""
        if isinstance(id, bool) or (self.kind == "int") != isinstance(id, int):
            return UNKNOWN_ROW
        wanted = id if isinstance(id, int) else id.encode("utf-8", "surrogatepass")
        order, key = self._views["order"], self._key_of
        place = bisect.bisect_left(order, wanted, key=key)
        found = place < len(order) and key(order[place]) == wanted
        return order[place] if found else UNKNOWN_ROW

    def rows(self, ids: Sequence[Id] | NDArray[np.int64]) -> Rows:
        """Rows of many ids, int64 (len(ids),); `UNKNOWN_ROW` for those the map does not know."""
        is_worth_it = self.kind == "int" and len(ids) * _FEWEST_AT_ONCE > len(self) > 0
        if isinstance(ids, np.ndarray):
            if is_worth_it:
                return self._rows_of_integers(ids)
            ids = ids.tolist()
        elif is_worth_it and {type(id) for id in ids} == {int}:
            try:
                return self._rows_of_integers(np.array(ids, dtype=np.int64))
            except OverflowError:
                pass  # an integer beyond 64 bits is one that the map does not know
        return np.fromiter(map(self.row, ids), dtype=np.int64, count=len(ids))

    def rows_of(self, other: IdMap) -> Rows:
        """Rows here of all ids of another map, int64 (len(other),), in the order of its rows.

        `UNKNOWN_ROW` for those that this map does not know. No id becomes an object of its own.
        """
        rows = np.full(len(other), UNKNOWN_ROW, dtype=np.int64)
        if self.kind != other.kind or not len(self):
            return rows
        width = 0 if self.kind == "int" else int(np.diff(self._arrays["offsets"]).max())
        if width > _WIDEST_KEY:
            return self.rows(other.ids(np.arange(len(other))))
        order, others = self._arrays["order"], other._arrays["order"]
        known = self._keys(order, width)
        for start in range(0, len(other), _KEYS_AT_ONCE):
            wanted = others[start : start + _KEYS_AT_ONCE]
            keys = other._keys(wanted, width)
            places = np.minimum(np.searchsorted(known, keys), len(known) - 1)
            rows[wanted] = np.where(known[places] == keys, order[places], UNKNOWN_ROW)
        return rows

    def _keys(self, rows: NDArray[np.int32], width: int) -> NDArray[Any]:
        """Ids of some rows as keys of one size, which order as the ids do: integers are such keys.

        That of a text is its first `width` bytes, zeros where there are fewer, and its length:
        without that, an id that ends in zeros would be its own beginning.
        """
        if self.kind == "int":
            return self._arrays["ids"][rows]
        text, offsets = self._arrays["text"], self._arrays["offsets"]
        starts, lengths = offsets[rows], offsets[rows + 1] - offsets[rows]
        columns = np.arange(width)
        keys = np.zeros((len(rows), width + 8), dtype=np.uint8)
        for first in range(0, len(rows), _KEYS_AT_ONCE):
            some = slice(first, first + _KEYS_AT_ONCE)
            is_there = columns < lengths[some, np.newaxis]
            places = (starts[some, np.newaxis] + columns)[is_there]
            keys[some, :width][is_there] = text[places]
        keys[:, width:] = lengths.astype(">i8")[:, np.newaxis].view(np.uint8)
        return keys.view(f"S{width + 8}")[:, 0]

    def _rows_of_integers(self, wanted: NDArray[np.int64]) -> Rows:
        known, order = self._arrays["ids"], self._arrays["order"]
        places = np.searchsorted(known, wanted, sorter=order)
        found = order[np.minimum(places, len(order) - 1)]
        return np.where(known[found] == wanted, found, UNKNOWN_ROW).astype(np.int64)

    def id(self, row: int) -> Id:
        """Id of one row; IndexError outside 0 .. n-1."""
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} is outside 0..{len(self) - 1}")
        key = self._key_of(row)
        return key.decode("utf-8", "surrogatepass") if isinstance(key, bytes) else key

    def ids(self, rows: Sequence[int] | NDArray[np.integer]) -> list[Id]:
        """Ids of many rows, in their order; IndexError for one outside 0 .. n-1."""
        if self.kind == "str" or not len(rows):
            listed = rows.tolist() if isinstance(rows, np.ndarray) else rows
            return [self.id(row) for row in listed]
        places = np.asarray(rows, dtype=np.int64)
        if places.min() < 0 or places.max() >= len(self):
            raise IndexError(f"a row of {places.tolist()} is outside 0..{len(self) - 1}")
        ids: list[Id] = self._arrays["ids"][places].tolist()
        return ids

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays named in the class docstring."""
        return dict(self._arrays)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> IdMap:
        """The inverse of `to_arrays`; nothing is copied."""
        return cls("int" if "ids" in arrays else "str", arrays)


def _text_at(text: memoryview, offsets: memoryview, row: int) -> bytes:
    return bytes(text[offsets[row] : offsets[row + 1]])
