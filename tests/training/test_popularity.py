"""Popularity by hand: sums of weights, the largest of them 1."""

from dataclasses import replace

import numpy as np

from selera.contracts.histories import Histories
from selera.training import fit_popularity
from selera.training.popularity import PopularityConfig


def histories(*users: dict[int, float]) -> Histories:
    """One history per dict of item -> weight."""
    return Histories.plain(
        indptr=np.cumsum([0, *map(len, users)]).astype(np.int64),
        items=np.array([item for user in users for item in user], np.int32),
        weights=np.array([user[item] for user in users for item in user], np.float32),
        ratings=np.full(sum(map(len, users)), np.nan, np.float32),
    )


def test_scores_are_sums_of_weights_over_the_largest_sum() -> None:
    model = fit_popularity(histories({0: 2, 1: 1}, {}, {0: 2, 1: 0.5, 3: 3}), 5)
    assert model.item_scores.tolist() == [1, 0.375, 0, 0.75, 0]
    assert model.item_scores.dtype == np.float32


def test_one_strong_liking_outweighs_many_weak_ones() -> None:
    weak = [{0: 0.25}] * 3
    model = fit_popularity(histories(*weak, {1: 3}), 2)
    assert model.item_scores.tolist() == [0.25, 1]


def test_the_most_popular_item_has_one_whatever_the_size_of_the_weights() -> None:
    small = fit_popularity(histories({0: 2e-9, 2: 1e-9}), 3)
    np.testing.assert_allclose(small.item_scores, [1, 0, 0.5], rtol=1e-6)
    large = fit_popularity(histories({0: 2e9, 2: 1e9}), 3)
    np.testing.assert_allclose(large.item_scores, [1, 0, 0.5], rtol=1e-6)


def test_where_nobody_likes_anything_every_score_is_zero() -> None:
    assert fit_popularity(histories({0: 0, 2: 0}, {1: 0}), 3).item_scores.tolist() == [0, 0, 0]
    assert fit_popularity(histories({}, {}), 2).item_scores.tolist() == [0, 0]
    assert fit_popularity(histories(), 0).item_scores.tolist() == []


def test_popularity_of_long_ago_counts_less() -> None:
    old, fresh = [{0: 1.0}] * 3, [{1: 1.0}]
    users = histories(*old, *fresh)
    ages = np.array([28, 28, 28, 0], np.float32)
    model = fit_popularity(replace(users, ages=ages), 2, PopularityConfig(half_life=14))
    assert model.item_scores.tolist() == [0.75, 1]
    slow = fit_popularity(replace(users, ages=ages), 2, PopularityConfig(half_life=1e6))
    assert slow.item_scores[0] > slow.item_scores[1]


def test_buyers_outweigh_any_number_of_strong_visits() -> None:
    users = histories(*[{0: 3.0}] * 20, {1: 0.1}, {2: 1.0, 3: 0.5})
    kinds = np.full(23, 1, np.uint8)
    kinds[20] = 2
    model = fit_popularity(replace(users, kinds=kinds), 4)
    assert np.argsort(-model.item_scores).tolist() == [1, 0, 2, 3]


def test_who_bought_an_item_and_dislikes_it_does_not_count() -> None:
    users = histories({0: 0.0, 1: 0.1})
    model = fit_popularity(replace(users, kinds=np.array([2, 1], np.uint8)), 2)
    assert model.item_scores.tolist() == [0, 1]


def test_what_lies_after_the_reference_time_counts_as_fresh() -> None:
    users = replace(histories({0: 1.0}, {1: 1.0}), ages=np.array([-4e4, 0], np.float32))
    assert fit_popularity(users, 2).item_scores.tolist() == [1, 1]
