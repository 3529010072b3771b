r"""Truncated SVD of a large sparse matrix by random projection.

Halko, Martinsson & Tropp 2011, "Finding structure with randomness", algorithms 4.4 and 5.1: a
random block Y = X G is pulled towards the leading singular directions by power iterations,
orthonormalized at each step; its range Q gives the small problem B = Q^T X, whose exact SVD is
lifted back. Deterministic for a seed at any number of threads: rows of a product are independent,
and BLAS runs on one thread. Signs are fixed so that each right vector's largest entry is positive.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from ..contracts.protocols import Progress, silent
from ..kernels.sparse import multiply_rows
from .workers import Workers, open_workers

Matrix = NDArray[np.float32]

_ROWS_PER_TASK = 4096
_OVERSAMPLING = 32


def truncated_svd(
    matrix: csr_array,
    n_factors: int,
    *,
    n_power_iterations: int = 8,
    seed: int,
    n_threads: int | None = None,
    progress: Progress = silent,
) -> tuple[NDArray[np.float32], Matrix]:
    """Leading singular values, float32 (k,) falling, and right vectors, float32 (n_columns, k).

    matrix : float32 (n_rows, n_columns), CSR
    k : min(n_factors, n_rows, n_columns)
    """
    n_rows, n_columns = matrix.shape
    rows, columns = _Sparse.of(matrix), _Sparse.of(matrix.T.tocsr())
    k = min(n_factors, n_rows, n_columns)
    width = min(k + _OVERSAMPLING, n_rows, n_columns)
    total = 2 * n_power_iterations + 2
    rng = np.random.default_rng(seed)
    block = rng.standard_normal((n_columns, width), dtype=np.float32)
    with threadpool_limits(1, user_api="blas"), open_workers(n_threads) as workers:
        block = _orthonormal(_multiply(rows, block, workers))
        progress("truncated svd", 1, total)
        for iteration in range(n_power_iterations):
            block = _orthonormal(_multiply(columns, block, workers))
            progress("truncated svd", 2 * iteration + 2, total)
            block = _orthonormal(_multiply(rows, block, workers))
            progress("truncated svd", 2 * iteration + 3, total)
        projected = _multiply(columns, block, workers)  # (n_columns, width) = X^T Q
        right, values, _ = np.linalg.svd(projected, full_matrices=False)
        progress("truncated svd", total, total)
    return values[:k], np.ascontiguousarray(_with_fixed_signs(right[:, :k]))


@dataclass(frozen=True, slots=True)
class _Sparse:
    """A CSR matrix in the types of the kernel."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    data: NDArray[np.float32]

    @classmethod
    def of(cls, matrix: csr_array) -> Self:
        indptr = matrix.indptr.astype(np.int64, copy=False)
        return cls(indptr, matrix.indices.astype(np.int32, copy=False), matrix.data)


def _multiply(matrix: _Sparse, dense: Matrix, workers: Workers) -> Matrix:
    """matrix @ dense, float32 (n_rows, width), a range of rows to each thread."""
    n_rows = len(matrix.indptr) - 1
    out = np.empty((n_rows, dense.shape[1]), dtype=np.float32)
    arrays = matrix.indptr, matrix.indices, matrix.data
    workers.run(
        partial(multiply_rows, *arrays, dense, start, min(start + _ROWS_PER_TASK, n_rows), out)
        for start in range(0, n_rows, _ROWS_PER_TASK)
    )
    return out


def _orthonormal(block: Matrix) -> Matrix:
    return np.ascontiguousarray(np.linalg.qr(block)[0])


def _with_fixed_signs(vectors: Matrix) -> Matrix:
    """Each column turned so that its entry of largest size is positive."""
    if not vectors.size:
        return vectors
    largest = np.abs(vectors).argmax(axis=0)
    return vectors * np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1, 1).astype(
        np.float32
    )
