"""Finding the scale on which a shop's users rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contracts.interactions import RatingScale

CANDIDATES = tuple(
    RatingScale(low, high)
    for low, high in ((0, 1), (-1, 1), (1, 5), (0, 5), (1, 10), (0, 10), (-10, 10), (0, 100))
)
"""The scales that shops use, the narrowest first."""

HELD = 0.99
"""The share of the ratings that a scale must hold; the rest may be typing errors."""


class ScaleTally:
    """Counts how many ratings each candidate holds, so that no rating needs to be kept.

    The result does not depend on the order or on the grouping of the ratings.
    """

    def __init__(self) -> None:
        self._held = np.zeros(len(CANDIDATES), dtype=np.int64)
        self._n = 0
        self._lowest = 0.0
        self._highest = 0.0

    def add(self, ratings: NDArray[np.float64]) -> None:
        """Count these finite ratings, float64 (n,)."""
        if not len(ratings):
            return
        self._n += len(ratings)
        self._lowest = min(self._lowest, float(ratings.min()))
        self._highest = max(self._highest, float(ratings.max()))
        for place, scale in enumerate(CANDIDATES):
            inside = (ratings >= scale.low) & (ratings <= scale.high)
            self._held[place] += np.count_nonzero(inside)

    def scale(self) -> RatingScale | None:
        """The narrowest candidate that holds 99 % of the ratings; None where nobody rated.

        Where no candidate does, the scale spans 0 and every rating, so that none is lost.
        """
        if not self._n:
            return None
        for held, scale in zip(self._held, CANDIDATES, strict=True):
            if held >= HELD * self._n:
                return scale
        return RatingScale(self._lowest, self._highest)
