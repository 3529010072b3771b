"""Explicit SVD and SVD++ against Surprise: the same folds and hyperparameters, in one run.

Also our own defaults, and users folded in from their ratings instead of trained.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selera.contracts.histories import Histories
from selera.contracts.interactions import RatingScale
from selera.training.svd import SvdConfig, SvdFactors, fit_svd
from selera.training.svdpp import SvdPpConfig, fit_svdpp

from .environment import DATA, environment, save
from .peers import Peer

NAME = "explicit_svd"
SCALE = RatingScale(1, 5)
N_FOLDS = 5
SEED = 0


@dataclass(frozen=True)
class Ratings:
    """Distinct (user, item) pairs with stars, and the fold that holds each of them out."""

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    stars: NDArray[np.float32]
    folds: NDArray[np.int64]
    n_users: int
    n_items: int


def movielens_100k() -> Ratings:
    """The real ratings of MovieLens 100K."""
    table = np.loadtxt(DATA / "ml-100k" / "u.data", dtype=np.int64)
    users, items = (np.unique(table[:, column], return_inverse=True)[1] for column in (0, 1))
    return _with_folds(users, items, table[:, 2])


def simulated_1m() -> Ratings:
    """Ratings of MovieLens-1M's shape (6,040 x 3,706 x 1,000,209) from biases and 10 factors."""
    rng = np.random.default_rng(SEED)
    n_users, n_items, n = 6_040, 3_706, 1_000_209
    activity = rng.lognormal(0, 1.0, n_users)
    popularity = 1 / (np.arange(n_items) + 10.0)
    pairs = np.empty(0, dtype=np.int64)
    while len(pairs) < n:
        users = rng.choice(n_users, 2 * n, p=activity / activity.sum())
        items = rng.choice(n_items, 2 * n, p=popularity / popularity.sum())
        pairs = np.unique(np.concatenate([pairs, users * n_items + items]))
    users, items = np.divmod(rng.permutation(pairs)[:n], n_items)
    p, q = rng.normal(0, 0.35, (n_users, 10)), rng.normal(0, 0.35, (n_items, 10))
    biases = rng.normal(0, 0.4, n_users)[users] + rng.normal(0, 0.5, n_items)[items]
    noise = rng.normal(0, 0.8, n)
    stars = np.clip(np.rint(3.6 + biases + np.einsum("nf,nf->n", p[users], q[items]) + noise), 1, 5)
    return _with_folds(users, items, stars)


@dataclass(frozen=True)
class Algorithm:
    """One of ours, and what it is compared with.

    name : of ours and of the peer program's
    fit : learns from the rows and stars of a fold's train
    theirs : Surprise's defaults
    ours : our own defaults
    """

    name: str
    fit: Callable[[Ratings, NDArray[np.bool_], SvdConfig, int], tuple[float, SvdFactors]]
    theirs: SvdConfig
    ours: SvdConfig


def timed_svd(
    ratings: Ratings, train: NDArray[np.bool_], config: SvdConfig, seed: int
) -> tuple[float, SvdFactors]:
    """Seconds of `fit_svd`, and what it learnt."""
    rows = ratings.users[train], ratings.items[train], ratings.stars[train]
    started = time.perf_counter()
    factors = fit_svd(*rows, ratings.n_users, ratings.n_items, config, scale=SCALE, seed=seed)
    return time.perf_counter() - started, factors


def timed_svdpp(
    ratings: Ratings, train: NDArray[np.bool_], config: SvdConfig, seed: int
) -> tuple[float, SvdFactors]:
    """Seconds of `fit_svdpp`, and what it learnt."""
    assert isinstance(config, SvdPpConfig)
    histories = _histories(ratings, train)
    started = time.perf_counter()
    factors = fit_svdpp(histories, ratings.n_items, config, scale=SCALE, seed=seed)
    return time.perf_counter() - started, factors


SVD = Algorithm(
    name="svd",
    fit=timed_svd,
    theirs=SvdConfig(
        n_factors=100,
        n_epochs=20,
        learning_rate=0.005,
        regularization=0.02,
        damping=0.0,
        init_std=0.1,
    ),
    ours=SvdConfig(),
)
SVDPP = Algorithm(
    name="svdpp",
    fit=timed_svdpp,
    theirs=SvdPpConfig(
        n_factors=20,
        n_epochs=20,
        learning_rate=0.007,
        regularization=0.02,
        damping=0.0,
        init_std=0.1,
    ),
    ours=SvdPpConfig(),
)


def run() -> Path:
    """Measure both algorithms on both data sets and write the result."""
    measured_in = environment()
    _compile()
    small, large = movielens_100k(), simulated_1m()
    all_folds = range(N_FOLDS)
    result = {
        "hyperparameters": {
            "svd": "Surprise's defaults: 100 factors, 20 epochs, rate .005, lambda .02",
            "svdpp": "Surprise's defaults: 20 factors, 20 epochs, rate .007, lambda .02;"
            " their cache_ratings=True, which is faster",
        },
        "folds": f"random {N_FOLDS}-fold, seed {SEED}, the same for both",
        "svd": {
            "ml-100k": _compare(SVD, small, folds=all_folds, n_asked=5),
            "simulated-1m": _compare(SVD, large, folds=all_folds),
        },
        "svdpp": {
            "ml-100k": _compare(SVDPP, small, folds=all_folds, n_repeats=5),
            "simulated-1m": _compare(SVDPP, large, folds=[0], n_repeats=5),
        },
    }
    return save(NAME, f"python -m benchmarks {NAME}", result, measured_in)


def _compare(
    algorithm: Algorithm,
    ratings: Ratings,
    *,
    folds: Sequence[int],
    n_asked: int = 1,
    n_repeats: int = 1,
) -> dict[str, Any]:
    """Fold by fold: theirs, ours with their hyperparameters, ours with our defaults.

    Theirs is fitted `n_asked` times a fold, ours `n_repeats` times for each of these, each time
    from another seed (RMSE differs by 0.001 between seeds); a ratio is theirs over the median of
    ours beside it.
    """
    rows: dict[str, list[dict[str, float]]] = {"surprise": [], "selera": [], "selera defaults": []}
    ratios = []
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        np.savez(
            file, users=ratings.users, items=ratings.items, stars=ratings.stars, folds=ratings.folds
        )
        file.flush()
        with Peer("surprise", file.name) as surprise:
            for seed, fold in product(range(n_asked), folds):
                question = {"algorithm": algorithm.name, "fold": fold, "seed": seed}
                theirs = surprise.ask(question)
                seeds = range(seed, seed + n_repeats)
                ours = [_fit(algorithm, ratings, fold, algorithm.theirs, each) for each in seeds]
                rows["surprise"].append(theirs)
                rows["selera"] += ours
                rows["selera defaults"].append(_fit(algorithm, ratings, fold, algorithm.ours, seed))
                beside = median(each["fit_seconds"] for each in ours)
                ratios.append(theirs["fit_seconds"] / beside)
    table = {name: _summary(fits) for name, fits in rows.items()}
    return {
        "n_ratings": len(ratings.stars),
        "folds_measured": len(folds),
        "rows": table,
        "rmse_difference": round(table["selera"]["rmse"] - table["surprise"]["rmse"], 4),
        "times_as_fast": round(median(ratios), 1),
        "times_as_fast_fit_by_fit": [round(ratio, 1) for ratio in ratios],
    }


def _fit(
    algorithm: Algorithm, ratings: Ratings, fold: int, config: SvdConfig, seed: int
) -> dict[str, float]:
    train = ratings.folds != fold
    seconds, factors = algorithm.fit(ratings, train, config, seed)
    truth = ratings.stars[~train]
    predicted = factors.predict(ratings.users[~train], ratings.items[~train])
    return {
        "fit_seconds": seconds,
        "rmse": _rmse(predicted - truth),
        "mae": float(np.abs(predicted - truth).mean()),
        "folded_in_rmse": _folded_in_rmse(ratings, train, factors),
    }


def _histories(ratings: Ratings, chosen: NDArray[np.bool_]) -> Histories:
    """The chosen ratings as one history a user."""
    users, items, stars = ratings.users[chosen], ratings.items[chosen], ratings.stars[chosen]
    order = np.lexsort((items, users))
    lengths = np.bincount(users, minlength=ratings.n_users)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Histories.plain(indptr, items[order], ratings=stars[order])


def _folded_in_rmse(ratings: Ratings, train: NDArray[np.bool_], factors: SvdFactors) -> float:
    """The same test ratings, every user (500 of them at most) folded in from the train ratings."""
    model = factors.rater()
    known, asked = _histories(ratings, train), _histories(ratings, ~train)
    errors = []
    for user in range(0, ratings.n_users, max(1, ratings.n_users // 500)):
        own = asked.entries(user)
        predicted = model.predict(known.take(user, user + 1), asked.items[own])[0]
        errors.append(predicted - asked.ratings[own])
    return _rmse(np.concatenate(errors))


def _summary(folds: list[dict[str, float]]) -> dict[str, float]:
    summary = {name: round(mean(fold[name] for fold in folds), 4) for name in folds[0]}
    summary["fit_seconds"] = round(median(fold["fit_seconds"] for fold in folds), 4)
    return summary


def _rmse(errors: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(errors.astype(np.float64) ** 2)))


def _with_folds(users: NDArray[np.int64], items: NDArray[np.int64], stars: NDArray[Any]) -> Ratings:
    return Ratings(
        users=users.astype(np.int32),
        items=items.astype(np.int32),
        stars=stars.astype(np.float32),
        folds=np.random.default_rng(SEED).permutation(len(stars)) % N_FOLDS,
        n_users=int(users.max()) + 1,
        n_items=int(items.max()) + 1,
    )


def _compile() -> None:
    """Load the kernels before anything is timed."""
    one = np.zeros(1, np.int32)
    ratings = Ratings(one, one, np.ones(1, np.float32), np.zeros(1, np.int64), 1, 1)
    for algorithm in (SVD, SVDPP):
        algorithm.fit(ratings, np.ones(1, dtype=bool), algorithm.theirs, SEED)
