"""The evaluation that runs before a model is published.

Rolled over a few cut-offs in time, the recipe is fitted on what came before and judged on what came
next: every judged user gets a list of n from the whole catalogue that train knows, without what the
user already had; hits are what the user then did, with products that were new to the user.
Popularity and biases, fitted on the same train, stand beside it. A user judged at several cut-offs
counts once, with the mean; intervals resample users. Nothing in test is seen before it is scored.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..contracts.behaviors import Behavior
from ..contracts.errors import NothingToLearn
from ..contracts.interactions import Interactions
from ..contracts.protocols import Progress, silent
from ..training.recipes import fit_recommender
from ..training.settings import TrainingConfig
from ..training.splits import Split, make_splits
from ..training.targets import find_targets, strongest_behavior
from .config import EvaluationConfig
from .judging import ListScores, Stars, judge_lists, judge_stars
from .metrics import bootstrap_interval, mae, rmse
from .report import EvaluationReport, RankingResult, RatingResult


def evaluate(
    interactions: Interactions,
    algorithm: str,
    training: TrainingConfig,
    config: EvaluationConfig,
    *,
    seed: int,
    progress: Progress = silent,
) -> EvaluationReport:
    """Judge the recipe `algorithm` (see the module's text). Raises as `fit_recommender` does."""
    started = time.perf_counter()
    interactions = _with_shuffled_items(interactions, seed)
    target = strongest_behavior(interactions)
    judged: list[_Judged] = []
    splits = make_splits(
        interactions, n_cuts=config.n_cuts, test_share=config.test_share, seed=seed
    )
    for done, split in enumerate(splits):
        progress("evaluate", done, config.n_cuts)
        with suppress(NothingToLearn):  # so early a cut-off may have nothing before it
            judged.append(_judge(split, algorithm, training, config, target, seed))
    progress("evaluate", config.n_cuts, config.n_cuts)
    if not judged:
        raise NothingToLearn(f"{len(interactions)} behaviors are too few to hold some of them out")
    lists = [each.lists for each in judged if len(each.lists.users)]
    stars = [each.stars for each in judged if each.stars is not None]
    users, rankings = _rankings(algorithm, lists, seed)
    return EvaluationReport(
        split=judged[0].kind,
        n_cuts=len(judged),
        test_share=config.test_share,
        n=config.n,
        target=target,
        n_users=len(users),
        n_warm=len(np.unique(np.concatenate([[], *(each.users[each.warm] for each in lists)]))),
        n_unavailable=sum(each.n_unavailable for each in judged),
        n_ratings=sum(len(each.actual) for each in stars),
        rankings=rankings,
        ratings=_ratings(stars),
        seconds=round(time.perf_counter() - started, 3),
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """What one split says."""

    kind: Literal["temporal", "random"]
    lists: ListScores
    stars: Stars | None
    n_unavailable: int


def _judge(
    split: Split,
    algorithm: str,
    training: TrainingConfig,
    config: EvaluationConfig,
    target: Behavior,
    seed: int,
) -> _Judged:
    """Fit on train, judge on test."""
    recommender = fit_recommender(split.train, algorithm, training, seed=seed, now=split.now)
    targets = find_targets(split, target, max_users=config.max_users, seed=seed)
    return _Judged(
        kind=split.kind,
        lists=judge_lists(recommender, targets, config.n),
        stars=judge_stars(recommender, split.test, max_users=config.max_users, seed=seed),
        n_unavailable=targets.n_unavailable,
    )


def _with_shuffled_items(interactions: Interactions, seed: int) -> Interactions:
    """The same behaviors, item rows in random order (the ids do not follow: nobody asks for them).

    Rows come sorted by the popularity in all of the data, test included, and ties go to the lower
    row: left so, the order of the rows would tell the future.
    """
    order = np.random.default_rng(seed).permutation(interactions.n_items).astype(np.int32)
    return replace(interactions, item_rows=order[interactions.item_rows])


def _rankings(
    algorithm: str, lists: list[ListScores], seed: int
) -> tuple[NDArray[np.int64], list[RankingResult]]:
    """The distinct users, and a row each for the recipe and for popularity."""
    if not lists:
        return np.empty(0, dtype=np.int64), []
    users, place = np.unique(np.concatenate([each.users for each in lists]), return_inverse=True)
    counts = np.bincount(place)

    def per_user(metric: str) -> NDArray[np.float64]:
        values = np.concatenate([getattr(each, metric) for each in lists])
        return np.bincount(place, weights=values) / counts

    baseline = per_user("popular_ndcg")
    rows = {
        algorithm: (per_user("ndcg"), per_user("recall")),
        "popularity": (baseline, per_user("popular_recall")),
    }
    return users, [
        RankingResult(
            name=name,
            ndcg=float(ndcgs.mean()),
            recall=float(recalls.mean()),
            ndcg_gain=bootstrap_interval(ndcgs - baseline, seed=seed),
        )
        for name, (ndcgs, recalls) in rows.items()
    ]


def _ratings(stars: list[Stars]) -> list[RatingResult]:
    """A row each for the explicit SVD and for biases."""
    if not stars:
        return []
    actual = np.concatenate([each.actual for each in stars])
    rows = [
        ("svd", np.concatenate([each.by_svd for each in stars])),
        ("bias", np.concatenate([each.by_bias for each in stars])),
    ]
    return [RatingResult(name, rmse(each, actual), mae(each, actual)) for name, each in rows]
