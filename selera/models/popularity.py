"""The popularity model: the same scores for everyone, and the yardstick of every other model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Explanation, Histories, TopN
from ..contracts.protocols import Algebra, Arrays
from .algebra import NUMPY
from .topn import top_n


@dataclass(frozen=True, slots=True)
class PopularityModel:
    """Scores by the weighted, decayed evidence that all users give an item.

    item_scores : float32 (n_items,), the most popular item has 1
    """

    name: ClassVar[str] = "popularity"

    item_scores: NDArray[np.float32]

    def score(self, histories: Histories, algebra: Algebra = NUMPY) -> NDArray[np.float32]:
        """The same scores for each history, float32 (batch, n_items)."""
        return np.tile(self.item_scores, (len(histories), 1))

    def similar(self, items: NDArray[np.int32], n: int) -> TopN:
        """The n most popular items, itself left out: popularity knows no likeness."""
        scores = np.tile(self.item_scores, (len(items), 1))
        scores[np.arange(len(items)), items] = -np.inf
        return top_n(scores, n)

    def explain(self, history: Histories, item: int) -> Explanation:
        """The whole score is the baseline: the user's history adds nothing."""
        nothing = np.zeros(len(history.items), dtype=np.float32)
        return Explanation(float(self.item_scores[item]), history.items, nothing)

    def explainer(self, history: Histories) -> Callable[[int], Explanation]:
        """`explain` for many items of one history, which have nothing costly in common."""
        return partial(self.explain, history)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The scores."""
        return {"item_scores": self.item_scores}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        return cls(arrays["item_scores"])
