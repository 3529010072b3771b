r"""Biases alone: the yardstick of every predictor of stars.

Koren 2010, "Factor in the neighbors", section 2.1: the item biases first, then the user biases on
what is left, each damped towards 0 by a number of imaginary ratings equal to the mean::

    b_i = sum over u of (r_ui - mean) / (25 + n_i)
    b_u = sum over i of (r_ui - mean - b_i) / (10 + n_u)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Histories
from ..contracts.interactions import RatingScale

ITEM_DAMPING = 25.0
USER_DAMPING = 10.0


@dataclass(frozen=True, slots=True)
class BiasModel:
    """Predicts mean + b_u + b_i; b_u comes from the ratings in the history.

    item_bias : float32 (n_items,)
    """

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


def fit_bias(histories: Histories, n_items: int, scale: RatingScale) -> BiasModel:
    """Learn the mean and the item biases from all ratings of the histories (at least one)."""
    rated = ~np.isnan(histories.ratings)
    items, ratings = histories.items[rated], histories.ratings[rated].astype(np.float64)
    mean = float(ratings.mean())
    sums = np.bincount(items, weights=ratings - mean, minlength=n_items)
    counts = np.bincount(items, minlength=n_items)
    return BiasModel(mean, (sums / (ITEM_DAMPING + counts)).astype(np.float32), scale)
