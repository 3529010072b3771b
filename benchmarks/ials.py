"""Implicit ALS on Gowalla against implicit and LensKit: how long until the lists are as good.

The public LightGCN split, the whole catalogue, no item sampled. All sides see the same pairs, with
the same number of factors and threads, in one run; the factors of each after every iteration are
judged by the same ranking and the same metrics. The goal is the NDCG@20 that implicit has after its
15 default iterations. What each side was given was chosen on the last tenth of each train line:
implicit's at 64 factors over alpha 3, 10, 30, 100 and regularization .01, 1, 10, which LensKit gets
too, for its objective is nearly the same; ours over as many pairs of its two weights.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selera.contracts.histories import Histories, ItemSets
from selera.etl.plain_files import read_plain
from selera.evaluation.folds import given
from selera.training.ials import IalsConfig, IalsFactors, fit_ials
from selera.training.list_metrics import list_metrics
from selera.training.ranking import rank, rank_scores
from selera.training.workers import usable_processors

from .environment import DATA, environment, save
from .peers import Peer

NAME = "ials"
SEED, N = 0, 20
N_FACTORS = (64, 128)
N_REPEATS = 5
OURS = IalsConfig(n_epochs=10, unobserved_weight=0.01, regularization=0.01, alpha=0.0, n_cg_steps=2)
THEIRS = {"alpha": 30.0, "regularization": 1.0, "iterations": 15}
PEERS = ("implicit", "lenskit")
TIMED_ONCE = {"lenskit"}
"""Its fits take minutes; that of the judged run is told."""


@dataclass(frozen=True)
class Lists:
    """The pairs of train, and what there is to hit."""

    histories: Histories
    n_items: int
    users: NDArray[np.int64]
    targets: ItemSets

    def judge(self, users: NDArray[np.float32], items: NDArray[np.float32]) -> dict[str, float]:
        """Recall and NDCG of the lists by the products of these factors."""
        waiting = users[self.users]
        # a scorer gets histories, not users: their numbers are carried in as the ages (nobody's
        # history is empty here)
        places = np.repeat(np.arange(len(self.users)), np.diff(self.histories.indptr)[self.users])
        batch = self.histories.gather(self.users)
        carried = Histories.plain(batch.indptr, batch.items, ages=places.astype(np.float32))

        def score(part: Histories) -> NDArray[np.float32]:
            return waiting[part.ages[part.indptr[:-1]].astype(np.int64)] @ items.T

        return self._metrics(rank_scores(score, carried, N).items)

    def judge_folded_in(self, factors: IalsFactors) -> dict[str, float]:
        """The same for the model that is served, which folds every user in."""
        return self._metrics(rank(factors.ranker(), self.histories.gather(self.users), N).items)

    def _metrics(self, lists: NDArray[np.int32]) -> dict[str, float]:
        metrics = list_metrics(lists, self.targets, (N,))
        return {name: float(metrics[name].mean()) for name in (f"ndcg@{N}", f"recall@{N}")}


def gowalla() -> Lists:
    """The data set as published."""
    folder = DATA / "gowalla"
    plain = read_plain(folder / "train.txt", folder / "test.txt", seed=SEED)
    fold = next(given(plain, SEED))
    users, targets = fold.targets()
    histories = fold.train.histories(fold.n_users, with_ages=False)
    return Lists(histories, fold.n_items, users, targets)


def run() -> Path:
    """Measure both sizes and write the result."""
    measured_in = environment()
    lists = gowalla()
    fit_ials(lists.histories.take(0, 50), lists.n_items, IalsConfig(n_epochs=1), seed=0)  # compiles
    result: dict[str, Any] = {
        "data": "Gowalla, the LightGCN split: train.txt, test.txt",
        "ours": {
            "unobserved_weight": OURS.unobserved_weight,
            "regularization": OURS.regularization,
        },
        "theirs": THEIRS,
        "threads": usable_processors(),
    }
    with tempfile.TemporaryDirectory() as folder:
        train = f"{folder}/train.npz"
        pairs = {"indptr": lists.histories.indptr, "items": lists.histories.items}
        np.savez(train, n_items=lists.n_items, **pairs)
        for n_factors in N_FACTORS:
            result[f"{n_factors} factors"] = _compare(lists, n_factors, train, folder)
    return save(NAME, f"python -m benchmarks {NAME}", result, measured_in)


def _compare(lists: Lists, n_factors: int, train: str, folder: str) -> dict[str, Any]:
    """One judged fit of each side, then timed fits in turn, each of which waits for nobody."""
    config = IalsConfig(**{**_fields(OURS), "n_factors": n_factors})
    quality = {"selera": _judged(lists, config)}
    times: dict[str, list[list[float]]] = {"selera": [], **{name: [] for name in PEERS}}
    peers = {name: Peer(name, train, str(usable_processors())) for name in PEERS}
    ask = {"factors": n_factors, "seed": SEED, **THEIRS}
    for name, peer in peers.items():
        with tempfile.TemporaryDirectory(dir=folder) as kept:
            judged = peer.ask({**ask, "keep": kept})["seconds"]
            steps = range(1, int(THEIRS["iterations"]) + 1)
            quality[name] = [_judged_file(lists, f"{kept}/{step}.npz") for step in steps]
        if name in TIMED_ONCE:
            times[name].append(judged)
    for _ in range(N_REPEATS):
        times["selera"].append(_timed(lists, config))
        for name in set(PEERS) - TIMED_ONCE:
            times[name].append(peers[name].ask({**ask, "keep": None})["seconds"])
    for peer in peers.values():
        peer.__exit__(None, None, None)
    goal = quality["implicit"][-1][f"ndcg@{N}"]
    factors = fit_ials(lists.histories, lists.n_items, config, seed=SEED)
    reached = {name: _until(goal, quality[name], times[name]) for name in quality}
    return {
        "goal": round(goal, 4),
        "to the goal": reached,
        "selera, folded in": _rounded(lists.judge_folded_in(factors)),
        "rows": {name: _rows(quality[name], times[name]) for name in quality},
    }


def _fields(config: IalsConfig) -> dict[str, Any]:
    return {name: getattr(config, name) for name in config.__struct_fields__}


def _judged(lists: Lists, config: IalsConfig) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = []

    def watch(factors: IalsFactors) -> None:
        rows.append(lists.judge(factors.user_factors, factors.item_factors))

    fit_ials(lists.histories, lists.n_items, config, seed=SEED, watch=watch)
    return rows


def _judged_file(lists: Lists, path: str) -> dict[str, float]:
    with np.load(path) as factors:
        return lists.judge(factors["users"], factors["items"])


def _timed(lists: Lists, config: IalsConfig) -> list[float]:
    """Seconds from the start to the end of each epoch."""
    seconds: list[float] = []
    started = time.perf_counter()

    def tell(_stage: str, _done: int, _total: int | None) -> None:
        seconds.append(time.perf_counter() - started)

    fit_ials(lists.histories, lists.n_items, config, seed=SEED, progress=tell)
    return seconds


def _until(
    goal: float, quality: list[dict[str, float]], times: list[list[float]]
) -> dict[str, float] | None:
    """Iterations and median seconds until the goal; None where it is not reached."""
    for step, row in enumerate(quality):
        if row[f"ndcg@{N}"] >= goal:
            return {"iterations": step + 1, "seconds": _median_seconds(times, step)}
    return None


def _rows(quality: list[dict[str, float]], times: list[list[float]]) -> list[dict[str, float]]:
    return [
        {"iteration": step + 1, "seconds": _median_seconds(times, step), **_rounded(row)}
        for step, row in enumerate(quality)
    ]


def _median_seconds(times: list[list[float]], step: int) -> float:
    return round(median(each[step] for each in times), 3)


def _rounded(row: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in row.items()}
