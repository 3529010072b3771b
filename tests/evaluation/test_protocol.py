"""The evaluation: no leak, right baselines, an honest report."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from selera.contracts.behaviors import BUY_CODE, NO_TIME, RATING_CODE
from selera.contracts.ids import IdMap
from selera.contracts.interactions import Interactions
from selera.evaluation import EvaluationConfig, evaluate
from selera.evaluation.judging import judge_lists
from selera.training.puresvd import PureSvdConfig
from selera.training.recipes import fit_recommender
from selera.training.settings import TrainingConfig
from selera.training.splits import Split, make_splits
from selera.training.targets import Targets, find_targets, is_liked, strongest_behavior
from tests.tastes import checkerboard

TRAINING = TrainingConfig(puresvd=PureSvdConfig(n_factors=4))
CONFIG = EvaluationConfig(n=5)


def splits_of(interactions: Interactions, seed: int) -> Iterator[Split]:
    return make_splits(interactions, n_cuts=CONFIG.n_cuts, test_share=CONFIG.test_share, seed=seed)


def test_cut_offs_roll_back_and_never_leak() -> None:
    splits = list(make_splits(checkerboard(), n_cuts=3, test_share=0.1, seed=0))
    assert [each.kind for each in splits] == ["temporal"] * 3
    for each in splits:
        assert each.train.timestamps.max() <= each.now < each.test.timestamps.min()
    assert splits[0].now > splits[1].now > splits[2].now
    assert splits[1].test.timestamps.max() <= splits[0].now


def test_without_times_whole_pairs_are_held_out_at_random() -> None:
    interactions = checkerboard()
    timeless = replace(interactions, timestamps=np.full(len(interactions), NO_TIME))
    (one,) = splits_of(timeless, 3)
    (same,) = splits_of(timeless, 3)
    (other,) = splits_of(timeless, 4)
    assert one.kind == "random"
    assert not set(one.train.pairs) & set(one.test.pairs)
    assert len(one.train) + len(one.test) == len(interactions)
    np.testing.assert_array_equal(one.test.item_rows, same.test.item_rows)
    assert len(one.test) != len(other.test) or (one.test.item_rows != other.test.item_rows).any()


def test_one_moment_for_everything_is_as_good_as_no_time() -> None:
    interactions = checkerboard()
    at_once = replace(interactions, timestamps=np.full(len(interactions), 5))
    assert next(splits_of(at_once, 0)).kind == "random"


def test_a_shop_is_judged_by_purchases_then_good_ratings_then_visits() -> None:
    interactions = checkerboard()
    ratings = interactions.of(RATING_CODE)
    assert strongest_behavior(interactions) == "buy"
    assert strongest_behavior(ratings) == "rating"
    assert strongest_behavior(ratings.where(ratings.values < 4)) == "visit"
    np.testing.assert_array_equal(is_liked(ratings, "rating"), ratings.values >= 4)


def test_the_order_of_the_rows_tells_no_future() -> None:
    """Every item is bought once in train; test buys the items that come first in the rows."""
    n_items = 200
    once = [(item % 20, item, item) for item in range(n_items)]
    later = [(user, (7 * user + k) % 20, 10_000 + user) for user in range(20) for k in range(1, 6)]
    users, items, times = (np.array(each) for each in zip(*sorted(once + later), strict=True))
    interactions = Interactions(
        users=IdMap.from_ids(list(range(20))),
        items=IdMap.from_ids(list(range(n_items))),
        user_rows=users.astype(np.int32),
        item_rows=items.astype(np.int32),
        behaviors=np.full(len(users), BUY_CODE, np.uint8),
        values=np.ones(len(users), np.float32),
        timestamps=times.astype(np.int64),
        rating_scale=None,
    )
    config = EvaluationConfig(n_cuts=1, test_share=len(later) / len(users))
    ndcgs = [
        evaluate(interactions, "popularity", TRAINING, config, seed=seed).rankings[0].ndcg
        for seed in range(5)
    ]
    assert np.mean(ndcgs) < 0.1


def test_targets_are_new_to_the_user_and_known_to_train() -> None:
    (split, *_) = make_splits(
        checkerboard(), n_cuts=CONFIG.n_cuts, test_share=CONFIG.test_share, seed=0
    )
    targets = find_targets(split, "buy", max_users=100, seed=0)
    trained = set(split.train.pairs.tolist())
    for user, items in zip(targets.users, targets.items, strict=True):
        assert not {int(user) * split.train.n_items + int(item) for item in items} & trained
    gone = replace(split, train=split.train.where(split.train.item_rows != targets.items[0][0]))
    assert find_targets(gone, "buy", max_users=100, seed=0).n_unavailable > targets.n_unavailable


def test_fewer_users_are_drawn_when_asked_for() -> None:
    (split, *_) = make_splits(
        checkerboard(), n_cuts=CONFIG.n_cuts, test_share=CONFIG.test_share, seed=0
    )
    assert len(find_targets(split, "buy", max_users=7, seed=0).users) == 7


def test_a_target_in_the_history_is_refused() -> None:
    interactions = checkerboard()
    model = fit_recommender(interactions, "popularity", TRAINING, seed=0)
    seen = model.histories.items[model.histories.entries(0)][:1]
    with pytest.raises(ValueError, match="disjoint"):
        judge_lists(model, Targets("buy", np.array([0]), [seen], 0), 5)


def test_svd_beats_popularity_where_tastes_differ() -> None:
    report = evaluate(checkerboard(), "svd", TRAINING, CONFIG, seed=0)
    svd, popularity = report.rankings
    assert (svd.name, popularity.name) == ("svd", "popularity")
    assert svd.ndcg_gain.low > 0
    assert svd.ndcg > 2 * popularity.ndcg
    by_svd, by_bias = report.ratings
    assert by_svd.rmse < by_bias.rmse


def test_popularity_judged_against_itself_gains_nothing_and_is_told_once() -> None:
    (row,) = evaluate(checkerboard(), "popularity", TRAINING, CONFIG, seed=0).rankings
    assert row.name == "popularity"
    assert (row.ndcg_gain.mean, row.ndcg_gain.low, row.ndcg_gain.high) == (0, 0, 0)
    assert row.ndcg > 0


def test_the_report_speaks_to_people_and_machines() -> None:
    report = evaluate(checkerboard(), "svd", TRAINING, CONFIG, seed=0)
    text = "\n".join(report.lines())
    assert "3 cut-offs" in text
    assert "NDCG@5" in text
    assert "RMSE" in text
    assert report.to_dict()["rankings"][0]["ndcg_gain"]["low"] > 0


def test_a_shop_with_purchases_only_is_judged_by_lists_alone() -> None:
    report = evaluate(checkerboard().of(BUY_CODE), "svd", TRAINING, CONFIG, seed=0)
    assert report.target == "buy"
    assert report.ratings == []
    assert "RMSE" not in "\n".join(report.lines())
