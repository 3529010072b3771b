"""Half-steps of implicit ALS: many small ridge problems, one per row, a range of rows at a time.

Each row r has its own problem over the rows h of `fixed` at its entries e, with axes on which the
Gramian of `fixed` is diagonal (`selera.training.ials` turns them so)::

    minimize over w   sum over e of (targets[e] - scales[e] * h_e . w)^2  +  sum over f of P_f w_f^2
    P = energies + penalties[r]

With z_e = scales[e] * h_e / sqrt(P) and v = w * sqrt(P) it is a ridge problem with penalty 1:
minimize |targets - Z v|^2 + |v|^2. Z is gathered once and stays in the cache for all that follows.
Its height is a multiple of four, filled with zeros, and every loop takes four of its rows at once.
Helpers get whole arrays and a row's number: a view for each row would take longer than its sums.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
Matrix = NDArray[np.float32]

_ROWS = (
    "int64[::1], int32[::1], float32[::1], float32[::1],"
    " float32[:, ::1], float32[::1], float32[::1], int64, int64,"
)
_CONVERGED = np.float32(1e-20)


@numba.njit(fastmath=True, error_model="numpy")
def _height(indptr: NDArray[np.int64], start: int, stop: int) -> int:
    """The most entries of a row, rounded up to a multiple of four."""
    longest = 0
    for row in range(start, stop):
        longest = max(longest, int(indptr[row + 1] - indptr[row]))
    return (longest + 3) // 4 * 4


@numba.njit(fastmath=True, error_model="numpy")
def _gather(
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    scales: Vector,
    targets: Vector,
    fixed: Matrix,
    shrink: Vector,
    row: int,
    z: Matrix,
    y: Vector,
) -> int:
    """Write Z and the targets of a row into `z` and `y`; returns the height."""
    first = indptr[row]
    n = int(indptr[row + 1] - first)
    for e in range(n):
        column, scale = columns[first + e], scales[first + e]
        y[e] = targets[first + e]
        for f in range(fixed.shape[1]):
            z[e, f] = scale * fixed[column, f] * shrink[f]
    height = (n + 3) // 4 * 4
    for e in range(n, height):
        y[e] = np.float32(0.0)
        for f in range(fixed.shape[1]):
            z[e, f] = np.float32(0.0)
    return height


@numba.njit(fastmath=True, error_model="numpy")
def _add_gradient(
    z: Matrix, height: int, targets: Vector, v: Matrix, row: int, out: Matrix, place: int
) -> None:
    """Add Z^T (Z v - targets) to a row of `out`; v is a row too."""
    for e in range(0, height, 4):
        a, b, c, d = -targets[e], -targets[e + 1], -targets[e + 2], -targets[e + 3]
        for f in range(z.shape[1]):
            v_f = v[row, f]
            a += v_f * z[e, f]
            b += v_f * z[e + 1, f]
            c += v_f * z[e + 2, f]
            d += v_f * z[e + 3, f]
        for f in range(z.shape[1]):
            out[place, f] += a * z[e, f] + b * z[e + 1, f] + c * z[e + 2, f] + d * z[e + 3, f]


@numba.njit(fastmath=True, error_model="numpy")
def _descend(
    z: Matrix,
    height: int,
    y: Vector,
    zeros: Vector,
    n_steps: int,
    work: Matrix,
    v: Matrix,
    row: int,
) -> None:
    """Steps of conjugate gradients on (I + Z^T Z) v = Z^T y, from v, in place.

    The rows of `work` are the residual, the direction, and the image of the direction.
    """
    n_factors = z.shape[1]
    for f in range(n_factors):
        work[2, f] = v[row, f]
    _add_gradient(z, height, y, v, row, work, 2)
    square = np.float32(0.0)
    for f in range(n_factors):
        residual = -work[2, f]
        work[0, f] = work[1, f] = residual
        square += residual * residual
    for _ in range(n_steps):
        if square < _CONVERGED:
            return
        for f in range(n_factors):
            work[2, f] = work[1, f]
        _add_gradient(z, height, zeros, work, 1, work, 2)
        curvature = np.float32(0.0)
        for f in range(n_factors):
            curvature += work[1, f] * work[2, f]
        step, former, square = square / curvature, square, np.float32(0.0)
        for f in range(n_factors):
            v[row, f] += step * work[1, f]
            residual = work[0, f] - step * work[2, f]
            work[0, f] = residual
            square += residual * residual
        for f in range(n_factors):
            work[1, f] = work[0, f] + square / former * work[1, f]


@numba.njit(
    f"void({_ROWS} int64, float32[:, ::1])",
    nogil=True,
    cache=True,
    fastmath=True,
    error_model="numpy",
)
def descend_rows(
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    scales: Vector,
    targets: Vector,
    fixed: Matrix,
    energies: Vector,
    penalties: Vector,
    start: int,
    stop: int,
    n_steps: int,
    out: Matrix,
) -> None:
    """Improve rows start .. stop-1 of `out`, in place.

    indptr, columns : a CSR pattern, int64 (n_rows + 1,), int32 (nnz,): rows of `fixed`
    scales, targets : float32 (nnz,)
    fixed : float32 (n_columns, n_factors)
    energies : float32 (n_factors,), >= 0
    penalties : float32 (n_rows,), > 0
    out : float32 (n_rows, n_factors)

    Each row makes `n_steps` steps of conjugate gradients from what it holds.
    """
    n_factors = fixed.shape[1]
    height = _height(indptr, start, stop)
    z, y = np.empty((height, n_factors), np.float32), np.empty(height, np.float32)
    zeros, work = np.zeros(height, np.float32), np.empty((3, n_factors), np.float32)
    shrink = np.empty(n_factors, np.float32)
    for row in range(start, stop):
        for f in range(n_factors):
            shrink[f] = np.float32(1.0) / np.sqrt(energies[f] + penalties[row])
            out[row, f] /= shrink[f]
        height = _gather(indptr, columns, scales, targets, fixed, shrink, row, z, y)
        _descend(z, height, y, zeros, n_steps, work, out, row)
        for f in range(n_factors):
            out[row, f] *= shrink[f]


@numba.njit(fastmath=True, error_model="numpy")
def _solve(matrix: Matrix, n: int, x: Vector) -> None:
    """Solve for `x` in place by Cholesky, given the upper triangle, which is lost."""
    for k in range(n):
        inverse = np.float32(1.0) / np.sqrt(matrix[k, k])
        matrix[k, k] = inverse
        for j in range(k + 1, n):
            matrix[k, j] *= inverse
        x_k = x[k] * inverse
        x[k] = x_k
        for j in range(k + 1, n):
            x[j] -= x_k * matrix[k, j]
        for i in range(k + 1, n):
            factor = matrix[k, i]
            for j in range(i, n):
                matrix[i, j] -= factor * matrix[k, j]
    for k in range(n - 1, -1, -1):
        rest = x[k]
        for j in range(k + 1, n):
            rest -= matrix[k, j] * x[j]
        x[k] = rest * matrix[k, k]


@numba.njit(fastmath=True, error_model="numpy")
def _solve_block(
    z: Matrix,
    height: int,
    rest: Vector,
    begin: int,
    end: int,
    normal: Matrix,
    change: Vector,
    v: Matrix,
    row: int,
) -> None:
    """Set v[begin:end] to its best while the rest of v holds; `rest` is targets - Z v, kept so."""
    n = end - begin
    for i in range(n):
        change[i] = -v[row, begin + i]
        for j in range(i, n):
            normal[i, j] = np.float32(0.0)
        normal[i, i] = np.float32(1.0)
    for e in range(0, height, 4):
        for i in range(n):
            f = begin + i
            a, b, c, d = z[e, f], z[e + 1, f], z[e + 2, f], z[e + 3, f]
            change[i] += a * rest[e] + b * rest[e + 1] + c * rest[e + 2] + d * rest[e + 3]
            for j in range(i, n):
                g = begin + j
                normal[i, j] += a * z[e, g] + b * z[e + 1, g] + c * z[e + 2, g] + d * z[e + 3, g]
    _solve(normal, n, change)
    for i in range(n):
        v[row, begin + i] += change[i]
    for e in range(height):
        product = np.float32(0.0)
        for i in range(n):
            product += z[e, begin + i] * change[i]
        rest[e] -= product


@numba.njit(
    f"void({_ROWS} int64, float32[:, ::1])",
    nogil=True,
    cache=True,
    fastmath=True,
    error_model="numpy",
)
def sweep_rows(
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    scales: Vector,
    targets: Vector,
    fixed: Matrix,
    energies: Vector,
    penalties: Vector,
    start: int,
    stop: int,
    block_size: int,
    out: Matrix,
) -> None:
    """Solve for one block of factors after another, the others held, in rows start .. stop-1.

    The arrays are those of `descend_rows`; blocks hold `block_size` factors, the last one the rest.
    """
    n_factors = fixed.shape[1]
    height = _height(indptr, start, stop)
    z, rest = np.empty((height, n_factors), np.float32), np.empty(height, np.float32)
    side = min(block_size, n_factors)
    normal, change = np.empty((side, side), np.float32), np.empty(side, np.float32)
    shrink = np.empty(n_factors, np.float32)
    for row in range(start, stop):
        for f in range(n_factors):
            shrink[f] = np.float32(1.0) / np.sqrt(energies[f] + penalties[row])
            out[row, f] /= shrink[f]
        height = _gather(indptr, columns, scales, targets, fixed, shrink, row, z, rest)
        for e in range(height):
            for f in range(n_factors):
                rest[e] -= z[e, f] * out[row, f]
        for begin in range(0, n_factors, block_size):
            end = min(begin + block_size, n_factors)
            _solve_block(z, height, rest, begin, end, normal, change, out, row)
        for f in range(n_factors):
            out[row, f] *= shrink[f]
