"""Rank the whole catalogue for many users at once, on all processors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ..contracts.histories import Histories, TopN
from ..contracts.protocols import Scorer
from ..kernels.ranking import top_n_rows
from .algebra import KERNELS
from .workers import open_workers

_SCORES_AT_ONCE = 8_000_000

Scores = Callable[[Histories], NDArray[np.float32]]


def rank(
    model: Scorer,
    histories: Histories,
    n: int,
    *,
    hidden: NDArray[np.bool_] | None = None,
    candidates: NDArray[np.bool_] | None = None,
    n_threads: int | None = None,
) -> TopN:
    """The n best items for each history, exactly, no item sampled.

    hidden : bool (nnz,), the entries of the histories that must not be recommended; None hides all
    candidates : bool (n_items,), the items that may be recommended; None allows all

    Raises ValueError for a NaN score: it has no place in an order.
    """
    return rank_scores(
        partial(model.score, algebra=KERNELS),
        histories,
        n,
        hidden=hidden,
        candidates=candidates,
        n_threads=n_threads,
    )


def rank_scores(
    score: Scores,
    histories: Histories,
    n: int,
    *,
    hidden: NDArray[np.bool_] | None = None,
    candidates: NDArray[np.bool_] | None = None,
    width: int | None = None,
    n_threads: int | None = None,
) -> TopN:
    """The same for any function from histories to scores, float32 (batch, n_items).

    width : numbers that `score` holds at once for each history; None where those it returns are all
    """
    items = np.empty((len(histories), n), dtype=np.int32)
    best = np.empty((len(histories), n), dtype=np.float32)
    hidden = np.ones(len(histories.items), dtype=np.bool_) if hidden is None else hidden

    def rank_batch(start: int, stop: int) -> None:
        batch = histories.take(start, stop)
        scores = np.array(score(batch), dtype=np.float32, order="C")
        hides = hidden[int(histories.indptr[start]) : int(histories.indptr[stop])]
        scores[batch.rows[hides], batch.items[hides]] = -np.inf
        if candidates is not None:
            scores[:, ~candidates] = -np.inf
        if top_n_rows(scores, items[start:stop], best[start:stop]):
            raise ValueError("scores must not be NaN")

    batch_size = _batch_size(score, histories, width)
    with threadpool_limits(1, user_api="blas"), open_workers(n_threads) as workers:
        workers.run(
            partial(rank_batch, start, min(start + batch_size, len(histories)))
            for start in range(0, len(histories), batch_size)
        )
    return TopN(items, best)


def _batch_size(score: Scores, histories: Histories, width: int | None) -> int:
    """Users scored at once, so that a batch of scores fits into a few dozen megabytes."""
    if not len(histories):
        return 1
    width = int(score(histories.take(0, 1)).shape[1]) if width is None else width
    return max(1, min(512, _SCORES_AT_ONCE // max(width, 1)))
