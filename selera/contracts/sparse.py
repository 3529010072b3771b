"""Sparse matrices as three plain arrays, which a model file can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SparseMatrix:
    """A float32 matrix compressed by rows (CSR).

    indptr : int64 (n_rows + 1,), row r is the slice indptr[r] : indptr[r + 1]
    columns : int32 (nnz,), rising within a row
    values : float32 (nnz,)
    n_columns : width
    """

    indptr: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]
    n_columns: int

    @property
    def n_rows(self) -> int:
        """Height."""
        return len(self.indptr) - 1

    def row(self, row: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Columns and values of one row, as views."""
        entries = slice(int(self.indptr[row]), int(self.indptr[row + 1]))
        return self.columns[entries], self.values[entries]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The three arrays and the width."""
        return {
            "indptr": self.indptr,
            "columns": self.columns,
            "values": self.values,
            "n_columns": np.array([self.n_columns]),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        return cls(
            indptr=arrays["indptr"],
            columns=arrays["columns"],
            values=arrays["values"],
            n_columns=int(arrays["n_columns"][0]),
        )
