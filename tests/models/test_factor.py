"""The factor model: cosines, folding in, scores and their parts, by plain loops."""

import math
from dataclasses import replace

import numpy as np
import pytest

from selera.contracts.histories import Histories
from selera.models import FactorModel

N_ITEMS, N_FACTORS = 9, 4


def model() -> FactorModel:
    rng = np.random.default_rng(2)
    query, offered = rng.normal(0, 1, (2, N_ITEMS, N_FACTORS)).astype(np.float32)
    return FactorModel(query_factors=query, item_factors=offered)


HISTORIES = Histories.plain(
    indptr=np.array([0, 3, 3, 5], np.int64),
    items=np.array([1, 4, 8, 0, 4], np.int32),
    weights=np.array([0.5, 2, 0, 1.25, 3], np.float32),
    ratings=np.full(5, np.nan, np.float32),
)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    product = sum(float(a) * float(b) for a, b in zip(one, other, strict=True))
    return product / math.hypot(*one.tolist()) / math.hypot(*other.tolist())


def test_similarity_is_the_cosine_of_the_item_factors() -> None:
    factors = model().item_factors
    for item in range(N_ITEMS):
        answer = model().similar(np.array([item], np.int32), 20).list(0)
        expected = {
            other: cosine(factors[item], factors[other])
            for other in range(N_ITEMS)
            if other != item
        }
        assert [row for row, _ in answer] == sorted(expected, key=lambda row: -expected[row])
        assert dict(answer) == pytest.approx(expected, abs=1e-6)


def test_the_length_of_a_row_does_not_matter_to_similarity() -> None:
    lengths = np.array([1e-3, 1, 7, 0.2, 300, 1, 2, 5, 1e3], np.float32)
    stretched = FactorModel(model().query_factors, model().item_factors * lengths[:, None])
    every = np.arange(N_ITEMS, dtype=np.int32)
    plain, other = model().similar(every, N_ITEMS), stretched.similar(every, N_ITEMS)
    np.testing.assert_array_equal(other.items, plain.items)
    np.testing.assert_allclose(other.scores[:, :-1], plain.scores[:, :-1], atol=1e-6)


def test_query_factors_do_not_matter_to_similarity() -> None:
    other = FactorModel(np.ones((N_ITEMS, N_FACTORS), np.float32), model().item_factors)
    every = np.arange(N_ITEMS, dtype=np.int32)
    np.testing.assert_array_equal(other.similar(every, 5).items, model().similar(every, 5).items)


def test_an_item_without_factors_is_similar_to_nothing_and_nothing_to_it() -> None:
    factors = model().item_factors.copy()
    factors[[3, 6]] = 0
    holed = FactorModel(model().query_factors, factors)
    answer = holed.similar(np.array([3, 0, 6, 8], np.int32), N_ITEMS)
    assert answer.list(0) == answer.list(2) == []
    for place, item in ((1, 0), (3, 8)):
        rows = {row for row, _ in answer.list(place)}
        assert rows == set(range(N_ITEMS)) - {3, 6, item}


def test_opposite_items_are_listed_last_rather_than_left_out() -> None:
    factors = np.array([[1, 0], [-2, 0], [0, 3], [5, 5]], np.float32)
    answer = FactorModel(factors, factors).similar(np.array([0], np.int32), 3)
    assert [row for row, _ in answer.list(0)] == [3, 2, 1]
    np.testing.assert_allclose(answer.scores[0], [math.sqrt(0.5), 0, -1], atol=1e-6)


def test_a_user_is_the_weighted_sum_of_the_query_factors() -> None:
    factors = model()
    users = factors.fold_in(HISTORIES)
    assert users.dtype == np.float32
    for user in range(3):
        entries = range(int(HISTORIES.indptr[user]), int(HISTORIES.indptr[user + 1]))
        for f in range(N_FACTORS):
            expected = sum(
                float(HISTORIES.weights[e]) * float(factors.query_factors[HISTORIES.items[e], f])
                for e in entries
            )
            assert users[user, f] == pytest.approx(expected, abs=1e-5)


def test_a_score_is_the_product_of_user_and_item_factors() -> None:
    factors = model()
    scores, users = factors.score(HISTORIES), factors.fold_in(HISTORIES)
    assert scores.shape == (3, N_ITEMS)
    assert scores.dtype == np.float32
    for user in range(3):
        for item in range(N_ITEMS):
            expected = sum(
                float(users[user, f]) * float(factors.item_factors[item, f])
                for f in range(N_FACTORS)
            )
            assert scores[user, item] == pytest.approx(expected, abs=1e-5)
    assert not scores[1].any()  # an empty history


@pytest.mark.parametrize("user", [0, 1, 2])
def test_the_parts_of_an_explanation_sum_to_the_score(user: int) -> None:
    factors, history = model(), HISTORIES.take(user, user + 1)
    scores = factors.score(history)[0]
    for item in range(N_ITEMS):
        explanation = factors.explain(history, item)
        assert explanation.baseline == 0
        assert explanation.items.tolist() == history.items.tolist()
        assert explanation.score == pytest.approx(float(scores[item]), abs=1e-5)


def test_a_part_of_an_explanation_is_what_the_score_loses_without_that_item() -> None:
    factors, history = model(), HISTORIES.take(0, 1)
    explanation = factors.explain(history, 5)
    for place in range(3):
        weights = history.weights.copy()
        weights[place] = 0
        without = replace(history, weights=weights)
        lost = factors.score(history)[0, 5] - factors.score(without)[0, 5]
        assert explanation.contributions[place] == pytest.approx(float(lost), abs=1e-5)
