"""What is known of users and products beside their behaviors: profile and product fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .feature_space import FeatureSpace


class Cells(NamedTuple):
    """One field of many rows.

    values : those that there are
    places : int64 (n_rows,), which of them each row has
    """

    values: Sequence[object]
    places: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Features:
    """Which features each row (user or item) has, compressed by rows (CSR); each has value 1.

    names : of the columns, "field=value": those of one field form a group
    indptr : int64 (n_rows + 1,), row r is the slice indptr[r] : indptr[r + 1]
    columns : int32 (nnz,), rising within a row
    space : what the columns mean; None where nobody will ask for the columns of another row
    """

    names: tuple[str, ...]
    indptr: NDArray[np.int64]
    columns: NDArray[np.int32]
    space: FeatureSpace | None = None

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def of(self, row: int) -> NDArray[np.int32]:
        """The columns of one row, as a view."""
        return self.columns[int(self.indptr[row]) : int(self.indptr[row + 1])]

    @property
    def rows(self) -> NDArray[np.int64]:
        """The row of each entry, int64 (nnz,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))

    def gather(self, rows: NDArray[np.integer]) -> Features:
        """The features of these rows, in this order."""
        starts = self.indptr[rows]
        lengths = self.indptr[rows + 1] - starts
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        places = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], lengths)
        return replace(self, indptr=indptr, columns=self.columns[places])

    @property
    def fields(self) -> tuple[str, ...]:
        """The field of each column."""
        return tuple(name.partition("=")[0] for name in self.names)


def encoded(space: FeatureSpace, cells: Mapping[str, Cells], n_rows: int) -> Features:
    """The features of many rows, as `space.encode` has them row by row.

    Each of the values is encoded once, however many rows have it. A field without cells gives none.
    """
    starts, parts = space.starts, []
    for field in space.fields:
        if field.field in cells:
            start, (values, places) = starts[field.field], cells[field.field]
            columns = [[start + column for column in field.encode(value)] for value in values]
            parts.append(_of_values(columns).gather(places))
    rows = np.concatenate([np.empty(0, np.int64), *(part.rows for part in parts)])
    flat = np.concatenate([np.empty(0, np.int32), *(part.columns for part in parts)])
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n_rows))]).astype(np.int64)
    return Features(space.names, indptr, flat[np.argsort(rows, kind="stable")])


def _of_values(columns: Sequence[Sequence[int]]) -> Features:
    indptr = np.cumsum([0, *map(len, columns)]).astype(np.int64)
    return Features((), indptr, np.array([*chain.from_iterable(columns)], dtype=np.int32))
