"""Metrics by hand."""

import math

import numpy as np
import pytest

from selera.contracts.histories import Histories, ItemSets
from selera.evaluation.diversity import UserCosine
from selera.evaluation.metrics import (
    bootstrap_interval,
    coverage,
    gini,
    mae,
    novelty,
    rating_summary,
    rmse,
)
from selera.training.list_metrics import list_metrics


def metrics(lists: list[list[int]], *targets: list[int], n: int = 4) -> dict[str, list[float]]:
    sets = ItemSets(
        np.cumsum([0, *map(len, targets)]),
        np.array([i for each in targets for i in each], np.int32),
    )
    found = list_metrics(np.array(lists, np.int32), sets, (n,))
    return {name.removesuffix(f"@{n}"): each.tolist() for name, each in found.items()}


LIST = [7, 3, 9, -1]


def test_recall_divides_by_all_held_out_items() -> None:
    assert metrics([LIST], [3, 9, 20, 21, 22])["recall"] == pytest.approx([2 / 5])


def test_ndcg_by_hand() -> None:
    gained = 1 / math.log2(3) + 1 / math.log2(4)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    found = metrics([LIST] * 4, [3, 9, 20], [7], [1], list(range(100, 200)))
    assert found["ndcg"] == pytest.approx([gained / ideal, 1, 0, 0])


def test_ndcg_of_a_perfect_list_is_one_even_with_more_held_out_items() -> None:
    assert metrics([[1, 2]], [1, 2, 3], n=2)["ndcg"] == pytest.approx([1])


def test_hits_first_hits_and_precision_by_hand() -> None:
    found = metrics([LIST, LIST], [3, 9, 20], [1])
    assert found["hr"] == [1, 0]
    assert found["mrr"] == [0.5, 0]
    assert found["map"] == pytest.approx([(1 / 2 + 2 / 3) / 3, 0])


def test_an_empty_place_is_never_a_hit() -> None:
    assert metrics([[-1, -1]], [0], n=2)["hr"] == [0]


def test_a_shorter_list_is_judged_by_its_own_places_alone() -> None:
    assert metrics([LIST], [9], n=2)["hr"] == [0]
    with pytest.raises(ValueError, match="cannot be judged at 9"):
        metrics([LIST], [9], n=9)
    with pytest.raises(ValueError, match="needs a held-out item"):
        metrics([LIST], [])


def test_metrics_agree_with_a_slow_twin() -> None:
    rng = np.random.default_rng(0)
    lists = np.array([rng.permutation(30)[:8] for _ in range(50)])
    targets = [np.sort(rng.permutation(30)[: rng.integers(1, 12)]).tolist() for _ in range(50)]
    found = metrics(lists.tolist(), *targets, n=8)
    for place, (items, wanted) in enumerate(zip(lists.tolist(), targets, strict=True)):
        hits = [item in wanted for item in items]
        discounts = [1 / math.log2(p + 2) for p in range(8)]
        gained = sum(d for d, hit in zip(discounts, hits, strict=True) if hit)
        assert found["ndcg"][place] == pytest.approx(gained / sum(discounts[: len(wanted)]))
        assert found["recall"][place] == pytest.approx(sum(hits) / len(wanted))


def test_novelty_is_in_bits() -> None:
    counts = np.array([8, 4, 1, 0])
    lists = np.array([[0, 1], [2, -1], [3, 3], [-1, -1]], np.int32)
    assert novelty(lists, counts, 8).tolist() == [0.5, 3, 3, 0]


def test_coverage_and_gini_of_equal_and_of_single_minded_lists() -> None:
    equal = np.array([[0, 1], [2, 3]], np.int32)
    single = np.array([[0, -1], [0, -1]], np.int32)
    assert coverage(equal, 4) == 1
    assert gini(equal, 4) == pytest.approx(0)
    assert coverage(single, 4) == 0.25
    assert gini(single, 4) == pytest.approx(0.75)  # 1 - 1 / N


def test_diversity_by_hand() -> None:
    """Items 0 and 1 have the same users, 2 shares one of its two with each, 3 shares none."""
    users = [[0, 1, 2], [0, 1], [2], [3]]
    histories = Histories.plain(
        np.cumsum([0, *map(len, users)]), np.array([i for own in users for i in own], np.int32)
    )
    cosine = UserCosine(histories, 5)
    lists = np.array([[0, 1, -1], [0, 3, -1], [0, 1, 2], [3, -1, -1], [0, 4, -1]], np.int32)
    assert cosine.diversity(lists) == pytest.approx([0, 1, (0 + 0.5 + 0.5) / 3, 0, 1])


def test_intervals_of_stars_hold_the_error() -> None:
    rng = np.random.default_rng(0)
    actual = rng.integers(1, 6, 2000).astype(np.float32)
    predicted = (actual + rng.normal(0, 1, 2000)).astype(np.float32)
    found = rating_summary(predicted, actual, np.arange(2000) // 4, seed=0)
    for name, error in (("rmse", rmse(predicted, actual)), ("mae", mae(predicted, actual))):
        assert found[name].mean == error
        assert found[name].low is not None
        assert found[name].high is not None
        assert found[name].low < error < found[name].high
        assert found[name].high - found[name].low < 0.1


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
