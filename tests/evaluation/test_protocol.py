"""The evaluation: no leak, right baselines, an honest report."""

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from selera.contracts.behaviors import BUY_CODE, NO_TIME, RATING_CODE
from selera.contracts.histories import ItemSets
from selera.contracts.ids import IdMap
from selera.contracts.interactions import Interactions
from selera.evaluation import EvaluationConfig, ModelResult, evaluate, lines
from selera.evaluation.judging import judge_lists
from selera.training.puresvd import PureSvdConfig
from selera.training.recipes import fit_recommender
from selera.training.settings import TrainingConfig
from selera.training.splits import Split, make_splits
from selera.training.targets import Targets, find_targets, is_liked, strongest_behavior
from tests.tastes import checkerboard

TRAINING = TrainingConfig(puresvd=PureSvdConfig(n_factors=4))
CONFIG = EvaluationConfig(n=5)


def ndcg_of(row: ModelResult) -> float:
    return row.metrics["ndcg@5" if "ndcg@5" in row.metrics else "ndcg@10"].mean


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
        ndcg_of(evaluate(interactions, ["popularity"], TRAINING, config, seed=seed).results[0])
        for seed in range(5)
    ]
    assert np.mean(ndcgs) < 0.1


def test_targets_are_new_to_the_user_and_known_to_train() -> None:
    (split, *_) = make_splits(
        checkerboard(), n_cuts=CONFIG.n_cuts, test_share=CONFIG.test_share, seed=0
    )
    targets = find_targets(split, "buy", max_users=100, seed=0)
    trained = set(split.train.pairs.tolist())
    for place, user in enumerate(targets.users.tolist()):
        items = targets.sets.of(place)
        assert not {int(user) * split.train.n_items + int(item) for item in items} & trained
    gone = replace(split, train=split.train.where(split.train.item_rows != targets.sets.items[0]))
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
        judge_lists(model, Targets(np.array([0]), ItemSets(np.array([0, 1]), seen), 0), "new", (5,))


def test_svd_beats_popularity_where_tastes_differ() -> None:
    report = evaluate(checkerboard(), ["svd"], TRAINING, CONFIG, seed=0)
    svd, popularity, bias = report.results
    assert (svd.model, popularity.model, bias.model) == ("svd", "popularity", "bias")
    assert svd.gain is not None
    assert svd.gain.low is not None
    assert svd.gain.low > 0
    assert ndcg_of(svd) > 2 * ndcg_of(popularity)
    assert svd.metrics["rmse"].mean < bias.metrics["rmse"].mean


def test_popularity_is_told_once_and_gains_nothing() -> None:
    purchases = checkerboard().of(BUY_CODE)
    (row,) = evaluate(purchases, ["popularity"], TRAINING, CONFIG, seed=0).results
    assert (row.model, row.gain) == ("popularity", None)
    assert ndcg_of(row) > 0


def test_the_report_speaks_to_people_and_machines() -> None:
    report = evaluate(checkerboard(), ["svd"], TRAINING, CONFIG, seed=0)
    text = "\n".join(lines(report))
    assert "3 cut-offs" in text
    assert "NDCG@5" in text
    assert "RMSE" in text
    assert msgspec.to_builtins(report)["results"][0]["gain"]["low"] > 0
    assert set(report.definitions) >= {"ndcg@5", "recall@10", "coverage@5", "novelty@5", "rmse"}


def test_a_shop_with_purchases_only_is_judged_by_lists_alone() -> None:
    report = evaluate(checkerboard().of(BUY_CODE), ["svd"], TRAINING, CONFIG, seed=0)
    assert report.facts["target"] == "buy"
    assert [row.model for row in report.results] == ["svd", "popularity"]
    assert "RMSE" not in "\n".join(lines(report))


def test_slices_part_the_users_and_the_targets() -> None:
    """A user without a history is cold; views allow more; popularity serves the cold ones."""
    everything = checkerboard()
    cut = np.quantile(everything.timestamps, 0.9)
    known = everything.where((everything.user_rows > 3) | (everything.timestamps > cut))
    report = evaluate(known, ["svd"], TRAINING, EvaluationConfig(n=5, n_cuts=1), seed=0)
    slices = report.results[0].slices
    assert {"warm users", "cold users", "established products"} <= set(slices)
    assert {"seen products too", "bought products too"} <= set(slices)
    assert report.facts["n_warm"] < report.facts["n_users"]
    popularity = report.results[1].slices
    assert slices["cold users"]["ndcg@5"] == popularity["cold users"]["ndcg@5"]
    assert slices["warm users"]["ndcg@5"].mean > popularity["warm users"]["ndcg@5"].mean
