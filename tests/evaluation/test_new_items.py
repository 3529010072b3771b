"""New products on a shelf of their own, and lists by profile, in a shop whose tastes are known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from selera.contracts.behaviors import BUY_CODE
from selera.contracts.feature_space import Categories, FeatureSpace
from selera.contracts.features import Features
from selera.contracts.histories import ItemSets, TopN
from selera.contracts.ids import IdMap
from selera.contracts.interactions import Interactions
from selera.evaluation import new_items
from selera.evaluation.judging import JudgedLists, judge_lists
from selera.evaluation.new_items import judge_new_items
from selera.models.recommender import Recommender
from selera.training import TrainingConfig, fit_recommender
from selera.training.ranking import rank_scores
from selera.training.targets import Targets

N_USERS, N_ITEMS, N_KINDS = 120, 64, 4
N_WITHOUT_HISTORY = 8
START, DAY_S = 1_700_000_000, 86_400
IS_NEW = np.arange(N_ITEMS) >= 48
"""Of each of the four categories 12 products are old and 4 are new."""


def told(field: str, of_rows: list[int]) -> Features:
    """One category for each row."""
    space = FeatureSpace((Categories(field, tuple("abcd")),))
    return Features(space.names, np.arange(len(of_rows) + 1), np.array(of_rows, np.int32), space)


ITEMS = told("category", [item % N_KINDS for item in range(N_ITEMS)])
USERS = told("place", [user % N_KINDS for user in range(N_USERS)])


def purchases(pairs: list[tuple[int, int]], day: int) -> Interactions:
    users, items = (np.array(column, np.int32) for column in zip(*sorted(pairs), strict=True))
    return Interactions(
        users=IdMap.from_ids(list(range(N_USERS))),
        items=IdMap.from_ids(list(range(1000, 1000 + N_ITEMS))),
        user_rows=users,
        item_rows=items,
        behaviors=np.full(len(users), BUY_CODE, np.uint8),
        values=np.ones(len(users), np.float32),
        timestamps=np.full(len(users), START + DAY_S * day),
        rating_scale=None,
        user_features=USERS,
        item_features=ITEMS,
    )


def train_and_test() -> tuple[Interactions, Interactions]:
    """User u buys five old products of category u % 4; later two new ones of the same.

    The last eight users have bought nothing before.
    """
    rng = np.random.default_rng(0)
    old, new = [], []
    for user in range(N_USERS):
        kind = np.arange(user % N_KINDS, N_ITEMS, N_KINDS)
        if user < N_USERS - N_WITHOUT_HISTORY:
            bought = rng.choice(kind[~IS_NEW[kind]], 5, replace=False)
            old += [(user, int(item)) for item in bought]
        new += [(user, int(item)) for item in rng.choice(kind[IS_NEW[kind]], 2, replace=False)]
    return purchases(old, 0), purchases(new, 1)


TRAIN, TEST = train_and_test()


@pytest.fixture(scope="module")
def model() -> Recommender:
    return fit_recommender(TRAIN, "itemknn", TrainingConfig(), seed=0)


def judged(
    model: Recommender, test: Interactions = TEST, n: int = 4, max_users: int = 1000
) -> JudgedLists | None:
    return judge_new_items(model, test, "buy", (n,), max_users=max_users, seed=0)


def test_new_products_of_the_liked_category_come_first(model: Recommender) -> None:
    lists = judged(model)
    assert lists is not None
    new = np.flatnonzero(IS_NEW)
    for user, places in zip(lists.users.tolist(), lists.lists, strict=True):
        assert (new[places] % N_KINDS == user % N_KINDS).all()
    assert (lists.metrics["recall@4"] == 1).all()  # the shelf holds four of each category


def test_only_users_with_a_history_are_judged_by_new_products(model: Recommender) -> None:
    lists = judged(model)
    assert lists is not None
    assert lists.users.tolist() == list(range(N_USERS - N_WITHOUT_HISTORY))
    assert lists.warm.all()


def test_of_a_longer_list_the_liked_category_is_the_head(model: Recommender) -> None:
    lists = judged(model, n=16)
    assert lists is not None
    assert (np.sort(lists.lists, axis=1) == np.arange(16)).all()  # each new product once
    kinds = np.flatnonzero(IS_NEW)[lists.lists] % N_KINDS
    assert (kinds[:, :4] == lists.users[:, None] % N_KINDS).all()


def test_no_more_users_are_judged_than_asked_for(model: Recommender) -> None:
    lists = judged(model, max_users=7)
    assert lists is not None
    assert len(lists.users) == len(lists.lists) == len(lists.metrics["ndcg@4"]) == 7


def test_without_product_features_nothing_is_said_of_new_products(model: Recommender) -> None:
    assert judged(model, replace(TEST, item_features=None)) is None
    bare = replace(TRAIN, item_features=None)
    ignorant = fit_recommender(bare, "itemknn", TrainingConfig(), seed=0)
    assert judged(ignorant) is None


def test_where_nobody_chose_a_new_product_there_is_nothing_to_judge(model: Recommender) -> None:
    assert judged(model, TRAIN) is None
    strangers = TEST.where(TEST.user_rows >= N_USERS - N_WITHOUT_HISTORY)
    assert judged(model, strangers) is None


def test_a_shelf_shorter_than_the_list_is_not_judged(model: Recommender) -> None:
    assert judged(model, n=17) is None


COLD = np.arange(N_USERS - N_WITHOUT_HISTORY, N_USERS)


def wanted() -> Targets:
    """Of each user without a history, and of two with one, the last product of the own place."""
    users = np.concatenate([[0, 1], COLD])
    items = (44 + users % N_KINDS).astype(np.int32)
    had = TRAIN.pairs
    assert not np.isin(users * N_ITEMS + items, had).any()
    return Targets(users, ItemSets(np.arange(len(users) + 1), items), 0)


def test_who_has_no_history_gets_the_list_of_the_profile(model: Recommender) -> None:
    lists = judge_lists(model, wanted(), "new", (12,), profiles=USERS)
    assert lists.warm.tolist() == [True] * 2 + [False] * N_WITHOUT_HISTORY
    for user, items in zip(lists.users[2:].tolist(), lists.lists[2:], strict=True):
        best = model.popular(12, profile=USERS.of(user))
        assert items.tolist() == [item for item, _ in best]
        assert (items % N_KINDS == user % N_KINDS).all()
    assert (lists.metrics["recall@12"][2:] == 1).all()


def test_without_profiles_all_without_a_history_get_the_same_popular_list(
    model: Recommender,
) -> None:
    lists = judge_lists(model, wanted(), "new", (12,))
    popular = [item for item, _ in model.popular(12)]
    assert lists.lists[2:].tolist() == [popular] * N_WITHOUT_HISTORY
    told_apart = judge_lists(model, wanted(), "new", (12,), profiles=USERS)
    np.testing.assert_array_equal(lists.lists[:2], told_apart.lists[:2])


def test_a_profile_that_says_nothing_gets_the_popular_list(model: Recommender) -> None:
    empty = Features(USERS.names, np.zeros(N_USERS + 1, np.int64), np.empty(0, np.int32))
    lists = judge_lists(model, wanted(), "new", (12,), profiles=empty)
    popular = [item for item, _ in model.popular(12)]
    assert lists.lists[2:].tolist() == [popular] * N_WITHOUT_HISTORY


def test_a_batch_is_as_wide_as_all_products_and_their_features(
    model: Recommender, monkeypatch: pytest.MonkeyPatch
) -> None:
    widths = []

    def noted(*told: Any, width: int, **settings: Any) -> TopN:
        widths.append(width)
        return rank_scores(*told, width=width, **settings)

    monkeypatch.setattr(new_items, "rank_scores", noted)
    assert judged(model) is not None
    assert widths == [2 * N_ITEMS]  # each product, old or new, has one feature
