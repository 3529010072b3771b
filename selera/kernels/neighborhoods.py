"""Ridge regressions of each item on a few others, from the Gramian that they share."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit("int64(int32[::1], int64, int64, int64)", nogil=True, cache=True)
def _first_at_least(columns: NDArray[np.int32], start: int, stop: int, column: int) -> int:
    """Where rising `columns[start:stop]` first reaches `column`: by doubled steps, then halved."""
    step = 1
    while start + step < stop and columns[start + step] < column:
        start += step
        step *= 2
    stop = min(stop, start + step + 1)
    while start < stop:
        middle = (start + stop) // 2
        if columns[middle] < column:
            start = middle + 1
        else:
            stop = middle
    return start


@numba.njit("void(float32[:, ::1], int64)", nogil=True, cache=True, fastmath=True)
def _factorize(matrix: NDArray[np.float32], n: int) -> None:
    """Cholesky's L of the leading (n, n) part, written over its lower triangle, in place.

    No pivot falls below 1e-6 of its diagonal entry: what is less is rounding.
    """
    for row in range(n):
        least = np.float32(1e-6) * matrix[row, row]
        for column in range(row + 1):
            one, other = matrix[row, :column], matrix[column, :column]
            total = matrix[row, column]
            for k in range(column):
                total -= one[k] * other[k]
            if row == column:
                matrix[row, row] = np.sqrt(max(total, least))
            else:
                matrix[row, column] = total / matrix[column, column]


@numba.njit("void(float32[:, ::1], int64, float32[::1])", nogil=True, cache=True, fastmath=True)
def _solve(root: NDArray[np.float32], n: int, out: NDArray[np.float32]) -> None:
    """Replace out[:n] by the solution of L L^T x = out[:n], in place."""
    for row in range(n):
        total = out[row]
        for k in range(row):
            total -= root[row, k] * out[k]
        out[row] = total / root[row, row]
    for row in range(n - 1, -1, -1):
        out[row] /= root[row, row]
        for k in range(row):
            out[k] -= root[row, k] * out[row]


@numba.njit(
    "void(int64[::1], int32[::1], float32[::1], float32[::1], int64[::1], int32[::1], int64, int64,"
    " float32[::1])",
    nogil=True,
    cache=True,
)
def regress_on_neighbors(
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    penalties: NDArray[np.float32],
    starts: NDArray[np.int64],
    neighbors: NDArray[np.int32],
    first: int,
    last: int,
    out: NDArray[np.float32],
) -> None:
    """Write the regression weights of items first .. last-1 on their neighbors to `out`, in place.

    indptr, columns, values : the Gramian, symmetric, CSR with rising columns
    penalties : float32 (n_items,), added to its diagonal, > 0
    starts, neighbors : int64 (n_items + 1,), int32 (n_edges,): those of item i, rising and without
        i, are neighbors[starts[i] : starts[i + 1]]
    out : float32 (n_edges,), beside the neighbors
    """
    most = 1
    for item in range(first, last):
        most = max(most, starts[item + 1] - starts[item])
    system = np.empty((most, most), dtype=np.float32)
    for item in range(first, last):
        near = neighbors[starts[item] : starts[item + 1]]
        weights = out[starts[item] : starts[item + 1]]
        for row in range(len(near)):
            place, stop = indptr[near[row]], indptr[near[row] + 1]
            for column in range(row + 1):
                place = _first_at_least(columns, place, stop, near[column])
                found = place < stop and columns[place] == near[column]
                system[row, column] = values[place] if found else np.float32(0.0)
            system[row, row] += penalties[near[row]]
        place, stop = indptr[item], indptr[item + 1]
        for row in range(len(near)):
            place = _first_at_least(columns, place, stop, near[row])
            found = place < stop and columns[place] == near[row]
            weights[row] = values[place] if found else np.float32(0.0)
        _factorize(system, len(near))
        _solve(system, len(near), weights)
