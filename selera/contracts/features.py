"""What is known of users and products beside their behaviors: profile and product fields."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Features:
    """Which features each row (user or item) has, compressed by rows (CSR); each has value 1.

    names : of the columns, "field=value": those of one field form a group
    indptr : int64 (n_rows + 1,), row r is the slice indptr[r] : indptr[r + 1]
    columns : int32 (nnz,), rising within a row
    """

    names: tuple[str, ...]
    indptr: NDArray[np.int64]
    columns: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def of(self, row: int) -> NDArray[np.int32]:
        """The columns of one row, as a view."""
        return self.columns[int(self.indptr[row]) : int(self.indptr[row + 1])]

    @property
    def fields(self) -> tuple[str, ...]:
        """The field of each column."""
        return tuple(name.partition("=")[0] for name in self.names)
