"""What is known of users and products beside their behaviors: profile and product fields."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .feature_space import FeatureSpace


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
        lengths = np.diff(self.indptr)[rows]
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        places = np.arange(indptr[-1]) + np.repeat(self.indptr[rows] - indptr[:-1], lengths)
        return replace(self, indptr=indptr, columns=self.columns[places])

    @property
    def fields(self) -> tuple[str, ...]:
        """The field of each column."""
        return tuple(name.partition("=")[0] for name in self.names)
