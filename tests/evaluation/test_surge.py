"""How far new behaviors lift few items, by numbers computed by hand and on fitted models."""

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from selera.contracts.behaviors import BUY_CODE
from selera.contracts.ids import IdMap
from selera.contracts.interactions import Interactions
from selera.evaluation.surge import beyond_expectation, find_surge
from selera.models import Recommender
from selera.training import TrainingConfig, fit_recommender

N_USERS = 200
EVEN = {f"i{item}": range(item, N_USERS, 4) for item in range(4)}


def model_of(buyers: Mapping[str, Sequence[int]], times: int = 1) -> Recommender:
    """A model of who bought what, each pair that many times."""
    names = sorted(buyers)
    pairs = sorted((user, row) for row, name in enumerate(names) for user in buyers[name])
    pairs = [pair for pair in pairs for _ in range(times)]
    bought = Interactions(
        users=IdMap.from_ids([f"u{user}" for user in range(N_USERS)]),
        items=IdMap.from_ids(names),
        user_rows=np.array([user for user, _ in pairs], np.int32),
        item_rows=np.array([item for _, item in pairs], np.int32),
        behaviors=np.full(len(pairs), BUY_CODE, np.uint8),
        values=np.ones(len(pairs), np.float32),
        timestamps=np.zeros(len(pairs), np.int64),
        rating_scale=None,
    )
    return fit_recommender(bought, "popularity", TrainingConfig(), seed=0)


def test_what_is_beyond_three_times_the_past_is_computed_by_hand() -> None:
    had, gained = np.array([49, 49, 0]), np.array([10, 10, 78])

    found = beyond_expectation(had, gained)

    # 98 new pairs on 98: an item with no past may gain 3 (0 + 1) and 3 sqrt(3 + 1), so 9.
    assert found.tolist() == pytest.approx([0, 0, 69])


def test_growth_in_proportion_is_no_surge_however_large() -> None:
    had = np.array([1000, 100, 10, 1])

    assert not beyond_expectation(had, had * 50).any()
    assert not beyond_expectation(had, had * 0).any()
    assert not beyond_expectation(had * 0, had * 0).any()


def test_a_flooded_item_is_named_though_rows_differ() -> None:
    champion = model_of(EVEN)
    model = model_of({"a": range(150), **EVEN})

    found = find_surge(champion, model)

    # 150 new pairs on 200: 3 * 0.75 = 2.25 expected, and 3 sqrt(3.25) of chance.
    beyond = 150 - 2.25 - 3 * 3.25**0.5
    assert found is not None
    assert found.share == pytest.approx(beyond / 150)
    assert (found.n_pairs, found.n_items, found.foremost) == (150, 1, ("a",))


def test_repeated_purchases_and_lost_items_are_no_new_pairs() -> None:
    champion = model_of(EVEN)
    fewer = {name: users for name, users in EVEN.items() if name != "i3"}

    assert find_surge(champion, model_of(EVEN, times=30)) is None
    assert find_surge(champion, model_of(fewer)) is None


def test_a_hundred_new_pairs_are_the_fewest_that_are_judged() -> None:
    champion = model_of(EVEN)

    assert find_surge(champion, model_of({"new": range(99), **EVEN})) is None
    assert find_surge(champion, model_of({"new": range(100), **EVEN})) is not None
