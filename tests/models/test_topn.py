"""Exact, ordered, and the same for ties every time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from selera.contracts.histories import NO_ITEM
from selera.models.topn import top_n


@given(
    arrays(np.float32, (3, 17), elements=st.sampled_from([-np.inf, -1.5, 0.0, -0.0, 1.0, 2.0])),
    st.integers(1, 25),
)
def test_it_is_the_stable_sort_cut_at_n(scores: np.ndarray, n: int) -> None:
    answer = top_n(scores, n)
    for user in range(3):
        order = [
            item
            for item in np.argsort(-scores[user], kind="stable")
            if scores[user][item] > -np.inf
        ]
        expected = order[:n]
        assert answer.items[user].tolist() == expected + [NO_ITEM] * (n - len(expected))
        assert [item for item, _ in answer.list(user)] == expected
        assert np.isneginf(answer.scores[user][len(expected) :]).all()


def test_ties_go_to_the_lower_row() -> None:
    assert top_n(np.zeros((1, 1000), np.float32), 4).items.tolist() == [[0, 1, 2, 3]]


def test_nan_has_no_place_in_an_order() -> None:
    with pytest.raises(ValueError, match="NaN"):
        top_n(np.array([[1, np.nan]], np.float32), 1)
