r"""Truncated SVD of a large sparse matrix X by a random block Krylov space.

Musco & Musco 2015, "Randomized block Krylov methods for stronger and faster approximate singular
value decomposition", algorithm 2: the leading eigenvectors of X^T X or X X^T, whichever is smaller,
are sought among a random block and its products (`selera.training.krylov`). Power iterations
(Halko, Martinsson & Tropp 2011) keep the last product only; where singular values fall slowly, as
those of normalized behavior matrices do, they blur the last of the wanted vectors with those that
follow. One more projection, on the larger side, makes small singular values as exact as large ones.

Deterministic for a seed at any number of threads: ranges of rows depend on the data alone, and BLAS
runs on one thread. Signs are fixed so that each right vector's largest entry is positive.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from ..contracts.protocols import Progress, silent
from ..contracts.sparse import SparseMatrix
from ..kernels.sparse import multiply_rows
from .krylov import leading_eigenvectors
from .products import sparse_of
from .tall import Matrix, gram, times
from .workers import Workers, open_workers

_ROWS_PER_TASK = 4096
_ROOM = 56


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
    n_power_iterations : q. The space has k + 56 sqrt(k) dimensions in q + 1 blocks, so more
        iterations are more exact at about the same cost
    k : min(n_factors, n_rows, n_columns), less where further singular values are numerically 0
    """
    n_rows, n_columns = matrix.shape
    k = min(n_factors, n_rows, n_columns)
    if k == 0:
        return np.empty(0, np.float32), np.empty((n_columns, 0), np.float32)
    rows, columns = sparse_of(matrix), sparse_of(matrix.T.tocsr())
    rows_are_fewer = n_rows < n_columns
    there, back = (columns, rows) if rows_are_fewer else (rows, columns)
    with threadpool_limits(1, user_api="blas"), open_workers(n_threads) as workers:
        leading = leading_eigenvectors(
            lambda block: _multiply(back, _multiply(there, block, workers), workers),
            min(n_rows, n_columns),
            k,
            size=min(k + int(_ROOM * np.sqrt(k)), n_rows, n_columns),
            n_steps=n_power_iterations,
            rng=np.random.default_rng(seed),
            workers=workers,
            progress=progress,
        )
        opposite = _multiply(there, leading, workers)  # (the larger side, k)
        squares, turns = np.linalg.eigh(gram(opposite, workers))
        values, turns = np.sqrt(np.maximum(squares[::-1], 0.0)), turns[:, ::-1]
        kept = values > values[0] * _noise(matrix.shape)
        values, turns = values[kept], turns[:, kept]
        if rows_are_fewer:
            vectors = times(opposite, turns / values, workers)
        else:
            vectors = times(leading, turns, workers)
    return values.astype(np.float32), _with_fixed_signs(vectors)


def _noise(shape: tuple[int, int]) -> float:
    """What rounding makes of a singular value of 0, as a share of the largest."""
    return float(10 * np.finfo(np.float32).eps * np.sqrt(max(shape)))


def _multiply(matrix: SparseMatrix, dense: Matrix, workers: Workers) -> Matrix:
    """matrix @ dense, float32 (n_rows, width), a range of rows to each thread."""
    out = np.empty((matrix.n_rows, dense.shape[1]), dtype=np.float32)
    arrays = matrix.indptr, matrix.columns, matrix.values
    workers.run(
        partial(multiply_rows, *arrays, dense, start, min(start + _ROWS_PER_TASK, len(out)), out)
        for start in range(0, len(out), _ROWS_PER_TASK)
    )
    return out


def _with_fixed_signs(vectors: Matrix) -> Matrix:
    """Each column turned so that its entry of largest size is positive."""
    if not vectors.size:
        return vectors
    largest = np.abs(vectors).argmax(axis=0)
    return vectors * np.where(vectors[largest, np.arange(vectors.shape[1])] < 0, -1, 1).astype(
        np.float32
    )
