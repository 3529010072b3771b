"""Metrics by hand."""

import math

import numpy as np
import pytest

from selera.evaluation.metrics import bootstrap_interval, mae, ndcg, recall, rmse

LIST = np.array([7, 3, 9, -1], np.int32)


def test_recall_divides_by_all_relevant_items() -> None:
    assert recall(LIST, np.array([3, 9, 20, 21, 22], np.int32)) == pytest.approx(2 / 5)


def test_ndcg_by_hand() -> None:
    gained = 1 / math.log2(3) + 1 / math.log2(4)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert ndcg(LIST, np.array([3, 9, 20], np.int32)) == pytest.approx(gained / ideal)
    assert ndcg(LIST, np.array([7], np.int32)) == 1
    assert ndcg(LIST, np.array([1], np.int32)) == 0
    assert ndcg(LIST, np.arange(100, 200, dtype=np.int32)) == 0


def test_ndcg_of_a_perfect_list_is_one_even_with_more_relevant_items() -> None:
    assert ndcg(np.array([1, 2], np.int32), np.array([1, 2, 3], np.int32)) == pytest.approx(1)


def test_errors_in_stars() -> None:
    predicted, actual = np.array([3, 5], np.float32), np.array([4, 2], np.float32)
    assert rmse(predicted, actual) == pytest.approx(math.sqrt(5))
    assert mae(predicted, actual) == pytest.approx(2)


def test_the_interval_holds_the_mean_and_narrows_with_users() -> None:
    rng = np.random.default_rng(0)
    few, many = (bootstrap_interval(rng.normal(1, 1, n), seed=1) for n in (30, 3000))
    for interval in (few, many):
        assert interval.low < interval.mean < interval.high
    assert many.high - many.low == pytest.approx(2 * 1.96 / math.sqrt(3000), rel=0.1)
    around_zero = bootstrap_interval(np.array([-1.0, 1.0]), seed=1)
    assert around_zero.low < 0 < around_zero.high


@pytest.mark.parametrize("values", [[], [1.0, math.nan]])
def test_a_bootstrap_of_nothing_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one user and no NaN"):
        bootstrap_interval(np.array(values), seed=0)
