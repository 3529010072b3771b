"""Popularity by hand: sums of weights, the largest of them 1."""

import numpy as np

from selera.contracts.histories import Histories
from selera.training import fit_popularity


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
