r"""Biases alone: the yardstick of every predictor of stars.

Koren 2010, "Factor in the neighbors", section 2.1: the item biases first, then the user biases on
what is left, each damped towards 0 by a number of imaginary ratings equal to the mean::

    b_i = sum over u of (r_ui - mean) / (25 + n_i)
    b_u = sum over i of (r_ui - mean - b_i) / (10 + n_u)
"""

from __future__ import annotations

import numpy as np

from ..contracts.histories import Histories
from ..contracts.interactions import RatingScale
from ..models.bias import BiasModel

ITEM_DAMPING = 25.0


def fit_bias(histories: Histories, n_items: int, scale: RatingScale) -> BiasModel:
    """Learn the mean and the item biases from all ratings of the histories (at least one)."""
    rated = ~np.isnan(histories.ratings)
    items, ratings = histories.items[rated], histories.ratings[rated].astype(np.float64)
    mean = float(ratings.mean())
    sums = np.bincount(items, weights=ratings - mean, minlength=n_items)
    counts = np.bincount(items, minlength=n_items)
    return BiasModel(mean, (sums / (ITEM_DAMPING + counts)).astype(np.float32), scale)
