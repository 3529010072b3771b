"""The best n of many scores against a full stable sort."""

import numpy as np
import pytest
from numpy.typing import NDArray

from selera.kernels.ranking import top_n_rows


def ranked(
    scores: NDArray[np.float32], n: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], bool]:
    items = np.full((len(scores), n), 77, np.int32)
    best = np.full((len(scores), n), 77, np.float32)
    found_nan = top_n_rows(scores, items, best)
    return items, best, found_nan


def plain_ranked(
    scores: NDArray[np.float32], n: int
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    items = np.full((len(scores), n), -1, np.int32)
    best = np.full((len(scores), n), -np.inf, np.float32)
    for row, own in enumerate(scores):
        order = [each for each in np.argsort(-own, kind="stable") if own[each] > -np.inf][:n]
        items[row, : len(order)] = order
        best[row, : len(order)] = own[order]
    return items, best


@pytest.mark.parametrize("n", [1, 2, 7, 30, 31, 50])
def test_lists_are_the_head_of_a_stable_sort(n: int) -> None:
    rng = np.random.default_rng(n)
    scores = rng.normal(size=(40, 30)).astype(np.float32)
    scores[:20] = np.round(scores[:20])  # many ties
    scores[rng.random(scores.shape) < 0.3] = -np.inf
    scores[5], scores[6] = -np.inf, 2.0
    items, best, found_nan = ranked(scores, n)
    expected_items, expected_best = plain_ranked(scores, n)
    np.testing.assert_array_equal(items, expected_items)
    np.testing.assert_array_equal(best, expected_best)
    assert not found_nan


def test_of_equal_scores_the_lower_column_comes_first() -> None:
    items, best, _ = ranked(np.array([[1, 3, 3, 1, 3]], np.float32), 4)
    assert items.tolist() == [[1, 2, 4, 0]]
    assert best.tolist() == [[3, 3, 3, 1]]


def test_an_infinite_score_leads() -> None:
    items, _, found_nan = ranked(np.array([[1, np.inf, 3]], np.float32), 3)
    assert items.tolist() == [[1, 2, 0]]
    assert not found_nan


@pytest.mark.parametrize("column", [0, 3, 9])
def test_a_nan_anywhere_is_told(column: int) -> None:
    scores = np.arange(20, dtype=np.float32).reshape(2, 10)
    scores[1, column] = np.nan
    assert ranked(scores, 3)[2]
    assert not ranked(scores[:1], 3)[2]


def test_without_rows_or_columns_there_is_nothing_to_rank() -> None:
    assert ranked(np.empty((0, 4), np.float32), 3)[0].shape == (0, 3)
    items, best, found_nan = ranked(np.empty((2, 0), np.float32), 3)
    assert items.tolist() == [[-1] * 3] * 2
    assert np.isneginf(best).all()
    assert not found_nan
