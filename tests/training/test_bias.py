"""Biases by hand: 25 imaginary ratings for an item, 10 for a user."""

from dataclasses import replace

import numpy as np
import pytest

from selera.contracts.histories import Histories
from selera.contracts.interactions import RatingScale
from selera.training import fit_bias

SCALE = RatingScale(1, 5)
NAN = float("nan")

# Two users rate three items; the mean of the five ratings is 3. Item 3 is seen, never rated.
TRAIN = Histories.plain(
    indptr=np.array([0, 3, 6], np.int64),
    items=np.array([0, 1, 2, 0, 1, 3], np.int32),
    weights=np.ones(6, np.float32),
    ratings=np.array([5, 1, 2, 4, 3, NAN], np.float32),
)
# Sums of rating - mean: (2 + 1), (-2 + 0), (-1), over 25 + number of ratings.
ITEM_BIAS = np.array([3 / 27, -2 / 27, -1 / 26, 0])
EVERY = np.arange(4, dtype=np.int32)


def history(*entries: tuple[int, float]) -> Histories:
    items, ratings = zip(*entries, strict=True) if entries else ((), ())
    return Histories.plain(
        indptr=np.array([0, len(entries)], np.int64),
        items=np.array(items, np.int32),
        weights=np.ones(len(entries), np.float32),
        ratings=np.array(ratings, np.float32),
    )


@pytest.mark.parametrize("nothing_rated", [history(), history((1, NAN), (2, NAN))])
def test_a_user_without_ratings_gets_the_mean_and_the_bias_of_the_item(
    nothing_rated: Histories,
) -> None:
    answer = fit_bias(TRAIN, 4, SCALE).predict(nothing_rated, EVERY)
    assert answer.dtype == np.float32
    np.testing.assert_allclose(answer, [3 + ITEM_BIAS], rtol=1e-6)


def test_the_bias_of_a_user_is_what_the_item_biases_leave_damped_by_ten() -> None:
    residuals = (5 - 3 - ITEM_BIAS[1]) + (4 - 3 - ITEM_BIAS[2])
    answer = fit_bias(TRAIN, 4, SCALE).predict(history((1, 5), (2, 4)), EVERY)
    np.testing.assert_allclose(answer, [3 + ITEM_BIAS + residuals / 12], rtol=1e-6)


def test_an_item_that_was_seen_but_not_rated_does_not_count_among_the_ratings() -> None:
    model = fit_bias(TRAIN, 4, SCALE)
    np.testing.assert_array_equal(
        model.predict(history((0, NAN), (1, 5), (3, NAN)), EVERY),
        model.predict(history((1, 5)), EVERY),
    )


def test_a_user_of_training_is_a_history_like_any_other() -> None:
    answer = fit_bias(TRAIN, 4, SCALE).predict(TRAIN, np.array([3, 0], np.int32))
    sums = [
        (5 - 3 - ITEM_BIAS[0]) + (1 - 3 - ITEM_BIAS[1]) + (2 - 3 - ITEM_BIAS[2]),
        (4 - 3 - ITEM_BIAS[0]) + (3 - 3 - ITEM_BIAS[1]),
    ]
    user_bias = np.array([sums[0] / 13, sums[1] / 12])
    np.testing.assert_allclose(
        answer, 3 + user_bias[:, None] + ITEM_BIAS[[3, 0]][None, :], rtol=1e-6
    )


def test_predicted_stars_stay_on_the_scale() -> None:
    hated = Histories.plain(
        indptr=np.array([0, 2000], np.int64),
        items=np.arange(2000, dtype=np.int32),
        weights=np.ones(2000, np.float32),
        ratings=np.full(2000, 1, np.float32),
    )
    model = fit_bias(TRAIN, 2000, SCALE)
    assert model.predict(hated, np.array([2], np.int32)).tolist() == [[1.0]]
    loved = replace(hated, ratings=np.full(2000, 5, np.float32))
    assert model.predict(loved, np.array([0], np.int32)).tolist() == [[5.0]]
