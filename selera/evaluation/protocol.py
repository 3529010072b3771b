"""The evaluation that runs before a model is published.

Rolled over a few cut-offs in time, the recipe is fitted on what came before and judged on what came
next: every judged user gets a list of n from the whole catalogue that train knows, without what the
user already had; hits are what the user then did, with products that were new to the user.
Popularity and biases, fitted on the same train, stand beside it. A user judged at several cut-offs
counts once, with the mean; intervals resample users. Nothing in test is seen before it is scored.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from ..contracts.interactions import Interactions
from ..contracts.protocols import Progress, silent
from ..training.recipes import TrainingConfig, fit_recommender
from .config import EvaluationConfig
from .judging import ListScores, Stars, judge_lists, judge_stars
from .metrics import bootstrap_interval, mae, rmse
from .report import EvaluationReport, RankingResult, RatingResult
from .splits import make_splits
from .targets import find_targets


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
    splits = make_splits(interactions, config, seed=seed)
    targets = [find_targets(each, max_users=config.max_users, seed=seed) for each in splits]
    lists: list[ListScores] = []
    stars: list[Stars] = []
    for done, (each, wanted) in enumerate(zip(splits, targets, strict=True)):
        progress("evaluate", done, len(splits))
        recommender = fit_recommender(each.train, algorithm, training, seed=seed, now=each.now)
        if len(wanted.users):
            lists.append(judge_lists(recommender, wanted, config.n))
        held_out = judge_stars(recommender, each.test, max_users=config.max_users, seed=seed)
        stars += [] if held_out is None else [held_out]
    progress("evaluate", len(splits), len(splits))
    users, rankings = _rankings(algorithm, lists, seed)
    return EvaluationReport(
        split=splits[0].kind,
        n_cuts=len(splits),
        test_share=config.test_share,
        n=config.n,
        target=targets[0].behavior,
        n_users=len(users),
        n_warm=len(np.unique(np.concatenate([[], *(each.users[each.warm] for each in lists)]))),
        n_unavailable=sum(each.n_unavailable for each in targets),
        n_ratings=sum(len(each.actual) for each in stars),
        rankings=rankings,
        ratings=_ratings(stars),
        seconds=round(time.perf_counter() - started, 3),
    )


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
    rows = [
        (algorithm, per_user("ndcg"), per_user("recall")),
        ("popularity", baseline, per_user("popular_recall")),
    ]
    return users, [
        RankingResult(
            name=name,
            ndcg=float(ndcgs.mean()),
            recall=float(recalls.mean()),
            ndcg_gain=bootstrap_interval(ndcgs - baseline, seed=seed),
        )
        for name, ndcgs, recalls in rows
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
