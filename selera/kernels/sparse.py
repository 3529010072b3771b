"""Sparse times dense, a range of rows at a time."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(
    "void(int64[::1], int32[::1], float32[::1], float32[:, ::1], int64, int64, float32[:, ::1])",
    nogil=True,
    cache=True,
    fastmath=True,
)
def multiply_rows(
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    dense: NDArray[np.float32],
    start: int,
    stop: int,
    out: NDArray[np.float32],
) -> None:
    """Write rows start .. stop-1 of `matrix @ dense` into `out`, in place.

    indptr, columns, values : a CSR matrix, int64 (n_rows + 1,), int32 (nnz,), float32 (nnz,)
    dense : float32 (n_columns, n_factors)
    out : float32 (n_rows, n_factors)
    """
    n_factors = dense.shape[1]
    for row in range(start, stop):
        total = out[row]
        for f in range(n_factors):
            total[f] = np.float32(0.0)
        for place in range(indptr[row], indptr[row + 1]):
            value = values[place]
            source = dense[columns[place]]
            for f in range(n_factors):
                total[f] += value * source[f]


@numba.njit(
    "void(int64[::1], int32[::1], float32[::1], int64[::1], int32[::1], float32[::1],"
    " int64, int64, float32[:, ::1])",
    nogil=True,
    cache=True,
    fastmath=True,
)
def multiply_sparse_rows(
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    right_indptr: NDArray[np.int64],
    right_columns: NDArray[np.int32],
    right_values: NDArray[np.float32],
    start: int,
    stop: int,
    out: NDArray[np.float32],
) -> None:
    """Write rows start .. stop-1 of `left @ right`, both CSR, densely into `out`, in place.

    out : float32 (n_rows, n_columns of right)
    """
    for row in range(start, stop):
        total = out[row]
        total[:] = np.float32(0.0)
        for place in range(indptr[row], indptr[row + 1]):
            value = values[place]
            source = columns[place]
            for other in range(right_indptr[source], right_indptr[source + 1]):
                total[right_columns[other]] += value * right_values[other]
