"""Pick the best n of many scores, exactly and always the same way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import NO_ITEM, TopN


def top_n(scores: NDArray[np.float32], n: int) -> TopN:
    """Order the n >= 1 best items of each row of `scores`, float32 (batch, n_items).

    -inf marks items that must not appear. Ties go to the lower row. Raises ValueError for a NaN
    score: it has no place in an order.
    """
    if np.isnan(scores).any():
        raise ValueError("scores must not be NaN")
    batch, n_items = scores.shape
    items = np.full((batch, n), NO_ITEM, dtype=np.int32)
    best = np.full((batch, n), -np.inf, dtype=np.float32)
    for user in range(batch):
        chosen = _best(scores[user], min(n, n_items))
        items[user, : len(chosen)] = chosen
        best[user, : len(chosen)] = scores[user, chosen]
    return TopN(items=items, scores=best)


def _best(scores: NDArray[np.float32], n: int) -> NDArray[np.int64]:
    """Rows of the n best scores, best first, -inf left out."""
    if n < len(scores):
        least = np.partition(scores, len(scores) - n)[len(scores) - n]
        candidates = np.flatnonzero((scores >= least) & (scores > -np.inf))
    else:
        candidates = np.flatnonzero(scores > -np.inf)
    return candidates[np.argsort(-scores[candidates], kind="stable")[:n]]
