from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from selera.contracts.interactions import RatingScale
from selera.etl.scale import ScaleTally


def found(ratings: Sequence[float]) -> RatingScale | None:
    tally = ScaleTally()
    for rating in ratings:
        tally.add(np.array([rating]))
    return tally.scale()


@pytest.mark.parametrize(
    ("ratings", "low", "high"),
    [
        ([1, 2, 3, 4, 5], 1, 5),
        ([0.5, 1, 4.5, 5], 0, 5),
        ([1, 3, 10], 1, 10),
        ([0, 7.5], 0, 10),
        ([0, 1], 0, 1),
        ([-1, 0, 1], -1, 1),
        ([-9.5, 9], -10, 10),
        ([20, 80, 100], 0, 100),
        ([1, 5] * 100 + [11], 1, 5),
        ([1, 5] * 49 + [11], 0, 100),
        ([5, 2000], 0, 2000),
        ([-300], -300, 0),
    ],
)
def test_the_narrowest_scale_that_holds_the_ratings_is_found(
    ratings: list[float], low: float, high: float
) -> None:
    assert found(ratings) == RatingScale(low, high)


def test_there_is_no_scale_without_ratings() -> None:
    assert found([]) is None
