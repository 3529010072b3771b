"""What is held out for choices: nothing of it is known before, and what a view counts, by hand."""

from dataclasses import replace

import numpy as np
import pytest

from selera.contracts.behaviors import BUY_CODE, NO_TIME, RATING_CODE, VISIT_CODE
from selera.contracts.features import Features
from selera.contracts.histories import ItemSets
from selera.contracts.ids import IdMap
from selera.contracts.interactions import Interactions, RatingScale
from selera.models.signals import histories_of
from selera.training.blend import BlendConfig
from selera.training.evidence import Holdout
from selera.training.holdout import hold_out
from selera.training.settings import TrainingConfig
from selera.training.splits import Split, last_choices
from selera.training.targets import (
    Targets,
    View,
    draw,
    find_targets,
    hidden_entries,
    strongest_behavior,
)
from tests.tastes import checkerboard

DEFAULT = TrainingConfig()
IN_TIME = TrainingConfig(blend=BlendConfig(least_targets=1))
"""Content with what the last tenth holds."""
SHOP = checkerboard()
Act = tuple[int, int, int, float, int]


def of(*acts: Act, n_users: int = 4, n_items: int = 6) -> Interactions:
    """Of (user row, item row, behavior, value, timestamp)."""
    columns = list(zip(*sorted(acts), strict=True))
    return Interactions(
        users=IdMap.from_ids(list(range(n_users))),
        items=IdMap.from_ids(list(range(n_items))),
        user_rows=np.array(columns[0], np.int32),
        item_rows=np.array(columns[1], np.int32),
        behaviors=np.array(columns[2], np.uint8),
        values=np.array(columns[3], np.float32),
        timestamps=np.array(columns[4], np.int64),
        rating_scale=RatingScale(1, 5),
    )


def pairs_of(users: np.ndarray, items: np.ndarray, sets: ItemSets, n_items: int) -> np.ndarray:
    return users[sets.rows] * n_items + items


def rows_in(shop: Interactions, held_out: Holdout) -> np.ndarray:
    """The row in `shop` of each item row of the holdout, told by when who did something to it."""
    earlier = held_out.earlier.interactions
    assert earlier is not None
    acts = zip(shop.user_rows.tolist(), shop.timestamps.tolist(), strict=True)
    item_of = dict(zip(acts, shop.item_rows.tolist(), strict=True))
    rows = np.full(shop.n_items, -1)
    for user, at, row in zip(earlier.user_rows, earlier.timestamps, earlier.item_rows, strict=True):
        rows[row] = item_of[int(user), int(at)]
    return rows


def test_held_out_are_the_purchases_after_the_cut_of_what_was_new_to_the_user() -> None:
    held_out = hold_out(SHOP, IN_TIME, seed=0)
    assert held_out is not None
    earlier = held_out.earlier.interactions
    assert earlier is not None
    rows, cut = rows_in(SHOP, held_out), earlier.timestamps.max()
    before, after = SHOP.where(SHOP.timestamps <= cut), SHOP.where(SHOP.timestamps > cut)
    bought = set(after.of(BUY_CODE).pairs.tolist())
    new = pairs_of(held_out.users, rows[held_out.new.items], held_out.new, SHOP.n_items)
    assert set(new.tolist()) == bought - set(before.pairs.tolist())
    users = held_out.returning_users
    returning = rows[held_out.returning.items]
    all_of_them = pairs_of(users, returning, held_out.returning, SHOP.n_items)
    assert set(all_of_them.tolist()) == bought


def test_item_rows_are_ordered_by_what_was_known_then() -> None:
    """Rows by the popularity in all of the data would tell, where scores tie, what came later."""
    held_out = hold_out(SHOP, IN_TIME, seed=0)
    assert held_out is not None
    assert held_out.earlier.interactions is not None
    counts = np.bincount(held_out.earlier.interactions.item_rows, minlength=SHOP.n_items)
    assert (np.diff(counts) <= 0).all()
    rows = rows_in(SHOP, held_out)
    assert sorted(rows.tolist()) == list(range(SHOP.n_items))


def test_product_features_follow_their_products() -> None:
    names = tuple(f"category={item}" for item in range(SHOP.n_items))
    columns = np.arange(SHOP.n_items, dtype=np.int32)
    features = Features(names, np.arange(SHOP.n_items + 1), columns)
    shop = replace(SHOP, item_features=features)
    held_out = hold_out(shop, IN_TIME, seed=0)
    assert held_out is not None
    assert held_out.earlier.item_features is not None
    assert held_out.earlier.item_features.columns.tolist() == rows_in(shop, held_out).tolist()


@pytest.mark.parametrize("timed", [True, False])
def test_nothing_that_is_held_out_is_known_before(timed: bool) -> None:
    """Of every behavior of the shop, not only of what there is to choose."""
    untimed = np.full(len(SHOP), NO_TIME)
    shop = SHOP if timed else replace(SHOP, timestamps=untimed)
    held_out = hold_out(shop, IN_TIME, seed=0)
    assert held_out is not None
    earlier, histories = held_out.earlier.interactions, held_out.earlier.histories
    assert earlier is not None
    assert 0.8 * len(shop) < len(earlier) < 0.95 * len(shop)
    new = pairs_of(held_out.users, held_out.new.items, held_out.new, SHOP.n_items)
    known = histories.rows * SHOP.n_items + histories.items
    assert len(new) > 0
    assert not np.isin(new, known).any()
    assert np.isin(known, earlier.pairs).all()
    if timed:
        assert earlier.timestamps.max() < np.quantile(SHOP.timestamps, 0.95)


def test_what_is_returned_to_is_all_that_was_chosen_later() -> None:
    acts = [(user, item, BUY_CODE, 1.0, 100 * item + user) for user in range(4) for item in (0, 1)]
    later = [(0, 0, BUY_CODE, 1.0, 900), (0, 2, BUY_CODE, 1.0, 901), (3, 1, BUY_CODE, 1.0, 902)]
    known = [(1, 2, BUY_CODE, 1.0, 10)]
    filler = [(2, item, VISIT_CODE, 1.0, 20 + item) for item in range(3, 6) for _ in range(6)]
    shop = of(*acts, *known, *filler, *later)
    held_out = hold_out(shop, IN_TIME, seed=0)
    assert held_out is not None
    assert held_out.users.tolist() == [0]
    rows = rows_in(shop, held_out)
    assert rows[held_out.new.of(0)].tolist() == [2]
    assert held_out.returning_users.tolist() == [0, 3]
    returning = [set(rows[held_out.returning.of(place)].tolist()) for place in range(2)]
    assert returning == [{0, 2}, {1}]


def test_only_users_whose_history_says_a_liking_teach() -> None:
    """User 1 has only disliked something before the cut, user 2 did nothing at all."""
    before = [(0, item, BUY_CODE, 1.0, item) for item in range(4) for _ in range(6)]
    disliked = [(1, 0, RATING_CODE, 1.0, 50)]
    later = [(user, 3 - user, BUY_CODE, 1.0, 1000 + user) for user in (1, 2)]
    own = [(3, 0, BUY_CODE, 1.0, 60), (3, 2, BUY_CODE, 1.0, 1003)]
    shop = of(*before, *disliked, *later, *own)
    held_out = hold_out(shop, IN_TIME, seed=0)
    assert held_out is not None
    assert held_out.users.tolist() == held_out.returning_users.tolist() == [3]


def test_where_nobody_chose_anything_later_nothing_is_held_out() -> None:
    same_second = of(*((user, 0, BUY_CODE, 1.0, 5) for user in range(4)))
    assert hold_out(same_second, IN_TIME, seed=0) is None


def test_no_more_users_are_held_out_than_allowed() -> None:
    held_out = hold_out(SHOP, TrainingConfig(blend=BlendConfig(max_users=5)), seed=0)
    assert held_out is not None
    assert len(held_out.users) == len(held_out.new) == 5
    assert len(held_out.returning_users) == len(held_out.returning) == 5


# User 0 bought item 0, visited 1 and disliked 4; nobody ever touched item 3. Later the same user
# buys 0, 1, 2 and 3 and visits 5; user 1 buys what was bought before.
TRAIN = of(
    (0, 0, BUY_CODE, 1.0, 1),
    (0, 1, VISIT_CODE, 1.0, 1),
    (0, 4, RATING_CODE, 1.0, 1),
    (1, 2, BUY_CODE, 1.0, 1),
    (1, 5, BUY_CODE, 1.0, 1),
)
TEST = of(
    *((0, item, BUY_CODE, 1.0, 9) for item in (0, 1, 2, 3)),
    (0, 5, VISIT_CODE, 1.0, 9),
    (1, 2, BUY_CODE, 1.0, 9),
)
SPLIT = Split("temporal", TRAIN, TEST, 5)


def found(view: View, max_users: int = 9) -> Targets:
    return find_targets(SPLIT, "buy", view=view, max_users=max_users, seed=0)


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        ("new", {0: [2]}),
        ("not bought", {0: [1, 2]}),
        ("all", {0: [0, 1, 2], 1: [2]}),
    ],
)
def test_targets_are_what_a_list_of_the_view_may_hold(
    view: View, expected: dict[int, list[int]]
) -> None:
    targets = found(view)
    assert targets.users.tolist() == list(expected)
    assert [targets.sets.of(place).tolist() for place in range(len(expected))] == [
        *expected.values()
    ]
    assert targets.n_unavailable == 1  # item 3


@pytest.mark.parametrize(("view", "hidden"), [("new", [0, 1, 4]), ("not bought", [0]), ("all", [])])
def test_a_list_of_the_view_hides_the_rest(view: View, hidden: list[int]) -> None:
    histories = histories_of(TRAIN, now=5, config=DEFAULT.signals).take(0, 1)
    assert histories.items[hidden_entries(histories, view)].tolist() == hidden


def test_drawn_users_keep_their_own_targets() -> None:
    everybody = find_targets(Split("random", TRAIN, SHOP, 0), "buy", max_users=99, seed=0)
    some = find_targets(Split("random", TRAIN, SHOP, 0), "buy", max_users=7, seed=0)
    assert len(some.users) == 7
    for place, user in enumerate(some.users.tolist()):
        own = everybody.sets.of(everybody.users.tolist().index(user))
        assert some.sets.of(place).tolist() == own.tolist()


def test_a_shop_is_judged_by_the_strongest_behavior_that_it_has() -> None:
    assert strongest_behavior(SHOP) == "buy"
    assert strongest_behavior(SHOP.where(SHOP.behaviors != BUY_CODE)) == "rating"
    bad = (SHOP.behaviors != BUY_CODE) & ((SHOP.behaviors != RATING_CODE) | (SHOP.values < 4))
    assert strongest_behavior(SHOP.where(bad)) == "visit"


def test_drawing_is_seeded_rising_and_without_repetition() -> None:
    drawn = draw(50, 20, 7)
    assert drawn.tolist() == sorted(set(drawn.tolist())) == draw(50, 20, 7).tolist()
    assert drawn.tolist() != draw(50, 20, 8).tolist()
    assert draw(5, 5, 0).tolist() == [0, 1, 2, 3, 4]


def test_each_users_last_choice_is_held_out_with_all_that_came_of_it_and_after() -> None:
    shop = checkerboard()
    is_choice = shop.behaviors == BUY_CODE
    split = last_choices(shop, is_choice)
    assert len(split.test) == shop.n_users
    for user in range(shop.n_users):
        own, held = shop.user_rows == user, split.test.user_rows == user
        (item,), (time,) = split.test.item_rows[held], split.test.timestamps[held]
        assert time == shop.timestamps[own & is_choice].max()
        left = split.train.where(split.train.user_rows == user)
        assert item not in left.item_rows
        assert (left.timestamps <= time).all()


def test_few_choices_in_the_last_tenth_give_way_to_each_users_last_choice() -> None:
    shop = checkerboard()
    few = hold_out(shop, TrainingConfig(blend=BlendConfig(least_targets=10_000)), seed=0)
    enough = hold_out(shop, TrainingConfig(blend=BlendConfig(least_targets=1)), seed=0)
    assert few is not None
    assert enough is not None
    assert len(few.new.items) >= len(enough.new.items)
    sparse = shop.where((shop.item_rows % 6 == shop.user_rows % 6) & (shop.behaviors == BUY_CODE))
    last = hold_out(sparse, TrainingConfig(blend=BlendConfig(least_targets=10_000)), seed=0)
    assert last is not None
    assert len(last.new.items) == len(last.users) > 0.9 * sparse.n_users
