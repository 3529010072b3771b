"""Popularity: how much evidence of liking all users together give an item."""

from __future__ import annotations

import numpy as np

from ..contracts.histories import Histories
from ..models.popularity import PopularityModel


def fit_popularity(histories: Histories, n_items: int) -> PopularityModel:
    """Score i = sum over users of w_ui, divided by the largest such sum.

    The weights are decayed in time already, so what was popular long ago counts less.
    """
    totals = np.bincount(
        histories.items, weights=histories.weights.astype(np.float64), minlength=n_items
    )
    return PopularityModel((totals / max(totals.max(initial=0.0), 1e-30)).astype(np.float32))
