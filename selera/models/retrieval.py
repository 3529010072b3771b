r"""Retrieval: from a taste to a list, in two stages where the catalogue is large.

First candidates: rows among which the best open items are (`Taste.best`). Then the scores of these
alone (`Taste.of`), and their order. What may not be recommended is out before the first stage, so a
filter that leaves three items gives exactly those three; few open items are all candidates.

A boost is added to the scores in units of the deviation of the user's own scores::

    score'(u, i) = score(u, i) + boost_i * deviation(u)

so that 1 lifts an item as far for everyone, whatever the model's scale. Boosted items are
candidates beside the best of the others, whose order it leaves alone; where they are many, all
items are scored.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import NO_ITEM, TopN
from ..contracts.protocols import Taste
from .clusters import DIRECT
from .topn import best_places

Scored = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Item rows, best first, and their scores."""


def retrieve(
    taste: Taste,
    n: int,
    open: NDArray[np.bool_],
    boost: NDArray[np.float32] | None = None,
) -> Scored:
    """The n best `open` items, bool (n_items,); all of them where there are fewer."""
    candidates = np.sort(_candidates(taste, n, open, boost))
    scores = taste.of(candidates)
    if boost is not None:
        scores = scores + boost[candidates] * np.float32(taste.moments()[1])
    chosen = best_places(scores, n)
    return candidates[chosen], scores[chosen]


def _candidates(
    taste: Taste, n: int, open: NDArray[np.bool_], boost: NDArray[np.float32] | None
) -> NDArray[np.int64]:
    if np.count_nonzero(open) <= max(DIRECT, n):
        return np.flatnonzero(open)
    if boost is None:
        return taste.best(n, open)
    boosted = open & (boost != 0)
    if np.count_nonzero(boosted) > DIRECT:
        return np.flatnonzero(open)
    return np.concatenate([np.flatnonzero(boosted), taste.best(n, open & ~boosted)])


def retrieve_top(
    tastes: Sequence[Taste],
    n: int,
    *,
    allowed: NDArray[np.bool_] | None = None,
    exclude_seen: bool = True,
    boost: NDArray[np.float32] | None = None,
) -> TopN:
    """The lists of several tastes, as `retrieve` finds them.

    allowed : bool (n_items,), bounds the items before they are ranked; None bounds nothing
    exclude_seen : leave out the items of the history
    """
    top = TopN(
        np.full((len(tastes), n), NO_ITEM, dtype=np.int32),
        np.full((len(tastes), n), -np.inf, dtype=np.float32),
    )
    for user, taste in enumerate(tastes):
        open = open_items(taste, allowed, exclude_seen)
        items, scores = retrieve(taste, n, open, boost)
        top.items[user, : len(items)] = items
        top.scores[user, : len(items)] = scores
    return top


def open_items(
    taste: Taste, allowed: NDArray[np.bool_] | None, exclude_seen: bool
) -> NDArray[np.bool_]:
    """What may be recommended, bool (n_items,)."""
    open = np.ones(taste.n_items, dtype=np.bool_) if allowed is None else allowed.copy()
    if exclude_seen:
        open[taste.history.items] = False
    return open
