r"""Popularity: how many users bought an item of late, then how much else says that they like it.

::

    score_i = sum over users u of  (b_ui + 0.001 * w_ui) * 2 ** (-a_ui / half_life)

divided by the largest such sum. b_ui is 1 where u bought i and does not dislike it, w_ui the
evidence of the history, a_ui the days since the latest behavior. So evidence orders what purchases
leave about equal, and everything where nobody bought anything.

A popularity counted at one point in time, not over all of the past: Ji, Sun, Zhang & Li 2020 (*A
re-visit of the popularity baseline in recommender systems*). Theirs counts a window; a half-life
needs no cure for one that holds too little, and did better. What has no time does not fade: where
no time is known this is the popularity of all time.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from ..contracts.behaviors import BUY_CODE
from ..contracts.histories import Histories
from ..models.popularity import PopularityModel

_TIE_BREAK = 0.001


class PopularityConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How fast popularity passes, in days."""

    half_life: Annotated[float, Meta(gt=0.0)] = 14.0


def fit_popularity(
    histories: Histories, n_items: int, config: PopularityConfig | None = None
) -> PopularityModel:
    """Score all items; the most popular has 1, and all have 0 where nobody likes anything."""
    config = config or PopularityConfig()
    ages = np.maximum(np.nan_to_num(histories.ages.astype(np.float64)), 0.0)
    bought = (histories.kinds & (1 << BUY_CODE) > 0) & (histories.weights > 0)
    evidence = (bought + _TIE_BREAK * histories.weights) * np.exp2(-ages / config.half_life)
    totals = np.bincount(histories.items, weights=evidence, minlength=n_items)
    scores = (totals / max(totals.max(initial=0.0), 1e-300)).astype(np.float32)
    return PopularityModel.prepared(scores)
