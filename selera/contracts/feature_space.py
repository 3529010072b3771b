"""Which features there are, and which of them one profile or product has.

The same `encode` serves all rows of the training and one row at a request, so that both agree. A
feature is a column, "field=value"; a field is either a list of values or a number in bands. Names
of people and of products are no fields.
"""

from __future__ import annotations

import math
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

SEPARATOR = ","


class Categories(msgspec.Struct, frozen=True, tag="categories"):
    """A field of words: each value that is usual is a column; all others are none.

    values : folded by `fold`, sorted
    is_list : whether a cell may hold several values, parted by commas
    """

    field: str
    values: tuple[str, ...]
    is_list: bool = False

    @property
    def n_columns(self) -> int:
        """One for each value."""
        return len(self.values)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(f"{self.field}={value}" for value in self.values)

    def encode(self, cell: object) -> list[int]:
        """The columns of one cell, rising."""
        told = sorted(set(words(cell, is_list=self.is_list)))
        places = [(bisect_left(self.values, word), word) for word in told]
        return [place for place, word in places if self.values[place : place + 1] == (word,)]


class Bands(msgspec.Struct, frozen=True, tag="bands"):
    """A field of numbers: band b holds what is at least edge b - 1 and less than edge b."""

    field: str
    edges: tuple[float, ...]

    @property
    def n_columns(self) -> int:
        """One more than there are edges."""
        return len(self.edges) + 1

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        told = ["", *(f"{edge:g}" for edge in self.edges), ""]
        return tuple(
            f"{self.field}={low}..{high}" for low, high in zip(told, told[1:], strict=False)
        )

    def encode(self, cell: object) -> list[int]:
        """The column of one cell; none where it is no number."""
        number = number_of(cell)
        return [] if number is None else [bisect_right(self.edges, number)]


class FeatureSpace(msgspec.Struct, frozen=True):
    """The fields of profiles or of products, each with its columns, one field after the other."""

    fields: tuple[Categories | Bands, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of all columns."""
        return tuple(name for field in self.fields for name in field.names)

    @property
    def starts(self) -> dict[str, int]:
        """The first column of each field."""
        starts, start = {}, 0
        for field in self.fields:
            starts[field.field] = start
            start += field.n_columns
        return starts

    def encode(self, row: Mapping[str, Any]) -> NDArray[np.int32]:
        """The columns of one profile or product, rising; fields that it lacks give none."""
        starts = self.starts
        columns = [
            starts[field.field] + column
            for field in self.fields
            for column in field.encode(row.get(field.field))
        ]
        return np.array(columns, dtype=np.int32)

    def to_builtins(self) -> dict[str, Any]:
        """What JSON can say."""
        built: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return built

    @classmethod
    def from_builtins(cls, built: Mapping[str, Any]) -> FeatureSpace:
        """The inverse of `to_builtins`."""
        return msgspec.convert(built, cls)


def fold(text: str) -> str:
    """A word without what does not matter: case, form of the characters, white space around."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words(cell: object, *, is_list: bool) -> list[str]:
    """The folded values that a cell holds; a comma ends one where `is_list`."""
    if cell is None:
        return []
    parts = str(cell).split(SEPARATOR) if is_list else [str(cell)]
    return [word for word in map(fold, parts) if word]


def number_of(cell: object) -> float | None:
    """The finite number that a cell says."""
    try:
        number = cell if isinstance(cell, float) else float(str(cell))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
