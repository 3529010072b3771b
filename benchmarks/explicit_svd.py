"""Explicit SVD against Surprise: the same folds, the same hyperparameters, fold by fold in one run.

Also our own defaults, and users folded in from their ratings instead of trained.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selera.contracts.histories import Histories
from selera.contracts.interactions import RatingScale
from selera.training.svd import SvdConfig, SvdFactors, fit_svd

from .environment import DATA, environment, save
from .peers import Peer

NAME = "explicit_svd"
SCALE = RatingScale(1, 5)
SURPRISE_DEFAULTS = SvdConfig(
    n_factors=100, n_epochs=20, learning_rate=0.005, regularization=0.02, init_std=0.1
)
N_FOLDS = 5
SMALL, REPEATS_SMALL = 500_000, 5  # short fits are timed more often
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


def run() -> Path:
    """Measure both data sets and write the result."""
    measured_in = environment()
    _compile()
    result = {
        "hyperparameters": "Surprise's defaults: 100 factors, 20 epochs, rate .005, lambda .02",
        "folds": f"random {N_FOLDS}-fold, seed {SEED}, the same for both",
        "ml-100k": _compare(movielens_100k()),
        "simulated-1m": _compare(simulated_1m()),
    }
    return save(NAME, f"python -m benchmarks {NAME}", result, measured_in)


def _compare(ratings: Ratings) -> dict[str, Any]:
    """Fold by fold: theirs, ours with their hyperparameters, ours with our defaults."""
    rows: dict[str, list[dict[str, float]]] = {"surprise": [], "selera": [], "selera defaults": []}
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        np.savez(
            file, users=ratings.users, items=ratings.items, stars=ratings.stars, folds=ratings.folds
        )
        file.flush()
        with Peer("surprise", file.name) as surprise:
            for fold in list(range(N_FOLDS)) * (REPEATS_SMALL if len(ratings.stars) < SMALL else 1):
                rows["surprise"].append(surprise.ask({"fold": fold, "seed": SEED}))
                rows["selera"].append(_fit(ratings, fold, SURPRISE_DEFAULTS))
                rows["selera defaults"].append(_fit(ratings, fold, SvdConfig()))
    ratios = [
        theirs["fit_seconds"] / ours["fit_seconds"]
        for theirs, ours in zip(rows["surprise"], rows["selera"], strict=True)
    ]
    table = {name: _summary(folds) for name, folds in rows.items()}
    return {
        "n_ratings": len(ratings.stars),
        "rows": table,
        "rmse_difference": round(table["selera"]["rmse"] - table["surprise"]["rmse"], 4),
        "times_as_fast": round(median(ratios), 1),
        "times_as_fast_fit_by_fit": [round(ratio, 1) for ratio in ratios],
    }


def _fit(ratings: Ratings, fold: int, config: SvdConfig) -> dict[str, float]:
    train = ratings.folds != fold
    users, items, stars = ratings.users[train], ratings.items[train], ratings.stars[train]
    started = time.perf_counter()
    factors = fit_svd(
        users, items, stars, ratings.n_users, ratings.n_items, config, scale=SCALE, seed=SEED
    )
    seconds = time.perf_counter() - started
    truth = ratings.stars[~train]
    predicted = factors.predict(ratings.users[~train], ratings.items[~train])
    return {
        "fit_seconds": seconds,
        "rmse": _rmse(predicted - truth),
        "mae": float(np.abs(predicted - truth).mean()),
        "folded_in_rmse": _folded_in_rmse(ratings, train, factors, config),
    }


def _folded_in_rmse(
    ratings: Ratings, train: NDArray[np.bool_], factors: SvdFactors, config: SvdConfig
) -> float:
    """The same test ratings, every user (500 of them at most) folded in from the train ratings."""
    model = factors.rater()
    errors = []
    for user in range(0, ratings.n_users, max(1, ratings.n_users // 500)):
        own = ratings.users == user
        known, asked = own & train, own & ~train
        n = int(known.sum())
        history = Histories.plain(
            np.array([0, n]), ratings.items[known], ratings=ratings.stars[known]
        )
        errors.append(model.predict(history, ratings.items[asked])[0] - ratings.stars[asked])
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
    rows, stars = np.zeros(1, np.int32), np.ones(1, np.float32)
    fit_svd(rows, rows, stars, 1, 1, SvdConfig(n_epochs=1), scale=SCALE, seed=0)
