"""Ranking of the whole catalogue against a full sort of all scores."""

import numpy as np
import pytest
from numpy.typing import NDArray

from selera.contracts.histories import NO_ITEM, Histories, TopN
from selera.models.item_graph import ItemGraphModel
from selera.models.popularity import PopularityModel
from selera.training.ranking import rank, rank_scores
from tests.dense import histories, sparse

N_USERS, N_ITEMS, N = 1300, 24, 6
"""More users than are scored at once."""


def shop() -> tuple[ItemGraphModel, Histories]:
    """Whole numbers, so that sums are exact and many scores are equal."""
    rng = np.random.default_rng(0)
    held = np.where(rng.random((N_USERS, N_ITEMS)) < 0.2, rng.integers(1, 4, (N_USERS, N_ITEMS)), 0)
    held[[0, 700]] = 0
    edges = np.where(rng.random((N_ITEMS, N_ITEMS)) < 0.5, rng.integers(-2, 5, (N_ITEMS,) * 2), 0)
    return ItemGraphModel(sparse(edges.astype(np.float32))), histories(held.astype(np.float32))


MODEL, TOLD = shop()


def brute_force(scores: NDArray[np.float32], closed: NDArray[np.bool_], n: int) -> TopN:
    """Sort everything that is not closed, lower rows first among equals."""
    open_scores = np.where(closed, -np.inf, scores).astype(np.float32)
    items = np.argsort(-open_scores, axis=1, kind="stable")[:, :n].astype(np.int32)
    best = np.take_along_axis(open_scores, items, axis=1)
    return TopN(np.where(np.isneginf(best), NO_ITEM, items), best)


def closed_pairs(hidden: NDArray[np.bool_]) -> NDArray[np.bool_]:
    closed = np.zeros((N_USERS, N_ITEMS), np.bool_)
    closed[TOLD.rows[hidden], TOLD.items[hidden]] = True
    return closed


def assert_equal(one: TopN, other: TopN) -> None:
    np.testing.assert_array_equal(one.items, other.items)
    np.testing.assert_array_equal(one.scores, other.scores)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_lists_are_those_of_a_full_sort(n_threads: int) -> None:
    everything_had = closed_pairs(np.ones(len(TOLD.items), np.bool_))
    expected = brute_force(MODEL.score(TOLD), everything_had, N)
    assert_equal(rank(MODEL, TOLD, N, n_threads=n_threads), expected)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_only_hidden_entries_and_other_than_candidates_are_left_out(n_threads: int) -> None:
    rng = np.random.default_rng(1)
    hidden, candidates = rng.random(len(TOLD.items)) < 0.5, rng.random(N_ITEMS) < 0.6
    lists = rank(MODEL, TOLD, N, hidden=hidden, candidates=candidates, n_threads=n_threads)
    closed = closed_pairs(hidden) | ~candidates
    assert_equal(lists, brute_force(MODEL.score(TOLD), closed, N))


def test_where_nothing_is_hidden_what_was_had_is_listed() -> None:
    nothing = np.zeros(len(TOLD.items), np.bool_)
    expected = brute_force(MODEL.score(TOLD), closed_pairs(nothing), N)
    assert_equal(rank(MODEL, TOLD, N, hidden=nothing), expected)


def test_lists_longer_than_what_is_left_end_with_empty_places() -> None:
    candidates = np.arange(N_ITEMS) < 3
    lists = rank(MODEL, TOLD, N_ITEMS + 5, candidates=candidates)
    assert lists.items.shape == (N_USERS, N_ITEMS + 5)
    for user in range(N_USERS):
        had = TOLD.items[TOLD.entries(user)]
        assert {item for item, _ in lists.list(user)} == {0, 1, 2} - set(had.tolist())
    assert np.isneginf(lists.scores[lists.items == NO_ITEM]).all()


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_a_nan_score_is_refused(n_threads: int) -> None:
    scores = np.ones(N_ITEMS, np.float32)
    scores[4] = np.nan
    with pytest.raises(ValueError, match="scores must not be NaN"):
        rank(PopularityModel(scores), TOLD, N, n_threads=n_threads)


def test_no_users_get_no_lists() -> None:
    lists = rank(MODEL, TOLD.take(0, 0), N)
    assert lists.items.shape == lists.scores.shape == (0, N)


def test_the_scores_that_a_function_returns_are_not_changed() -> None:
    kept = np.ones((N_USERS, N_ITEMS), np.float32)

    def score(batch: Histories) -> NDArray[np.float32]:
        return kept[: len(batch)]

    rank_scores(score, TOLD, N)
    assert (kept == 1).all()


@pytest.mark.parametrize(("width", "most"), [(None, 512), (80_000, 100), (10**9, 1)])
def test_the_wider_a_score_the_fewer_users_are_scored_at_once(width: int | None, most: int) -> None:
    sizes = []

    def score(batch: Histories) -> NDArray[np.float32]:
        sizes.append(len(batch))
        return MODEL.score(batch)

    told = TOLD.take(0, 600)
    lists = rank_scores(score, told, N, width=width)
    assert max(sizes) == most
    assert_equal(lists, rank(MODEL, told, N))
