r"""Learn the cluster index of a ranker whose catalogue is large (`models/clusters.py`).

k-means of the item factors (Lloyd 1982) on a random sample, then each item goes to its nearest
center. Distances are those of the factors as they are, not of their directions: items of large
factors, which are on most lists, then have small clusters of their own.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ..contracts.protocols import Model
from ..models.blend import BlendModel
from ..models.clusters import ClusterIndex
from ..models.factor import FactorModel
from ..models.recent import RecentFirst
from ..models.spectral import SpectralFilterModel
from ..models.taste import LARGE
from ..models.weighted_factor import WeightedFactorModel
from .workers import Workers, open_workers

SHARE = 0.02
"""Of the open items that are scored for an answer; `benchmarks/retrieval.py` tells the recall."""

_SAMPLED_PER_CLUSTER = 48
_N_TURNS = 5
_PIECE_ROWS = 8192

Matrix = NDArray[np.float32]
M = TypeVar("M", bound=Model)


def with_index(model: Model, *, seed: int, least_items: int = LARGE) -> Model:
    """The same ranker, able to find the best of a large catalogue without scoring all of it.

    Unchanged where it has no more than `least_items` items, or no factors.
    """
    if isinstance(model, BlendModel):
        parts = tuple(
            RecentFirst(with_index(part.model, seed=seed, least_items=least_items), part.exponent)
            for part in model.components
        )
        return replace(model, components=parts)
    if not isinstance(model, FactorModel | WeightedFactorModel | SpectralFilterModel):
        return model
    if len(model.item_factors) <= least_items or not model.item_factors.shape[1]:
        return model
    return replace(model, index=learn_index(model.item_factors, seed=seed))


def learn_index(
    factors: Matrix, *, seed: int, share: float = SHARE, n_threads: int | None = None
) -> ClusterIndex:
    """The index of factors, float32 (n_items, n_factors); the same at any number of threads."""
    n_items = len(factors)
    n_clusters = max(1, min(n_items, int(2 * np.sqrt(n_items))))
    rng = np.random.default_rng(seed)
    with threadpool_limits(1, user_api="blas"), open_workers(n_threads) as workers:
        n_sampled = min(n_items, _SAMPLED_PER_CLUSTER * n_clusters)
        sample = factors[np.sort(rng.choice(n_items, n_sampled, replace=False))]
        centers = sample[rng.choice(n_sampled, n_clusters, replace=False)]
        for _ in range(_N_TURNS):
            centers = _means(sample, _nearest(sample, centers, workers), centers)
        nearest = _nearest(factors, centers, workers)
        exact = factors.mean(axis=0, dtype=np.float64)
        squares = _gramian(factors) / n_items
    order = np.argsort(nearest, kind="stable").astype(np.int32)
    lines = factors[order]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(nearest, minlength=n_clusters))])
    centers, variances = _spreads(lines, indptr)
    return ClusterIndex(
        indptr=indptr.astype(np.int64),
        items=order,
        factors=lines,
        lengths=np.sqrt(np.einsum("if,if->i", lines, lines)),
        centers=centers,
        variances=variances,
        mean=exact,
        covariance=squares - np.outer(exact, exact),
        share=share,
    )


def _nearest(points: Matrix, centers: Matrix, workers: Workers) -> NDArray[np.int64]:
    """The nearest center of each point, int64 (n,); ties: the lower one."""
    halves = 0.5 * np.einsum("cf,cf->c", centers, centers)
    nearest = np.empty(len(points), dtype=np.int64)

    def assign(start: int) -> None:
        part = slice(start, start + _PIECE_ROWS)
        nearest[part] = (points[part] @ centers.T - halves).argmax(axis=1)

    workers.run(partial(assign, start) for start in range(0, len(points), _PIECE_ROWS))
    return nearest


def _means(points: Matrix, nearest: NDArray[np.int64], centers: Matrix) -> Matrix:
    """The mean of the points of each center; one without points stays where it is."""
    order = np.argsort(nearest, kind="stable")
    filled, starts = np.unique(nearest[order], return_index=True)
    sums = np.add.reduceat(points[order].astype(np.float64), starts)
    moved = centers.copy()
    moved[filled] = sums / np.diff(starts, append=len(points))[:, None]
    return moved


def _spreads(lines: Matrix, indptr: NDArray[np.int64]) -> tuple[Matrix, Matrix]:
    """Mean and variance of the lines of each cluster, float32 (n_clusters, n_factors) each."""
    shape = len(indptr) - 1, lines.shape[1]
    means, variances = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for cluster, (start, stop) in enumerate(zip(indptr[:-1], indptr[1:], strict=True)):
        if stop > start:
            own = lines[start:stop].astype(np.float64)
            means[cluster], variances[cluster] = own.mean(axis=0), own.var(axis=0)
    return means, variances


def _gramian(factors: Matrix) -> NDArray[np.float64]:
    """F^T F, float64 (n_factors, n_factors), summed piece by piece."""
    total = np.zeros((factors.shape[1], factors.shape[1]))
    for start in range(0, len(factors), _PIECE_ROWS):
        piece = factors[start : start + _PIECE_ROWS].astype(np.float64)
        total += piece.T @ piece
    return total
