"""The popularity model: the same scores for everyone, and the yardstick of every other model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Explanation, Explanations, Histories, TopN
from ..contracts.protocols import Algebra, Arrays
from .algebra import NUMPY
from .taste import LARGE, Taste, explained, moments_of
from .topn import best_places, top_for_all


@dataclass(frozen=True, slots=True)
class PopularityModel:
    """Scores by the weighted, decayed evidence that all users give an item.

    item_scores : float32 (n_items,), the most popular item has 1
    order : int32 (n_items,), the rows by falling score; None where they are few enough to sort
    moments : float64 (2,), mean and deviation of the scores; None where `order` is
    """

    name: ClassVar[str] = "popularity"

    item_scores: NDArray[np.float32]
    order: NDArray[np.int32] | None = None
    moments: NDArray[np.float64] | None = None

    @classmethod
    def prepared(cls, item_scores: NDArray[np.float32]) -> Self:
        """The model of these scores, ordered once and for all where they are many."""
        if len(item_scores) <= LARGE:
            return cls(item_scores)
        order = np.argsort(-item_scores, kind="stable").astype(np.int32)
        return cls(item_scores, order, np.array(moments_of(item_scores)))

    def score(self, histories: Histories, algebra: Algebra = NUMPY) -> NDArray[np.float32]:
        """The same scores for each history, float32 (batch, n_items)."""
        return np.tile(self.item_scores, (len(histories), 1))

    def taste(self, history: Histories) -> SameTaste:
        """One history, which changes nothing."""
        return SameTaste(history, self)

    def best(self, n: int, open: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The n most popular open items, best first; ties: the lower row."""
        if self.order is None:
            return best_places(np.where(open, self.item_scores, np.float32(-np.inf)), n)
        width = 4 * n
        while True:
            first = self.order[:width]
            found = first[open[first]]
            if len(found) >= n or width >= len(self.order):
                return found[:n].astype(np.int64)
            width *= 8

    def similar(
        self, items: NDArray[np.int32], n: int, allowed: NDArray[np.bool_] | None = None
    ) -> TopN:
        """The n most popular allowed items, itself left out: popularity knows no likeness."""
        return top_for_all(self.item_scores, items, n, allowed)

    def likeness(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32] | None:
        """None: it has no factors to compare items by."""
        return None

    def explain(self, history: Histories, item: int) -> Explanation:
        """The whole score is the baseline: the user's history adds nothing."""
        return explained(self.taste(history), item)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The scores, and what was prepared of them."""
        arrays = {"item_scores": self.item_scores}
        prepared = {"order": self.order, "moments": self.moments}
        return arrays | {name: array for name, array in prepared.items() if array is not None}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        return cls(**arrays)


class SameTaste(Taste):
    """The same scores for everyone."""

    __slots__ = ("_model",)

    def __init__(self, history: Histories, model: PopularityModel) -> None:
        super().__init__(history, len(model.item_scores))
        self._model = model

    def _all(self) -> NDArray[np.float32]:
        return self._model.item_scores

    def best(self, n: int, open: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows of the n most popular open items."""
        return self._model.best(n, open)

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the scores of all items; 0 where all are the same."""
        if self._model.moments is None:
            return super().moments()
        mean, deviation = self._model.moments.tolist()
        return mean, deviation

    def explain(self, items: NDArray[np.integer[Any]]) -> Explanations:
        """The whole scores are the baselines: the user's history adds nothing."""
        nothing = np.zeros((len(items), len(self.history.items)), dtype=np.float32)
        return Explanations(self.all()[items].astype(np.float64), self.history.items, nothing)
