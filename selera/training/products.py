"""Products of sparse matrices of which each row keeps its largest entries, on all processors."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..contracts.sparse import SparseMatrix
from ..kernels.cooccurrence import product_rows
from .workers import open_workers

_ENTRIES_PER_TASK = 2_000_000


def sparse_of(matrix: csr_array) -> SparseMatrix:
    """A SciPy matrix as plain arrays in the kernels' types; nothing is copied where they fit."""
    return SparseMatrix(
        indptr=matrix.indptr.astype(np.int64, copy=False),
        columns=matrix.indices.astype(np.int32, copy=False),
        values=matrix.data.astype(np.float32, copy=False),
        n_columns=matrix.shape[1],
    )


def scipy_of(matrix: SparseMatrix) -> csr_array:
    """The same matrix for SciPy, as a view."""
    arrays = matrix.values, matrix.columns, matrix.indptr
    return csr_array(arrays, shape=(matrix.n_rows, matrix.n_columns))


def transposed(matrix: SparseMatrix) -> SparseMatrix:
    """The transposed matrix, columns rising."""
    return sparse_of(scipy_of(matrix).T.tocsr())


@dataclass(frozen=True, slots=True)
class _Rows:
    """A range of rows of a product: where it starts, and its entries once they are known."""

    start: int
    ends: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: NDArray[np.float32]


def largest_of_product(
    left: SparseMatrix,
    right: SparseMatrix,
    most: int | None = None,
    *,
    column_scales: NDArray[np.float32] | None = None,
    shrinkage: float = 0.0,
    self_weight: float = 1.0,
    n_threads: int | None = None,
) -> SparseMatrix:
    """The `most` largest entries of each row of `left @ right`; None keeps all that are not 0.

    column_scales : float32 (n_columns,); each entry is multiplied by that of its column
    shrinkage : each entry is multiplied by n / (n + shrinkage), n = how many summands it has
    self_weight : the entries on the diagonal are multiplied by it

    Scaled first, then selected; of equal entries those in lower columns are kept. The same at any
    number of threads: each row is summed by one thread, in the order of `left`.
    """
    most = right.n_columns if most is None else most
    scales = np.ones(right.n_columns, np.float32) if column_scales is None else column_scales
    bounds = np.minimum(_summands(left, right), min(most, right.n_columns))
    arrays = (left.indptr, left.columns, left.values, right.indptr, right.columns, right.values)
    numbers = np.float32(shrinkage), np.float32(self_weight), most
    parts: list[_Rows | None] = []

    def work(place: int, start: int, stop: int) -> None:
        room = int(bounds[start:stop].sum())
        ends = np.empty(stop - start, dtype=np.int64)
        columns, values = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.float32)
        product_rows(*arrays, scales, *numbers, start, ends, columns, values)
        n = int(ends[-1])
        parts[place] = _Rows(start, ends, columns[:n].copy(), values[:n].copy())

    ranges = _ranges(bounds)
    parts.extend([None] * len(ranges))
    with open_workers(n_threads) as workers:
        workers.run(partial(work, place, *each) for place, each in enumerate(ranges))
    return _joined([part for part in parts if part is not None], right.n_columns)


def _summands(left: SparseMatrix, right: SparseMatrix) -> NDArray[np.int64]:
    """How many summands each row of the product has, which bounds its entries, int64 (n_rows,)."""
    totals = np.concatenate([[0], np.cumsum(np.diff(right.indptr)[left.columns])])
    summands: NDArray[np.int64] = np.diff(totals[left.indptr])
    return summands


def _ranges(bounds: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Ranges of rows with about as many entries each, whatever the number of threads."""
    parts = np.cumsum(bounds) // _ENTRIES_PER_TASK
    cuts = np.flatnonzero(np.diff(parts)) + 1
    edges = [0, *cuts.tolist(), len(bounds)]
    return [(start, stop) for start, stop in zip(edges, edges[1:], strict=False) if stop > start]


def _joined(parts: list[_Rows], n_columns: int) -> SparseMatrix:
    lengths = [np.diff(part.ends, prepend=0) for part in parts]
    return SparseMatrix(
        indptr=np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64),
        columns=np.concatenate([part.columns for part in parts]),
        values=np.concatenate([part.values for part in parts]),
        n_columns=n_columns,
    )
