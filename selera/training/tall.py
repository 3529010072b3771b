"""Algebra of tall dense blocks, (n_rows, few columns), a range of rows to each thread.

The ranges depend on the number of rows alone and their sums are added in order, so results are the
same at any number of threads. BLAS must be limited to one thread by the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from .workers import Workers

Matrix = NDArray[np.float32]

_ROWS_PER_TASK = 4096


def each_range(n_rows: int, work: Callable[[int, int, int], None], workers: Workers) -> int:
    """Call work(place, start, stop) for each range of rows; returns how many ranges there are."""
    starts = range(0, n_rows, _ROWS_PER_TASK)
    workers.run(
        partial(work, place, start, min(start + _ROWS_PER_TASK, n_rows))
        for place, start in enumerate(starts)
    )
    return len(starts)


def inner_products(left: Matrix, right: Matrix, workers: Workers) -> Matrix:
    """left^T right, float32 (n_left, n_right); the sums of ranges are added in float64."""
    partial_sums: dict[int, Matrix] = {}

    def work(place: int, start: int, stop: int) -> None:
        partial_sums[place] = left[start:stop].T @ right[start:stop]

    n_ranges = each_range(len(left), work, workers)
    total = np.zeros((left.shape[1], right.shape[1]))
    for place in range(n_ranges):
        total += partial_sums[place]
    return total.astype(np.float32)


def gram(block: Matrix, workers: Workers) -> NDArray[np.float64]:
    """block^T block, computed in float64 (k, k): its small eigenvalues are those of the block."""
    partial_sums: dict[int, NDArray[np.float64]] = {}

    def work(place: int, start: int, stop: int) -> None:
        rows = block[start:stop].astype(np.float64)
        partial_sums[place] = rows.T @ rows

    n_ranges = each_range(len(block), work, workers)
    total = np.zeros((block.shape[1], block.shape[1]))
    for place in range(n_ranges):
        total += partial_sums[place]
    return total


def subtract_product(block: Matrix, left: Matrix, right: Matrix, workers: Workers) -> None:
    """block -= left @ right, in place."""

    def work(place: int, start: int, stop: int) -> None:
        block[start:stop] -= left[start:stop] @ right

    each_range(len(block), work, workers)


def times(block: Matrix, right: NDArray[np.float64], workers: Workers) -> Matrix:
    """block @ right, float32 (n_rows, n_right)."""
    small = right.astype(np.float32)
    out = np.empty((len(block), small.shape[1]), dtype=np.float32)

    def work(place: int, start: int, stop: int) -> None:
        np.matmul(block[start:stop], small, out=out[start:stop])

    each_range(len(block), work, workers)
    return out


def orthonormal(block: Matrix, least: float, workers: Workers) -> Matrix:
    """An orthonormal basis of the block's columns, without directions shorter than `least`.

    By the eigenvectors of the Gram matrix, twice, since once is not exact in float32. It has no
    more columns than the block, and none where all of the block is shorter.
    """
    for shortest in (least, 0.5):
        squares, vectors = np.linalg.eigh(gram(block, workers))
        kept = squares > shortest**2
        block = times(block, vectors[:, kept] / np.sqrt(squares[kept]), workers)
    return block
