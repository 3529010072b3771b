"""What behaviors say, computed by hand."""

import math

import numpy as np
import pytest

from selera.contracts.behaviors import BUY_CODE, NO_TIME, RATING_CODE, REVIEW_CODE, VISIT_CODE
from selera.contracts.histories import Histories
from selera.contracts.interactions import RatingScale
from selera.models.signals import SignalConfig, build_histories

DAY_S = 86_400
NOW = 1_000 * DAY_S
CONFIG = SignalConfig(
    visit_weight=1, buy_weight=6, rating_weight=4, review_weight=2,
    visit_half_life=10, buy_half_life=100, rating_half_life=1e9, review_half_life=1e9,
)  # fmt: skip
NAN = math.nan
FIVE_STARS = RatingScale(1, 5)


def weigh(*entries: tuple[int, int, int, float, int], scale: RatingScale = FIVE_STARS) -> Histories:
    """(user, item, behavior, value, timestamp) of two users and three items."""
    columns = list(zip(*entries, strict=True)) or [()] * 5
    return build_histories(
        2,
        3,
        np.array(columns[0], np.int32),
        np.array(columns[1], np.int32),
        np.array(columns[2], np.uint8),
        np.array(columns[3], np.float32),
        np.array(columns[4], np.int64),
        scale=scale,
        now=NOW,
        config=CONFIG,
    )


def test_evidence_is_weighted_decayed_summed_and_saturated() -> None:
    history = weigh(
        (0, 1, VISIT_CODE, 3, NOW - 10 * DAY_S),  # log2(1 + 3) / 2 = 1
        (0, 1, BUY_CODE, 1, NOW - 200 * DAY_S),  # 6 / 4 = 1.5
        (0, 1, RATING_CODE, 4, NOW),  # 4 * 3/4 = 3
        (0, 1, REVIEW_CODE, NAN, NOW),  # 2 / 2 = 1
    )
    assert history.items.tolist() == [1]
    assert history.weights[0] == pytest.approx(math.log1p(1 + 1.5 + 3 + 1))
    assert history.ratings[0] == 4


def test_a_low_rating_is_never_a_liking_whatever_else_happened() -> None:
    history = weigh((0, 2, BUY_CODE, 1, NOW), (0, 2, RATING_CODE, 2, NOW))
    assert history.weights.tolist() == [0]
    assert history.items.tolist() == [2]  # but it is seen


def test_the_latest_stars_hold() -> None:
    history = weigh(
        (0, 0, RATING_CODE, 5, NOW), (0, 0, RATING_CODE, 1, NOW - 5), (0, 0, BUY_CODE, 1, NOW + 9)
    )
    assert history.ratings.tolist() == [5]
    assert history.weights[0] > 0


def test_stars_of_a_review_count_as_stars() -> None:
    assert weigh((0, 0, REVIEW_CODE, 1, NOW)).weights.tolist() == [0]
    assert weigh((0, 0, REVIEW_CODE, 5, NOW)).weights[0] == pytest.approx(math.log1p(2))


def test_the_same_stars_mean_the_same_on_another_scale() -> None:
    five = weigh((0, 0, RATING_CODE, 4, NOW))
    ten = weigh((0, 0, RATING_CODE, 7.75, NOW), scale=RatingScale(1, 10))
    np.testing.assert_allclose(five.weights, ten.weights)


def test_unknown_time_and_the_future_have_age_zero() -> None:
    unknown, future, now = (
        weigh((0, 0, BUY_CODE, 1, at)).weights[0] for at in (NO_TIME, NOW + DAY_S, NOW)
    )
    assert unknown == future == now


def test_histories_are_sorted_and_order_does_not_matter() -> None:
    entries = [
        (1, 2, VISIT_CODE, 1, NOW),
        (0, 0, VISIT_CODE, 2, NOW),
        (1, 0, BUY_CODE, 1, NOW - 3),
        (1, 2, BUY_CODE, 1, NOW - 9),
        (0, 0, RATING_CODE, 3, NOW),
    ]
    one, other = weigh(*entries), weigh(*entries[::-1])
    assert one.indptr.tolist() == [0, 1, 3]
    assert one.items.tolist() == [0, 0, 2]
    np.testing.assert_allclose(one.weights, other.weights)


def test_nobody_did_anything() -> None:
    history = weigh()
    assert history.indptr.tolist() == [0, 0, 0]
    assert len(history.items) == len(history.weights) == len(history.ratings) == 0


def test_gathered_histories_are_the_histories() -> None:
    histories = weigh((0, 0, BUY_CODE, 1, NOW), (1, 1, BUY_CODE, 1, NOW), (1, 2, BUY_CODE, 1, NOW))
    swapped = histories.gather(np.array([1, 0, 1]))
    assert swapped.indptr.tolist() == [0, 2, 3, 5]
    assert swapped.items.tolist() == [1, 2, 0, 1, 2]
