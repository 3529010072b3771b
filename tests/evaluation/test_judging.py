"""Judging one recommender on one split: who gets what list, what counts as liked, from when on."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from selera.contracts.behaviors import BUY_CODE, NO_TIME, RATING_CODE
from selera.contracts.histories import NO_ITEM, ItemSets
from selera.contracts.ids import IdMap
from selera.contracts.interactions import Interactions, RatingScale
from selera.evaluation import EvaluationConfig, evaluate, protocol
from selera.evaluation.judging import JudgedLists, JudgedStars, judge_lists, judge_stars
from selera.models import Recommender
from selera.training import PureSvdConfig, SvdConfig, TrainingConfig, fit_recommender
from selera.training.splits import Split, make_splits
from selera.training.targets import Targets, find_targets
from tests.tastes import DAY_S, START, checkerboard

TRAINING = TrainingConfig(puresvd=PureSvdConfig(n_factors=3), svd=SvdConfig(n_factors=2))
FIVE_STARS = RatingScale(1, 5)


def interactions(
    *entries: tuple[int, int, int, float, int],
    n_users: int,
    n_items: int,
    scale: RatingScale | None = FIVE_STARS,
) -> Interactions:
    """Of (user row, item row, behavior, value, timestamp)."""
    columns = list(zip(*sorted(entries), strict=True)) or [()] * 5
    return Interactions(
        users=IdMap.from_ids([100 + row for row in range(n_users)]),
        items=IdMap.from_ids([500 + row for row in range(n_items)]),
        user_rows=np.array(columns[0], np.int32),
        item_rows=np.array(columns[1], np.int32),
        behaviors=np.array(columns[2], np.uint8),
        values=np.array(columns[3], np.float32),
        timestamps=np.array(columns[4], np.int64),
        rating_scale=scale,
    )


def bought(*pairs: tuple[int, int]) -> list[tuple[int, int, int, float, int]]:
    return [(user, item, BUY_CODE, 1.0, START) for user, item in pairs]


# Six users buy what has their parity, odd items are bought more often; items 0..7, popularity
# 1: 4 buyers, 3: 3, 5 and 0: 2, 2 and 7: 1, 4 and 6: none. User 6 has no history, user 7 has only
# disliked (rated 1) the most popular item.
BOUGHT = bought(
    (0, 0), (0, 2), (2, 0), (1, 1), (1, 3), (1, 5), (3, 1), (3, 3), (3, 7), (4, 1), (4, 5), (5, 1),
    (5, 3),
)  # fmt: skip
TRAIN = interactions(*BOUGHT, (7, 1, RATING_CODE, 1.0, START), n_users=8, n_items=8)
POPULAR = [1, 3, 0, 5, 2, 7, 4, 6]


def svd() -> Recommender:
    return fit_recommender(TRAIN, "svd", TRAINING, seed=0)


def targets(**items_of_users: int) -> Targets:
    """One relevant item per user, as `user_3=4`."""
    users = sorted((int(name.removeprefix("user_")), item) for name, item in items_of_users.items())
    one_each = ItemSets(np.arange(len(users) + 1), np.array([item for _, item in users], np.int32))
    return Targets(np.array([user for user, _ in users]), one_each, 0)


def judged(model: Recommender, wanted: Targets, n: int) -> JudgedLists:
    return judge_lists(model, wanted, "new", (n,))


def popular() -> Recommender:
    return fit_recommender(TRAIN, "popularity", TRAINING, seed=0)


def test_the_popular_list_of_this_shop_is_known_by_hand() -> None:
    assert [row for row, _ in svd().popular(8)] == POPULAR


@pytest.mark.parametrize(("place", "item"), list(enumerate(POPULAR[:5])))
def test_a_user_without_a_history_gets_the_popular_list(place: int, item: int) -> None:
    scores = judged(svd(), targets(user_6=item), 5)
    assert scores.warm.tolist() == [False]
    assert scores.metrics["ndcg@5"].tolist() == pytest.approx([1 / np.log2(place + 2)])
    assert scores.metrics["recall@5"].tolist() == [1.0]
    assert scores.lists.tolist() == [POPULAR[:5]]


def test_a_user_who_only_disliked_gets_what_is_popular_but_for_that() -> None:
    scores = judged(svd(), targets(user_7=POPULAR[1]), 1)
    assert scores.warm.tolist() == [False]
    assert scores.metrics["ndcg@1"].tolist() == [1.0]


def test_the_popular_order_is_asked_for_as_far_as_it_can_be_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """User 6 has nothing and user 7 one hidden item: the longest list and one more suffice."""
    model, asked = svd(), []
    popular = Recommender.popular

    def noted(self: Recommender, n: int, **settings: Any) -> list[tuple[int, float]]:
        asked.append(n)
        return popular(self, n, **settings)

    monkeypatch.setattr(Recommender, "popular", noted)
    lists = judged(model, targets(user_6=3, user_7=3), 2).lists
    assert lists.tolist() == [POPULAR[:2], POPULAR[1:3]]
    assert judged(model, targets(user_7=3), 20).lists[0, :8].tolist() == [*POPULAR[1:], NO_ITEM]
    assert asked == [3, 8]


def test_a_user_with_a_history_gets_a_list_of_the_own() -> None:
    """User 2 bought item 0; who bought that bought item 2, which is far from popular."""
    scores = judged(svd(), targets(user_2=2, user_6=2), 1)
    assert scores.users.tolist() == [2, 6]
    assert scores.warm.tolist() == [True, False]
    assert scores.metrics["ndcg@1"].tolist() == [1.0, 0.0]
    assert scores.metrics["recall@1"].tolist() == [1.0, 0.0]


def test_popular_lists_leave_out_what_was_seen() -> None:
    # User 1 has the items 1, 3 and 5, user 3 has 1, 3 and 7: item 0 is the first new one to both.
    scores = judged(popular(), targets(user_1=0, user_3=0, user_5=0), 1)
    assert scores.metrics["ndcg@1"].tolist() == [1.0, 1.0, 1.0]
    second = judged(popular(), targets(user_1=2, user_3=5), 2)
    assert second.metrics["ndcg@2"].tolist() == pytest.approx([1 / np.log2(3)] * 2)
    assert second.metrics["recall@2"].tolist() == [1.0, 1.0]
    too_short = judged(popular(), targets(user_1=2, user_3=5), 1)
    assert too_short.metrics["recall@1"].tolist() == [0.0, 0.0]


def test_lists_may_be_longer_than_the_items_that_are_left() -> None:
    scores = judged(popular(), targets(user_1=6, user_6=6), 20)
    assert scores.metrics["recall@20"].tolist() == [1.0, 1.0]
    np.testing.assert_allclose(scores.metrics["ndcg@20"], [1 / np.log2(6), 1 / np.log2(9)])


def test_lists_may_hold_what_was_had_where_the_view_says_so() -> None:
    wanted = targets(user_1=1)
    with pytest.raises(ValueError, match="disjoint"):
        judge_lists(popular(), wanted, "new", (1,))
    with pytest.raises(ValueError, match="disjoint"):
        judge_lists(popular(), wanted, "not bought", (1,))
    assert judge_lists(popular(), wanted, "all", (1,)).metrics["hr@1"].tolist() == [1.0]


def test_what_was_seen_and_not_bought_stays_open_in_its_view() -> None:
    scores = judge_lists(popular(), targets(user_7=1), "not bought", (1,))
    assert scores.lists.tolist() == [[1]]  # the item that the user only disliked


@pytest.mark.parametrize(
    ("scale", "liked", "just_not"),
    [(FIVE_STARS, 4.0, 3.9), (RatingScale(0, 10), 7.5, 7.4), (RatingScale(-2, 2), 1.0, 0.9)],
)
def test_a_rating_is_liked_from_three_quarters_of_the_scale_up(
    scale: RatingScale, liked: float, just_not: float
) -> None:
    train = interactions(*bought((1, 0), (1, 1), (1, 2)), n_users=2, n_items=3, scale=scale)
    test = interactions(
        (0, 0, RATING_CODE, just_not, START + 9),
        (0, 1, RATING_CODE, liked, START + 9),
        (0, 2, RATING_CODE, scale.high, START + 9),
        n_users=2,
        n_items=3,
        scale=scale,
    )
    split = Split("temporal", train, test, START)
    found = find_targets(split, "rating", max_users=9, seed=0)
    assert found.users.tolist() == [0]
    assert found.sets.of(0).tolist() == [1, 2]


def purchases_of_a_year() -> Interactions:
    """User 0 buys item 0 at START, the others buy during the 400 days that follow."""
    days = [(user, item, 24 * user + 3 * item) for user in range(1, 16) for item in range(1, 16)]
    return interactions(
        *bought((0, 0)),
        *((user, item, BUY_CODE, 1.0, START + DAY_S * day) for user, item, day in days),
        n_users=16,
        n_items=16,
    )


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_ages_count_from_the_cut_and_not_from_the_end_of_the_data(cut: int) -> None:
    everything = purchases_of_a_year()
    split = list(make_splits(everything, n_cuts=3, test_share=0.1, seed=0))[cut]
    model = fit_recommender(split.train, "popularity", TRAINING, seed=0, now=split.now)
    assert split.now < everything.timestamps.max()
    assert model.reference_time == split.now
    age_days = (split.now - START) / DAY_S
    expected = np.log1p(6 * 2 ** (-age_days / 180))
    assert model.histories.items[0] == 0
    assert model.histories.weights[0] == pytest.approx(expected, rel=1e-6)


def test_a_given_time_holds_even_where_all_behaviors_lie_before_it() -> None:
    split = Split("random", TRAIN, TRAIN, START + 180 * DAY_S)
    model = fit_recommender(split.train, "popularity", TRAINING, seed=0, now=split.now)
    assert model.reference_time == START + 180 * DAY_S
    assert model.histories.weights[0] == pytest.approx(np.log1p(3), rel=1e-6)


@pytest.mark.parametrize("untimed_share", [0.0, 0.3])
def test_the_evaluation_fits_each_split_at_the_time_of_its_cut(
    untimed_share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = purchases_of_a_year()
    untimed = np.random.default_rng(0).random(len(everything)) < untimed_share
    everything = replace(everything, timestamps=np.where(untimed, NO_TIME, everything.timestamps))
    fitted: list[Recommender] = []

    def fit_and_keep(*args: Any, **settings: Any) -> Recommender:
        fitted.append(fit_recommender(*args, **settings))
        return fitted[-1]

    monkeypatch.setattr(protocol, "fit_recommender", fit_and_keep)
    config = EvaluationConfig(n=3, n_cuts=2)
    report = evaluate(everything, ["popularity"], TRAINING, config, seed=0)
    splits = list(
        make_splits(everything, n_cuts=config.n_cuts, test_share=config.test_share, seed=0)
    )
    assert report.protocol == splits[0].kind == ("random" if untimed_share else "temporal")
    assert [each.reference_time for each in fitted] == [each.now for each in splits]


def stars_of(model: Recommender, test: Interactions, max_users: int = 100) -> JudgedStars:
    stars = judge_stars(model, test, max_users=max_users, seed=0)
    assert stars is not None
    return stars


def rating_split() -> tuple[Recommender, Interactions, Interactions]:
    """A model of ratings up to a cut, its train, and the ratings after it."""
    ratings = checkerboard().of(RATING_CODE)
    (split, *_) = make_splits(ratings, n_cuts=1, test_share=0.3, seed=0)
    model = fit_recommender(split.train, "svd", TRAINING, seed=0, now=split.now)
    return model, split.train, split.test


def test_users_are_folded_in_from_train_only() -> None:
    model, train, test = rating_split()
    stars, rater = stars_of(model, test), model.rater
    assert rater is not None
    place = 0
    for user in np.unique(test.user_rows):
        items = test.item_rows[test.user_rows == user]
        own = train.where(train.user_rows == user)
        bias, factors = rater.fold_in(own.item_rows, own.values)
        from_zero = rater.mean + rater.item_bias[items] + bias + rater.item_factors[items] @ factors
        expected = np.clip(1 + from_zero, 1, 5)  # raters compute on 0..4
        np.testing.assert_allclose(stars.predicted[place : place + len(items)], expected, rtol=1e-5)
        place += len(items)
    assert place == len(stars.actual) == len(test)
    np.testing.assert_array_equal(stars.actual, test.values)


def test_what_the_held_out_ratings_say_changes_no_prediction_of_them() -> None:
    model, _, test = rating_split()
    stars, turned = stars_of(model, test), stars_of(model, replace(test, values=6 - test.values))
    np.testing.assert_array_equal(turned.predicted, stars.predicted)
    np.testing.assert_array_equal(turned.actual, 6 - stars.actual)


def test_what_a_user_rated_in_train_does_change_the_predictions() -> None:
    model, train, test = rating_split()
    user = test.user_rows[0]
    assert (train.user_rows == user).any()
    own = (model.histories.rows == user) & ~np.isnan(model.histories.ratings)
    turned = np.where(own, 6 - model.histories.ratings, model.histories.ratings)
    other = replace(model, histories=replace(model.histories, ratings=turned))
    one, two = stars_of(model, test), stars_of(other, test)
    assert one.predicted[0] != two.predicted[0]


def test_who_rated_nothing_in_train_is_predicted_by_the_items_alone() -> None:
    _, train, _ = rating_split()
    model = fit_recommender(train.where(train.user_rows != 3), "svd", TRAINING, seed=0)
    assert model.rater is not None
    fives = ((3, item, RATING_CODE, 5.0, START) for item in range(4))
    stars = stars_of(model, interactions(*fives, n_users=40, n_items=30))
    expected = np.clip(1 + model.rater.mean + model.rater.item_bias[:4], 1, 5)
    np.testing.assert_allclose(stars.predicted, expected, rtol=1e-5)


def test_only_as_many_users_are_judged_by_stars_as_asked_for() -> None:
    model, _, test = rating_split()
    n_ratings = np.bincount(test.user_rows)
    assert n_ratings.max() == 3
    assert 3 <= len(stars_of(model, test, max_users=3).actual) <= 3 * 3
    assert len(stars_of(model, test, max_users=1000).actual) == len(test)


def test_no_held_out_stars_are_nothing_to_judge() -> None:
    model, _, test = rating_split()
    purchases = replace(test, behaviors=np.full(len(test), BUY_CODE, np.uint8))
    assert judge_stars(model, purchases, max_users=9, seed=0) is None
    nobody_rates = fit_recommender(checkerboard().of(BUY_CODE), "svd", TRAINING, seed=0)
    assert judge_stars(nobody_rates, test, max_users=9, seed=0) is None
