r"""EASE: every item is a linear regression on all others, solved at once.

Steck 2019, "Embarrassingly shallow autoencoders for sparse data", eq. 1 and 8::

    min ||X - X B||^2 + ||Lambda^1/2 B||^2  with diag(B) = 0,    Lambda = diag(lambda_i)
    P = (X^T X + Lambda)^-1,    B_ij = -P_ij / P_jj

The paper's lambda_i are all the same. Here they may grow with the popularity of the item that is
regressed on, lambda_i = lambda (G_ii / mean G_ii)^popularity_exponent with G = X^T X; exponent 1
alone is the denoising autoencoder of Steck 2020, "Autoencoders that don't overfit towards the
identity". Two more things are ours. Each row of X is divided by |x_u|^user_damping, so that a user
of a long history says less of each pair. And lambda is counted in mean squares of the entries of
X, so that neither that nor the weights of behaviors move it; with weights 1 it is the paper's.

B has n_items^2 entries, most of them tiny: what is served keeps the `n_neighbors` of largest size
of each row, negative ones too. Above `dense_items_limit` items the inverse is left out, and
each item is regressed on near items only (`selera.training.neighborhoods`).

There is no random choice. The same bytes at any number of threads: each row of the Gramian, tile of
the inverse and regression is computed by one thread in an order that the data decide.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ..contracts.errors import ConfigError
from ..contracts.histories import Histories
from ..contracts.protocols import Progress, silent
from ..contracts.sparse import SparseMatrix
from ..kernels.sparse import multiply_sparse_rows
from ..models.item_graph import ItemGraphModel
from .dense_inverse import invert_in_place
from .neighborhoods import regress_on_nearest
from .products import transposed
from .typed import matrix_of, power, sums_by
from .workers import open_workers

_ROWS_AT_ONCE = 256


class EaseConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of EASE."""

    regularization: Annotated[float, Meta(ge=1e-3, le=1e7)] = 50.0
    popularity_exponent: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.5
    user_damping: Annotated[float, Meta(ge=0.0, le=2.0)] = 0.5
    n_neighbors: Annotated[int, Meta(ge=1, le=100_000)] = 200
    dense_items_limit: Annotated[int, Meta(ge=0, le=200_000)] = 12_000
    history_exponent: Annotated[float, Meta(ge=0.0, le=2.0)] = 0.5


def fit_ease(
    histories: Histories,
    n_items: int,
    config: EaseConfig,
    *,
    n_threads: int | None = None,
    progress: Progress = silent,
) -> ItemGraphModel:
    """Learn the edges from the weights of all users' histories.

    Items without any weight have no edges, and so the score 0 for everyone. Raises ConfigError
    where the regularization is too small for float32.
    """
    if n_items > config.dense_items_limit:
        matrix = _damped(histories, n_items, config)
        regressions = regress_on_nearest(
            matrix,
            _penalties(matrix, config),
            config.n_neighbors,
            n_threads=n_threads,
            progress=progress,
        )
        return ItemGraphModel(transposed(regressions), config.history_exponent)
    weights = dense_weights(histories, n_items, config, n_threads=n_threads, progress=progress)
    edges = strongest_edges(weights, config.n_neighbors, n_threads=n_threads)
    return ItemGraphModel(edges, config.history_exponent)


def dense_weights(
    histories: Histories,
    n_items: int,
    config: EaseConfig,
    *,
    n_threads: int | None = None,
    progress: Progress = silent,
) -> NDArray[np.float32]:
    """All of B, float32 (n_items, n_items), diagonal 0: a history's row of X @ B is its scores.

    Memory: the matrix once, and three panels of it. Raises as `fit_ease`.
    """
    matrix = _damped(histories, n_items, config)
    weights = _gramian(matrix, n_threads)
    diagonal = weights.reshape(-1)[:: n_items + 1]  # a view
    diagonal += _penalties(matrix, config)
    try:
        invert_in_place(weights, n_threads=n_threads, progress=progress)
    except np.linalg.LinAlgError as error:
        raise ConfigError(
            "training.ease.regularization is too small for these data, got "
            f"{config.regularization:g}: the Gramian cannot be inverted in float32; raise it"
        ) from error
    weights /= -diagonal
    diagonal[:] = 0.0
    return weights


def strongest_edges(
    weights: NDArray[np.float32], n_neighbors: int, *, n_threads: int | None = None
) -> SparseMatrix:
    """The `n_neighbors` entries of largest size of each row; of equal ones those further left."""
    n_items = len(weights)
    lengths = np.zeros(n_items + 1, dtype=np.int64)
    parts: dict[int, tuple[NDArray[np.int32], NDArray[np.float32]]] = {}

    def cut(start: int) -> None:
        block = weights[start : start + _ROWS_AT_ONCE]
        kept = _largest_of_rows(np.abs(block), n_neighbors)
        lengths[start + 1 : start + 1 + len(block)] = np.count_nonzero(kept, axis=1)
        parts[start] = np.nonzero(kept)[1].astype(np.int32), block[kept]

    with open_workers(n_threads) as workers:
        workers.run(partial(cut, start) for start in range(0, n_items, _ROWS_AT_ONCE))
    columns, values = zip(*(parts[start] for start in sorted(parts)), strict=True)
    indptr = np.cumsum(lengths)
    return SparseMatrix(indptr, np.concatenate(columns), np.concatenate(values), n_items)


def _largest_of_rows(sizes: NDArray[np.float32], most: int) -> NDArray[np.bool_]:
    """Where the `most` largest entries above 0 of each row are, bool, of the shape of `sizes`."""
    kept = sizes > 0
    if most < sizes.shape[1]:
        least = -np.partition(-sizes, most - 1, axis=1)[:, most - 1 : most]
        above, ties = sizes > least, sizes == least
        room = most - np.count_nonzero(above, axis=1, keepdims=True)
        kept &= above | (ties & (np.cumsum(ties, axis=1) <= room))
    return kept


def _damped(histories: Histories, n_items: int, config: EaseConfig) -> SparseMatrix:
    """X: the weights to their exponent, long histories damped."""
    weights = power(histories.weights.astype(np.float64), config.history_exponent)
    lengths = np.sqrt(sums_by(histories.rows, weights**2, len(histories)))
    scales = power(lengths, -config.user_damping)
    return matrix_of(histories, weights * scales[histories.rows], n_items)


def _penalties(matrix: SparseMatrix, config: EaseConfig) -> NDArray[np.float32]:
    """The lambda of each item, float32 (n_items,), that of an unknown item as of the rarest."""
    squares = np.square(matrix.values, dtype=np.float64)
    sums = sums_by(matrix.columns, squares, matrix.n_columns)
    known = sums > 0
    if not known.any():
        return np.full(matrix.n_columns, config.regularization, dtype=np.float32)
    popularity = np.maximum(sums, sums[known].min()) / sums[known].mean()
    penalties = config.regularization * squares.mean() * popularity**config.popularity_exponent
    return np.asarray(penalties, dtype=np.float32)


def _gramian(matrix: SparseMatrix, n_threads: int | None) -> NDArray[np.float32]:
    """X^T X, float32 (n_items, n_items)."""
    n_items = matrix.n_columns
    out = np.empty((n_items, n_items), dtype=np.float32)
    left = transposed(matrix)
    arrays = left.indptr, left.columns, left.values, matrix.indptr, matrix.columns, matrix.values
    with open_workers(n_threads) as workers:
        workers.run(
            partial(multiply_sparse_rows, *arrays, start, min(start + _ROWS_AT_ONCE, n_items), out)
            for start in range(0, n_items, _ROWS_AT_ONCE)
        )
    return out
