r"""A ranker that is asked with recent items first: what came last says most of what comes next.

::

    w'_uj = w_uj * (1 + rank_uj) ** -exponent

rank_uj = 0 for the item that the user touched last, 1 for the one before, and so on; items of equal
age share the lower rank, items of unknown age count as the oldest. The ranker itself is untouched:
only the question is, so explanations stay exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Explanation, Histories, TopN
from ..contracts.protocols import Algebra, Model, Taste
from .algebra import NUMPY


@dataclass(frozen=True, slots=True)
class RecentFirst:
    """A ranker and how fast older items of a history fade; 0 is the ranker as it is."""

    model: Model
    exponent: float

    def score(self, histories: Histories, algebra: Algebra = NUMPY) -> NDArray[np.float32]:
        """Scores of all items, float32 (batch, n_items)."""
        return self.model.score(recent_first(histories, self.exponent), algebra)

    def taste(self, history: Histories) -> Taste:
        """One history, faded and folded in."""
        return self.model.taste(recent_first(history, self.exponent))

    def similar(
        self, items: NDArray[np.int32], n: int, allowed: NDArray[np.bool_] | None = None
    ) -> TopN:
        """As the ranker says: likeness has no time."""
        return self.model.similar(items, n, allowed)

    def likeness(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32] | None:
        """As the ranker says."""
        return self.model.likeness(items)

    def explain(self, history: Histories, item: int) -> Explanation:
        """The exact additive parts of the score, recent items weighing more."""
        return self.model.explain(recent_first(history, self.exponent), item)


def recent_first(histories: Histories, exponent: float) -> Histories:
    """The same histories, older items weighing less."""
    if exponent == 0 or not len(histories.items):
        return histories
    faded = (1.0 + recency_ranks(histories)) ** -exponent
    return replace(histories, weights=(histories.weights * faded).astype(np.float32))


def recency_ranks(histories: Histories) -> NDArray[np.int64]:
    """How many items of the same history are younger, int64 (nnz,)."""
    rows = histories.rows
    order = np.lexsort((histories.ages, rows))  # NaN sorts last: unknown is oldest
    ages, owners = histories.ages[order], rows[order]
    places = np.arange(len(order))
    begins = np.ones(len(order), dtype=np.bool_)
    same_age = (ages[1:] == ages[:-1]) | (np.isnan(ages[1:]) & np.isnan(ages[:-1]))
    begins[1:] = (owners[1:] != owners[:-1]) | ~same_age
    first_of_age = np.maximum.accumulate(np.where(begins, places, 0))
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = first_of_age - histories.indptr[owners]
    return ranks
