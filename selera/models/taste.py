r"""A taste: what a model makes of one history, folded in once and asked whatever an answer needs.

The scores of all items, of some, the rows that hold the best, their mean and deviation, and the
exact parts of a score are five questions about the same folded-in user. A model says how its users
are folded in; `Taste` answers from the scores of all items whatever the model has no shorter way
to, which is the right way for a small catalogue. What is shorter for a large one is a subclass:
factors (`factor.py`), sums with few entries (`few.py`), and the blend of others (`blend.py`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Explanation, Explanations, Histories
from ..contracts.protocols import Taste as AnyTaste
from .topn import best_places

LARGE = 50_000
"""Items above which scoring all of them is no way to answer a request."""


class Taste(ABC):
    """Answers from the scores of all items, computed at most once.

    history : one history, as the model weighs it
    n_items : number of items that can be scored
    """

    __slots__ = ("_scores", "history", "n_items")

    def __init__(self, history: Histories, n_items: int) -> None:
        self.history = history
        self.n_items = n_items
        self._scores: NDArray[np.float32] | None = None

    @abstractmethod
    def _all(self) -> NDArray[np.float32]:
        """Scores of all items, float32 (n_items,)."""

    @abstractmethod
    def explain(self, items: NDArray[np.integer[Any]]) -> Explanations:
        """The exact additive parts of the scores of distinct items."""

    def all(self) -> NDArray[np.float32]:
        """Scores of all items, float32 (n_items,)."""
        if self._scores is None:
            self._scores = self._all()
        return self._scores

    def of(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Scores of some items, float32 (m,)."""
        scores: NDArray[np.float32] = self.all()[items]
        return scores

    def best(self, n: int, open: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows of the n best open items."""
        return best_places(np.where(open, self.all(), np.float32(-np.inf)), n)

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the scores of all items; 0 where all are the same."""
        return moments_of(self.all())


def explained(taste: AnyTaste, item: int) -> Explanation:
    """The exact parts of the score of one item."""
    return taste.explain(np.array([item])).of(0)


def moments_of(scores: NDArray[np.float32]) -> tuple[float, float]:
    """Mean and standard deviation of float32 (n,), summed in float64; 0 where all are the same."""
    if scores.max() == scores.min():
        return float(scores[0]), 0.0
    exact = scores.astype(np.float64)
    mean = float(exact.sum()) / len(exact)
    exact -= mean
    return mean, float(np.sqrt(np.dot(exact, exact) / len(exact)))
