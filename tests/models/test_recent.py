"""Recent items first: ranks and weights by hand, explanations by their sum."""

import numpy as np
import pytest

from selera.contracts.histories import Histories
from selera.models.item_graph import ItemGraphModel
from selera.models.recent import RecentFirst, recency_ranks, recent_first
from tests.dense import sparse

N_ITEMS = 8


def aged(*ages_of_users: list[float]) -> Histories:
    """One history per list, of the items 0, 1, .. with these ages, weights 1, 2, .."""
    lengths = [len(ages) for ages in ages_of_users]
    items = np.concatenate([np.arange(length) for length in lengths]).astype(np.int32)
    ages = np.array([age for own in ages_of_users for age in own], np.float32)
    weights = (items + 1).astype(np.float32)
    return Histories.plain(np.cumsum([0, *lengths]), items, weights=weights, ages=ages)


TOLD = aged([5, 1, 1, np.nan, 3], [], [np.nan, np.nan], [0, -2, 7], [4])


def test_the_youngest_has_rank_0_and_equal_ages_share_the_lower_rank() -> None:
    ranks = recency_ranks(TOLD)
    assert [ranks[TOLD.entries(user)].tolist() for user in range(len(TOLD))] == [
        [3, 0, 0, 4, 2],
        [],
        [0, 0],
        [1, 0, 2],
        [0],
    ]


def test_a_rank_counts_the_younger_items_of_the_same_history() -> None:
    rng = np.random.default_rng(0)
    told = aged(*(rng.integers(0, 5, n).astype(float).tolist() for n in rng.integers(0, 8, 60)))
    ranks = recency_ranks(told)
    for user in range(len(told)):
        own = told.ages[told.entries(user)]
        assert ranks[told.entries(user)].tolist() == [(own < age).sum() for age in own]


def test_weights_fall_with_the_rank() -> None:
    faded = recent_first(TOLD.take(0, 1), 0.5)
    ranks = np.array([3, 0, 0, 4, 2])
    np.testing.assert_allclose(faded.weights, np.arange(1, 6) / np.sqrt(1 + ranks), rtol=1e-6)
    assert faded.weights.dtype == np.float32
    np.testing.assert_array_equal(faded.items, TOLD.take(0, 1).items)


def test_an_exponent_of_0_changes_nothing() -> None:
    assert recent_first(TOLD, 0.0) is TOLD
    model = graph()
    np.testing.assert_array_equal(RecentFirst(model, 0.0).score(TOLD), model.score(TOLD))


def test_where_no_time_is_known_nothing_fades() -> None:
    timeless = aged([np.nan] * 4)
    np.testing.assert_array_equal(recent_first(timeless, 1.0).weights, timeless.weights)


def test_histories_without_entries_stay_empty() -> None:
    assert len(recent_first(aged([], []), 1.0).items) == 0


def graph() -> ItemGraphModel:
    edges = np.random.default_rng(1).normal(size=(N_ITEMS, N_ITEMS)).astype(np.float32)
    return ItemGraphModel(sparse(edges))


def test_the_ranker_is_asked_with_the_faded_weights() -> None:
    asked = RecentFirst(graph(), 1.0).score(TOLD.take(3, 4))[0]
    weights = np.array([1, 2, 3]) / np.array([2, 1, 3])
    edges = np.random.default_rng(1).normal(size=(N_ITEMS, N_ITEMS))
    np.testing.assert_allclose(asked, weights @ edges[:3], rtol=1e-5)


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
def test_an_explanation_sums_to_the_score(exponent: float) -> None:
    model, history = RecentFirst(graph(), exponent), TOLD.take(0, 1)
    scores = model.score(history)[0]
    for item in range(N_ITEMS):
        explanation = model.explain(history, item)
        assert explanation.score == pytest.approx(float(scores[item]), abs=1e-5)
        np.testing.assert_array_equal(explanation.items, history.items)


def test_a_taste_has_the_faded_weights_too() -> None:
    model, history = RecentFirst(graph(), 0.5), TOLD.take(0, 1)
    taste = model.taste(history)
    np.testing.assert_allclose(taste.all(), model.score(history)[0], atol=1e-6)
    explanations = taste.explain(np.arange(N_ITEMS))
    for item in range(N_ITEMS):
        one, other = explanations.of(item), model.explain(history, item)
        np.testing.assert_array_equal(one.contributions, other.contributions)


def test_likeness_has_no_time() -> None:
    asked = np.array([2, 5], np.int32)
    one, other = RecentFirst(graph(), 1.0).similar(asked, 3), graph().similar(asked, 3)
    np.testing.assert_array_equal(one.items, other.items)
