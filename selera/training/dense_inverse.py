r"""The inverse of a large symmetric positive definite matrix, in its own place.

The sweep operator (Goodnight 1979, "A tutorial on the SWEEP operator"), by blocks: for each block
k of rows and columns, with the pivot A_kk and all other blocks i, j::

    A_ij -= A_ik A_kk^-1 A_kj,    A_ik = A_ik A_kk^-1,    A_kk = -A_kk^-1

After the last block A holds -A^-1. It takes the n^3 floating point operations of a Cholesky
factorization with its inverse, because only the lower triangle is worked on; but each step is made
of products of one shape, and needs three panels beside the matrix. LAPACK's own pair of routines
is not used: in 32-bit builds its indices overflow at some tens of thousands of rows.

The same bytes at any number of threads: a tile is one product of a fixed shape on one BLAS thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ..contracts.protocols import Progress, silent
from .workers import Task, open_workers

Matrix = NDArray[np.float32]
Runner = Callable[[Iterable[Task]], None]

_BLOCK = 1024
_SMALL_BLOCK = 128


def invert_in_place(
    matrix: Matrix,
    *,
    block: int = _BLOCK,
    n_threads: int | None = None,
    progress: Progress = silent,
) -> None:
    """Replace a symmetric positive definite matrix, float32 (n, n), by its inverse, in place.

    Only the lower triangle is read; both are written, and the result is exactly symmetric. `block`
    is the width of a step. Raises numpy.linalg.LinAlgError where the matrix is not positive
    definite in float32.
    """
    with threadpool_limits(1, user_api="blas"), open_workers(n_threads) as workers:
        _invert(matrix, block, workers.run, progress)


def _invert(matrix: Matrix, block: int, run: Runner, progress: Progress = silent) -> None:
    tiles = [slice(at, min(at + block, len(matrix))) for at in range(0, len(matrix), block)]
    for done, pivot in enumerate(tiles, start=1):
        _sweep(matrix, pivot, tiles, run)
        progress("dense inverse", done, len(tiles))
    run(
        partial(_negate_and_mirror, matrix, rows, columns)
        for place, rows in enumerate(tiles)
        for columns in tiles[: place + 1]
    )


def _sweep(matrix: Matrix, pivot: slice, tiles: list[slice], run: Runner) -> None:
    """One step of the sweep, on the lower triangle."""
    inverse = _inverse_of_block(matrix[pivot, pivot])
    panel = np.empty((len(matrix), len(inverse)), dtype=np.float32)
    panel[: pivot.start] = matrix[pivot, : pivot.start].T
    panel[pivot.stop :] = matrix[pivot.stop :, pivot]
    divided = np.empty_like(panel)
    others = [tile for tile in tiles if tile != pivot]
    run(partial(np.matmul, panel[tile], inverse, divided[tile]) for tile in others)
    run(
        partial(_subtract_product, divided[rows], panel[columns], matrix[rows, columns])
        for place, rows in enumerate(others)
        for columns in others[: place + 1]
    )
    matrix[pivot, : pivot.start] = divided[: pivot.start].T
    matrix[pivot.stop :, pivot] = divided[pivot.stop :]
    np.negative(inverse, out=matrix[pivot, pivot])


def _inverse_of_block(block: Matrix) -> Matrix:
    """The inverse of a pivot, symmetric; by narrower sweeps down to what LAPACK does at once."""
    if len(block) > _SMALL_BLOCK:
        inverse = block.copy()
        _invert(inverse, _SMALL_BLOCK, _one_after_the_other)
        return inverse
    root = np.linalg.inv(np.linalg.cholesky(block))
    product: Matrix = root.T @ root
    return product


def _one_after_the_other(tasks: Iterable[Task]) -> None:
    for task in tasks:
        task()


def _subtract_product(left: Matrix, right: Matrix, out: Matrix) -> None:
    """out -= left @ right.T, in place."""
    np.subtract(out, left @ right.T, out=out)


def _negate_and_mirror(matrix: Matrix, rows: slice, columns: slice) -> None:
    """Change the sign of a tile of the lower triangle, and copy it into the upper one."""
    tile = np.negative(matrix[rows, columns])
    if rows == columns:
        tile = np.tril(tile) + np.tril(tile, -1).T
    matrix[rows, columns] = tile
    matrix[columns, rows] = tile.T
