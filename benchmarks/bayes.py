"""The Bayesian rater on the five official folds of MovieLens 100K.

Ids, times and implicit features alone; and with what is known of users and movies, by an ordered
probit. The fold u1 is the one that papers report. A test rating's own time is told, as in Rendle,
Zhang & Koren 2019 (arXiv:1905.01395); the error without it stands beside.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from selera.contracts.features import Features
from selera.contracts.histories import Histories
from selera.contracts.interactions import RatingScale
from selera.training.bayes import BayesConfig, BayesStars, fit_bayes
from selera.training.evidence import Evidence

from .environment import DATA, environment, save

NAME = "bayes"
SCALE = RatingScale(1, 5)
FOLDER = DATA / "ml-100k"
FOLDS = (1, 2, 3, 4, 5)
DAY_S = 86_400
SEED = 0
CONFIG = BayesConfig(n_factors=10, n_chains=8, n_sweeps=100)
ROWS = {
    "ids, times, implicit": (replace(CONFIG, link="identity"), False),
    "profiles and movies too, ordered probit": (replace(CONFIG, link="probit"), True),
}

Table = NDArray[np.int64]
"""int64 (n, 4): user, item, stars, UTC seconds; ids count from 1."""


def run() -> Path:
    """Measure all folds and write the result."""
    measured_in = environment()
    ratings = _read("u.data")
    _compile()
    result = {
        "data": "MovieLens 100K, official folds u1 .. u5: u.data without uN.test, and uN.test",
        "rows": {name: _judge(ratings, config, told=told) for name, (config, told) in ROWS.items()},
    }
    return save(NAME, f"python -m benchmarks {NAME}", result, measured_in)


def _judge(ratings: Table, config: BayesConfig, *, told: bool) -> dict[str, Any]:
    """Every fold alone, and their mean."""
    features = (_user_features(), _item_features()) if told else (None, None)
    folds = {f"u{fold}": _fit(ratings, _read(f"u{fold}.test"), config, *features) for fold in FOLDS}
    names = folds["u1"].keys()
    means = {name: round(mean(each[name] for each in folds.values()), 4) for name in names}
    seconds = round(median(each["fit_seconds"] for each in folds.values()), 2)
    return {"folds": folds, "mean": means | {"fit_seconds": seconds}}


def _fit(
    ratings: Table,
    test: Table,
    config: BayesConfig,
    user_features: Features | None,
    item_features: Features | None,
) -> dict[str, float]:
    train = ratings[~np.isin(_pairs(ratings), _pairs(test))]
    latest = int(train[:, 3].max())
    n_users, n_items = ratings[:, :2].max(axis=0).tolist()
    evidence = Evidence(
        _histories(train, n_users, latest), n_items, SCALE, user_features, item_features
    )
    started = time.perf_counter()
    stars = fit_bayes(evidence, config, scale=SCALE, seed=SEED)
    fitted = time.perf_counter()
    users, items = ((test[:, column] - 1).astype(np.int32) for column in (0, 1))
    predicted, deviations = stars.predict_with_deviation(users, items, _ages(test, latest))
    predict_seconds = time.perf_counter() - fitted
    errors = predicted - test[:, 2]
    return {
        "rmse": round(_rms(errors), 4),
        "mae": round(float(np.abs(errors).mean()), 4),
        "rmse_without_times": round(_rms(stars.predict(users, items) - test[:, 2]), 4),
        "rmse_folded_in": round(_folded_in_rmse(stars, evidence.histories, test), 4),
        "rms_of_error_by_deviation": round(_rms(errors / deviations), 3),
        "fit_seconds": round(fitted - started, 2),
        "predict_seconds": round(predict_seconds, 2),
    }


def _folded_in_rmse(stars: BayesStars, histories: Histories, test: Table) -> float:
    """Every user folded in from the training ratings, without profile; no times are told."""
    model = stars.rater()
    errors = []
    for user in np.unique(test[:, 0]):
        own = test[test[:, 0] == user]
        history = histories.take(int(user) - 1, int(user))
        errors.append(model.predict(history, (own[:, 1] - 1).astype(np.int32))[0] - own[:, 2])
    return _rms(np.concatenate(errors))


def _histories(table: Table, n_users: int, latest: int) -> Histories:
    table = table[np.lexsort((table[:, 1], table[:, 0]))]
    counts = np.bincount(table[:, 0] - 1, minlength=n_users)
    return Histories.plain(
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        (table[:, 1] - 1).astype(np.int32),
        ratings=table[:, 2].astype(np.float32),
        ages=_ages(table, latest),
    )


def _ages(table: Table, latest: int) -> NDArray[np.float32]:
    """Days before the end (UTC) of the last day of training."""
    end = (latest // DAY_S + 1) * DAY_S - 1
    return ((end - table[:, 3]) / DAY_S).astype(np.float32)


def _user_features() -> Features:
    """Age in steps of five years, sex, occupation, and the first digit of the zip code."""
    rows = []
    for line in (FOLDER / "u.user").read_text(encoding="latin-1").splitlines():
        _, age, sex, occupation, zip_code = line.split("|")
        told = f"age={int(age) // 5 * 5}", f"sex={sex}", f"occupation={occupation}"
        rows.append([*told, f"zip={zip_code[0]}"])
    return _features(rows)


def _item_features() -> Features:
    """Genres and the year of release."""
    rows = []
    for line in (FOLDER / "u.item").read_text(encoding="latin-1").splitlines():
        _, _, released, _, _, *genres = line.split("|")
        row = [f"genre={place}" for place, flag in enumerate(genres) if flag == "1"]
        rows.append([*row, f"year={released[-4:]}"] if released else row)
    return _features(rows)


def _features(rows: list[list[str]]) -> Features:
    names = sorted({name for row in rows for name in row})
    column = {name: place for place, name in enumerate(names)}
    columns = [sorted(column[name] for name in row) for row in rows]
    return Features(
        tuple(names),
        np.cumsum([0, *map(len, columns)]).astype(np.int64),
        np.array([each for row in columns for each in row], dtype=np.int32),
    )


def _read(name: str) -> Table:
    return np.loadtxt(FOLDER / name, dtype=np.int64)


def _pairs(table: Table) -> NDArray[np.int64]:
    return table[:, 0] * 10_000 + table[:, 1]


def _rms(values: NDArray[Any]) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def _compile() -> None:
    """Load the kernels before anything is timed."""
    one = Histories.plain(np.array([0, 1]), np.zeros(1, np.int32), ratings=np.ones(1, np.float32))
    config = BayesConfig(n_sweeps=1, link="probit")
    fit_bayes(Evidence(one, 1), config, scale=SCALE, seed=SEED)
