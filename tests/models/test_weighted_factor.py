"""The weighted factor model: its fold-in, its explanations and low ratings, by dense algebra."""

from dataclasses import replace

import numpy as np
import pytest

from selera.contracts.histories import Histories
from selera.models.weighted_factor import WeightedFactorModel, WeightedSquares

N_ITEMS, N_FACTORS = 12, 4
OBJECTIVE = WeightedSquares(
    unobserved_weight=0.2,
    regularization=0.05,
    exponent=0.7,
    alpha=2.0,
    low_rating_confidence=3.0,
    middle=3.0,
)


def model(objective: WeightedSquares = OBJECTIVE) -> WeightedFactorModel:
    factors = np.random.default_rng(4).normal(0, 0.6, (N_ITEMS, N_FACTORS))
    energies, axes = np.linalg.eigh(factors.T @ factors)
    return WeightedFactorModel((factors @ axes).astype(np.float32), energies, objective)


NAN = np.nan
HISTORIES = Histories.plain(
    indptr=np.array([0, 3, 3, 10], np.int64),
    items=np.array([1, 4, 8, 0, 2, 4, 5, 7, 9, 11], np.int32),
    weights=np.array([0.5, 2, 0, 1.25, 3, 1, 0, 0.1, 1, 0], np.float32),
    ratings=np.array([NAN, 5, 1, NAN, 4, NAN, 2, NAN, NAN, 5], np.float32),
)


def dense_user(user: int) -> np.ndarray:
    """The minimum for one user, from the objective over all items, in float64."""
    factors = model().item_factors.astype(np.float64)
    own = HISTORIES.entries(user)
    confidences, targets = np.zeros(N_ITEMS), np.zeros(N_ITEMS)
    for item, weight, stars in zip(
        HISTORIES.items[own], HISTORIES.weights[own], HISTORIES.ratings[own], strict=True
    ):
        if weight > 0:
            confidences[item], targets[item] = 1 + 2 * weight, 1
        elif stars < 3:
            confidences[item] = 3
    penalty = 0.05 * (confidences.sum() + 0.2 * N_ITEMS) ** 0.7
    normal = factors.T @ np.diag(confidences + 0.2) @ factors + penalty * np.eye(N_FACTORS)
    return np.linalg.solve(normal, factors.T @ (confidences * targets))


@pytest.mark.parametrize("user", [0, 1, 2])
def test_folding_in_is_the_minimum_of_the_objective(user: int) -> None:
    users = model().fold_in(HISTORIES)
    assert users.dtype == np.float32
    np.testing.assert_allclose(users[user], dense_user(user), atol=1e-5)
    assert not users[1].any()  # an empty history


def test_scores_are_products_of_user_and_item_factors() -> None:
    scores = model().score(HISTORIES)
    expected = model().fold_in(HISTORIES) @ model().item_factors.T
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, atol=1e-6)
    assert not scores[1].any()  # an empty history


@pytest.mark.parametrize("user", [0, 1, 2])
def test_the_parts_of_an_explanation_sum_to_the_score(user: int) -> None:
    history = HISTORIES.take(user, user + 1)
    scores = model().score(history)[0]
    for item in range(N_ITEMS):
        explanation = model().explain(history, item)
        assert explanation.baseline == 0
        assert explanation.items.tolist() == history.items.tolist()
        assert explanation.score == pytest.approx(float(scores[item]), abs=1e-5)


@pytest.mark.parametrize("user", [0, 1, 2])
def test_the_parts_of_an_explanation_are_those_of_dense_algebra(user: int) -> None:
    """Users 0 and 2 have fewer and more entries than there are factors."""
    history, factors = HISTORIES.take(user, user + 1), model().item_factors.astype(np.float64)
    confidences = OBJECTIVE.confidences(history)
    own = factors[history.items]
    penalty = 0.05 * (confidences.sum() + 0.2 * N_ITEMS) ** 0.7
    normal = (own * confidences[:, None]).T @ own
    normal += 0.2 * factors.T @ factors + penalty * np.eye(N_FACTORS)
    parts = (confidences * (history.weights > 0))[:, None] * (own @ np.linalg.inv(normal))
    told = model().taste(history).explain(np.arange(N_ITEMS)).contributions
    np.testing.assert_allclose(told, (parts @ factors.T).T, atol=1e-5)


def test_what_is_not_liked_contributes_nothing_by_itself() -> None:
    history = HISTORIES.take(2, 3)
    parts = model().explain(history, 3).contributions
    assert (parts[history.weights == 0] == 0).all()
    assert (parts[history.weights > 0] != 0).all()


def test_a_low_rating_lowers_the_score_of_its_item_and_more_confidence_lowers_it_more() -> None:
    stars = HISTORIES.ratings.copy()
    stars[2] = NAN
    without = model().score(replace(HISTORIES, ratings=stars))[0, 8]
    low = model().score(HISTORIES)[0, 8]
    lower = model(replace(OBJECTIVE, low_rating_confidence=30.0)).score(HISTORIES)[0, 8]
    assert abs(lower) < abs(low) < abs(without)


def test_stars_above_the_middle_without_weight_are_no_dislike() -> None:
    confidences = OBJECTIVE.confidences(HISTORIES)
    np.testing.assert_allclose(confidences, [2, 5, 3, 3.5, 7, 3, 3, 1.2, 3, 0], rtol=1e-6)


def test_without_a_rating_scale_nothing_is_disliked() -> None:
    confidences = replace(OBJECTIVE, middle=NAN).confidences(HISTORIES)
    assert (confidences[HISTORIES.weights == 0] == 0).all()


def test_similar_items_have_the_largest_cosines() -> None:
    factors = model().item_factors.astype(np.float64)
    unit = factors / np.linalg.norm(factors, axis=1, keepdims=True)
    cosines = unit @ unit[3]
    expected = [item for item in np.argsort(-cosines).tolist() if item != 3]
    answer = model().similar(np.array([3], np.int32), N_ITEMS).list(0)
    assert [item for item, _ in answer] == expected


def test_arrays_and_back_change_nothing() -> None:
    again = WeightedFactorModel.from_arrays(model().to_arrays())
    assert again.objective == OBJECTIVE
    np.testing.assert_array_equal(again.score(HISTORIES), model().score(HISTORIES))
