"""EASE on Gowalla, both forms: the inverse of the whole Gramian, and regressions on near items.

The public LightGCN split, the whole catalogue, no item sampled. One row has the paper's settings,
for which others publish results (BARS: Recall@20 .1765, NDCG@20 .1467); the other rows have ours,
chosen on the last tenth of each train line. Each row runs in a process of its own, because what is
reported of memory is the peak of a process. The dense rows need 8 GB.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from selera.contracts.histories import Histories
from selera.etl.plain_files import read_plain
from selera.evaluation.folds import Fold, given
from selera.training.algebra import KERNELS
from selera.training.ease import EaseConfig, dense_weights, fit_ease
from selera.training.list_metrics import list_metrics
from selera.training.ranking import rank, rank_scores

from .environment import DATA, environment, save

NAME = "ease"
SEED = 0
N = 20
PAPER = EaseConfig(regularization=80.0, popularity_exponent=0.0, user_damping=0.0)
TUNED = EaseConfig(regularization=100.0, popularity_exponent=0.5, user_damping=0.5)
ROWS = {
    "near items, 60": ("near", replace(TUNED, n_neighbors=60)),
    "near items, 200": ("near", replace(TUNED, n_neighbors=200)),
    "near items, 200, the paper's settings": ("near", replace(PAPER, n_neighbors=200)),
    "dense, the paper's settings": ("dense", PAPER),
}


def run() -> Path:
    """Measure every row and write the result."""
    measured_in = environment()
    spawn = multiprocessing.get_context("spawn")
    rows = {}
    for name, (form, config) in ROWS.items():
        with spawn.Pool(1) as alone:
            rows[name] = alone.apply(measure, (form, config))
        print(name, rows[name], flush=True)
    data = "Gowalla, the LightGCN split: train.txt, test.txt"
    return save(NAME, f"python -m benchmarks {NAME}", {"data": data, "rows": rows}, measured_in)


def measure(form: str, config: EaseConfig) -> dict[str, Any]:
    """Fit one row on train and judge it on test."""
    fold = _gowalla()
    histories = fold.train.histories(fold.n_users, with_ages=False)
    _compile()
    before = _peak_gib()
    started = time.perf_counter()
    if form == "near":
        near = replace(config, dense_items_limit=0)
        rank_all = partial(rank, fit_ease(histories, fold.n_items, near))
    else:
        weights = dense_weights(histories, fold.n_items, config)

        def score(batch: Histories) -> NDArray[np.float32]:
            return KERNELS.times_dense(batch, batch.weights, weights)

        rank_all = partial(rank_scores, score)
    seconds = time.perf_counter() - started
    peak = _peak_gib()
    users, targets = fold.targets()
    metrics = list_metrics(rank_all(histories.gather(users), N).items, targets, (N,))
    return {
        "form": form,
        "regularization": config.regularization,
        "popularity_exponent": config.popularity_exponent,
        "user_damping": config.user_damping,
        "n_neighbors": config.n_neighbors if form == "near" else None,
        "fit_seconds": round(seconds, 1),
        "peak_gib": round(peak, 2),
        "peak_gib_before": round(before, 2),
        **{name: round(float(each.mean()), 4) for name, each in metrics.items()},
    }


def _compile() -> None:
    """Load every kernel before the clock starts."""
    few = Histories.plain(np.array([0, 2, 4], np.int64), np.array([0, 1, 0, 1], np.int32))
    for limit in (0, 2):
        rank(fit_ease(few, 2, EaseConfig(dense_items_limit=limit)), few, 1)


def _gowalla() -> Fold:
    folder = DATA / "gowalla"
    return next(given(read_plain(folder / "train.txt", folder / "test.txt", seed=SEED), SEED))


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
