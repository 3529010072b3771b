"""Biases alone: stars by the mean, how an item is rated, and how a user rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Histories
from ..contracts.interactions import RatingScale
from ..contracts.protocols import Arrays

USER_DAMPING = 10.0


@dataclass(frozen=True, slots=True)
class BiasModel:
    """Predicts mean + b_u + b_i; b_u comes from the ratings in the history.

    item_bias : float32 (n_items,)
    """

    name: ClassVar[str] = "bias"

    mean: float
    item_bias: NDArray[np.float32]
    scale: RatingScale

    def predict(self, histories: Histories, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Predicted stars of the given items for each history, float32 (batch, len(items))."""
        predictions = np.empty((len(histories), len(items)), dtype=np.float32)
        for user in range(len(histories)):
            entries = histories.entries(user)
            residuals = (
                histories.ratings[entries] - self.mean - self.item_bias[histories.items[entries]]
            )
            n_ratings = int(np.count_nonzero(~np.isnan(residuals)))
            user_bias = np.nansum(residuals) / (USER_DAMPING + n_ratings)
            predictions[user] = self.mean + self.item_bias[items] + user_bias
        return self.scale.clip(predictions)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The item biases, and the numbers in one float64 array."""
        numbers = np.array([self.mean, self.scale.low, self.scale.high])
        return {"item_bias": self.item_bias, "numbers": numbers}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        mean, low, high = arrays["numbers"].tolist()
        return cls(mean, arrays["item_bias"], RatingScale(low, high))
