r"""EASE for large catalogues: each item is regressed on its nearest items only.

EASE's column j is the ridge regression of item j on all other items. Here it is the exact one on a
neighborhood N_j of `n_neighbors` items, and 0 elsewhere::

    b_j = (G_NN + Lambda_NN)^-1 G_Nj,    G = X^T X

N_j are the items i of largest G_ij / sqrt(G_ii + lambda_i): those that foretell j best, each on its
own. This is the feature selection of fsSLIM (Ning & Karypis 2011, "SLIM: sparse linear methods for
top-n recommender systems", section 5.2) with EASE's penalty for SLIM's, so that each regression has
a closed form; the idea of many small systems instead of one large inverse is that of Steck 2019,
"Markov random fields for collaborative filtering". With all items as neighbors it is EASE.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..contracts.protocols import Progress, silent
from ..contracts.sparse import SparseMatrix
from ..kernels.neighborhoods import regress_on_neighbors
from .products import largest_of_product, transposed
from .workers import open_workers

_ITEMS_AT_ONCE = 32
_ITEMS_BETWEEN_REPORTS = 2048


def regress_on_nearest(
    matrix: SparseMatrix,
    penalties: NDArray[np.float32],
    n_neighbors: int,
    *,
    n_threads: int | None = None,
    progress: Progress = silent,
) -> SparseMatrix:
    """The regression weights of each item in a row, on at most `n_neighbors` others, never itself.

    matrix : X, users x items, values >= 0
    penalties : float32 (n_items,), the lambda of each item, > 0
    """
    n_items = matrix.n_columns
    columns = transposed(matrix)
    gramian = largest_of_product(columns, matrix, n_threads=n_threads)
    squares = np.bincount(matrix.columns, np.square(matrix.values, dtype=np.float64), n_items)
    nearest = largest_of_product(
        columns,
        matrix,
        n_neighbors,
        column_scales=(1.0 / np.sqrt(squares + penalties)).astype(np.float32),
        self_weight=0.0,
        n_threads=n_threads,
    )
    weights = np.empty_like(nearest.values)
    near = nearest.indptr, nearest.columns
    arrays = gramian.indptr, gramian.columns, gramian.values, penalties, *near

    with open_workers(n_threads) as workers:
        for first in range(0, n_items, _ITEMS_BETWEEN_REPORTS):
            last = min(first + _ITEMS_BETWEEN_REPORTS, n_items)
            workers.run(
                partial(
                    regress_on_neighbors,
                    *arrays,
                    start,
                    min(start + _ITEMS_AT_ONCE, last),
                    weights,
                )
                for start in range(first, last, _ITEMS_AT_ONCE)
            )
            progress("regressions", last, n_items)
    return SparseMatrix(nearest.indptr, nearest.columns, weights, n_items)
