"""How near folding in comes to a full retrain, for users whom the training never saw.

A tenth of the users is taken out; the model is trained on the rest, and the missing users are
folded in from their behaviors, as a request does it. Their lists of 10 are compared with those of a
model trained on everybody: overlap@10 = items in both lists / 10, and the correlation of predicted
stars. Two full trainings with different seeds show how much of a difference is chance.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from selera.contracts.histories import Histories
from selera.contracts.interactions import Interactions
from selera.models import Recommender, reference_time
from selera.training import TrainingConfig, fit_recommender

from .environment import environment, save
from .shops import imported

NAME = "fold_in"
DATASETS = ("ml-100k", "online-retail")
SEED, OTHER_SEED = 42, 43
LIST_LENGTH = 10


def run() -> Path:
    """Measure both data sets, and beside them how much two full trainings agree."""
    measured_in = environment()
    result: dict[str, Any] = {"seed": SEED, "users_taken_out": "every tenth"}
    for name in DATASETS:
        result[name] = _measure(imported(name))
    return save(NAME, f"python -m benchmarks {NAME}", result, measured_in)


def _measure(interactions: Interactions) -> dict[str, Any]:
    taken_out = np.arange(0, interactions.n_users, 10)
    remaining = interactions.where(~np.isin(interactions.user_rows, taken_out))
    now = reference_time(interactions)
    everybody, other_seed, partial = (
        fit_recommender(each, "svd", TrainingConfig(), seed=seed, now=now)
        for each, seed in ((interactions, SEED), (interactions, OTHER_SEED), (remaining, SEED))
    )
    histories = everybody.histories.gather(taken_out)
    return {
        "n_users": len(taken_out),
        "overlap@10 folded in, full retrain": _overlap(partial, everybody, histories),
        "overlap@10 full retrain, other seed": _overlap(other_seed, everybody, histories),
        "correlation of predicted stars": _stars_correlation(partial, everybody, histories),
    }


def _overlap(one: Recommender, other: Recommender, histories: Histories) -> float:
    lists = [model.recommend(histories, LIST_LENGTH).items for model in (one, other)]
    shared = [len(np.intersect1d(*pair)) for pair in zip(*lists, strict=True)]
    return round(float(np.mean(shared)) / LIST_LENGTH, 4)


def _stars_correlation(one: Recommender, other: Recommender, histories: Histories) -> float | None:
    items = np.arange(0, len(one.items), 7, dtype=np.int32)
    stars = [model.predict_ratings(histories, items) for model in (one, other)]
    if stars[0] is None or stars[1] is None:
        return None
    return round(float(np.corrcoef(stars[0].ravel(), stars[1].ravel())[0, 1]), 4)
