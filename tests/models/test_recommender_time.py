"""One wrong date must not age everything else: in a history, and in training."""

from dataclasses import replace

import numpy as np
import pytest

from selera.contracts.behaviors import Behavior, BehaviorRow, Behaviors
from selera.contracts.interactions import Interactions
from selera.models import Recommender
from selera.training import PureSvdConfig, SvdConfig, TrainingConfig, fit_recommender
from tests.tastes import DAY_S, START, checkerboard

CONFIG = TrainingConfig(puresvd=PureSvdConfig(n_factors=3), svd=SvdConfig(n_factors=2, n_epochs=3))
YEAR_2204 = 7_400_000_000
REFERENCE = START + 100 * DAY_S


def model() -> Recommender:
    return fit_recommender(checkerboard(), "svd", CONFIG, seed=0, now=REFERENCE)


def behavior(item: int, kind: Behavior, timestamp: int, value: float = 1.0) -> BehaviorRow:
    return BehaviorRow(1000 + 3 * item, kind, value, timestamp)


PAST = [
    behavior(2, "visit", REFERENCE - 14 * DAY_S),
    behavior(5, "buy", REFERENCE - 180 * DAY_S),
    behavior(7, "rating", REFERENCE, 5.0),
]


def test_ages_in_a_history_count_from_the_time_of_the_training() -> None:
    history = model().history(Behaviors.of(PAST))
    assert history.items.tolist() == [2, 5, 7]
    np.testing.assert_allclose(history.weights, np.log1p([0.5, 3, 6]), rtol=1e-6)


def test_a_behavior_in_the_far_future_leaves_the_others_their_weights() -> None:
    history = model().history(Behaviors.of([*PAST, behavior(9, "buy", YEAR_2204)]))
    assert history.items.tolist() == [2, 5, 7, 9]
    np.testing.assert_allclose(history.weights, np.log1p([0.5, 3, 6, 6]), rtol=1e-6)


def test_what_is_newer_than_the_training_counts_as_fresh() -> None:
    newer = [behavior(4, "buy", REFERENCE + day * DAY_S) for day in (1, 30)]
    for each in newer:
        assert model().history(Behaviors.of([each])).weights[0] == pytest.approx(
            np.log1p(6), rel=1e-6
        )


def with_one_in_the_far_future(interactions: Interactions, place: int) -> Interactions:
    timestamps = interactions.timestamps.copy()
    timestamps[place] = YEAR_2204
    return replace(interactions, timestamps=timestamps)


@pytest.mark.parametrize("place", [0, 400, -1])
def test_one_behavior_in_the_far_future_leaves_the_weights_of_training(place: int) -> None:
    interactions = checkerboard()
    interactions = interactions.where(np.arange(len(interactions)) < 1000)
    right = fit_recommender(interactions, "svd", CONFIG, seed=0)
    wrong = fit_recommender(with_one_in_the_far_future(interactions, place), "svd", CONFIG, seed=0)
    assert wrong.reference_time < START + 101 * DAY_S
    assert right.histories.items.tolist() == wrong.histories.items.tolist()
    changed = (right.histories.rows == interactions.user_rows[place]) & (
        right.histories.items == interactions.item_rows[place]
    )
    assert np.count_nonzero(changed) == 1
    np.testing.assert_allclose(
        wrong.histories.weights[~changed], right.histories.weights[~changed], rtol=0.1
    )
    assert right.histories.weights[~changed].max() > 1


def test_the_reference_time_of_right_dates_is_about_the_latest() -> None:
    interactions = checkerboard()
    latest = int(interactions.timestamps.max())
    reference = fit_recommender(interactions, "svd", CONFIG, seed=0).reference_time
    assert latest - 5 * DAY_S <= reference <= latest
