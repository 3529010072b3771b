"""Item graphs and spectral filters on the public Gowalla split, with their published settings.

Each line of the files is `user item item ...`. The whole catalogue is ranked for every user, items
of train left out. Recall@20 divides by all of a user's test items; the ideal list of NDCG@20 has at
most 20 of them. Nothing is tuned here: settings come from the papers that the rows name.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from selera.contracts.histories import Histories, TopN
from selera.contracts.protocols import Model
from selera.training.gfcf import GfcfConfig, fit_gfcf
from selera.training.itemknn import ItemKnnConfig, fit_itemknn
from selera.training.puresvd import PureSvdConfig, fit_puresvd
from selera.training.ranking import rank
from selera.training.rp3beta import Rp3BetaConfig, fit_rp3beta
from selera.training.turbocf import TurboCfConfig, fit_turbocf

from .environment import DATA, environment, save
from .peers import peer_python

T = TypeVar("T")

NAME = "gowalla"
FOLDER = DATA / "gowalla"
N = 20
SEED = 42
REPEATS = 5


@dataclass(frozen=True)
class Split:
    """Histories of train, the (user, item) pairs of test, and how many items there are."""

    train: Histories
    test_users: NDArray[np.int64]
    test_items: NDArray[np.int64]
    n_items: int


ROWS: dict[str, Callable[[Split], Model]] = {
    "rp3beta, Anelli et al. 2023": lambda split: fit_rp3beta(
        split.train,
        split.n_items,
        Rp3BetaConfig(n_neighbors=777, alpha=0.566, beta=0.0011, self_weight=0.0),
    ),
    "itemknn, damped by users too": lambda split: fit_itemknn(
        split.train,
        split.n_items,
        ItemKnnConfig(
            n_neighbors=777,
            source_damping=0.741,
            target_damping=0.336,
            user_damping=0.625,
            shrinkage=0.0,
            self_weight=0.0,
        ),
    ),
    "itemknn, cosine": lambda split: fit_itemknn(
        split.train,
        split.n_items,
        ItemKnnConfig(n_neighbors=500, user_damping=0.0, shrinkage=0.0, self_weight=0.0),
    ),
    "gfcf, Shen et al. 2021": lambda split: fit_gfcf(
        split.train,
        split.n_items,
        GfcfConfig(n_factors=256, n_neighbors=0, low_pass=0.3, output_exponent=0.0),
        seed=SEED,
    ),
    "gfcf, sharpened by its powers": lambda split: fit_gfcf(
        split.train,
        split.n_items,
        GfcfConfig(
            n_factors=1024,
            n_neighbors=0,
            low_pass=0.18,
            second_order=-1.05,
            third_order=0.376,
            output_exponent=0.26,
            n_power_iterations=24,
        ),
        seed=SEED,
    ),
    "turbocf, Park et al. 2024": lambda split: fit_turbocf(
        split.train,
        split.n_items,
        TurboCfConfig(user_damping=0.6, edge_exponent=0.7, degree=1, n_neighbors=0),
    ),
    "puresvd, 256 factors": lambda split: fit_puresvd(
        split.train,
        split.n_items,
        PureSvdConfig(n_factors=256, column_damping=0.0, output_exponent=0.0),
        seed=SEED,
    ),
}
PEERS = ("implicit", "rectools")


def run() -> Path:
    """Measure every row, then the peers on the same arrays, and write the result."""
    measured_in = environment()
    split = read_split(FOLDER)
    result: dict[str, Any] = {"n": N, "seed": SEED, "fits": "median of 5 where below 10 s"}
    result["rows"] = {name: measure(split, fit) for name, fit in ROWS.items()}
    result["peers"] = {name: _ask_peer(name, split) for name in PEERS}
    return save(NAME, f"python -m benchmarks {NAME}", result, measured_in)


def read_split(folder: Path) -> Split:
    """The two files of the split; every pair counts once, with weight 1."""
    (users, items), (test_users, test_items) = (
        _pairs(folder / f"{part}.txt") for part in ("train", "test")
    )
    n_users = int(max(users.max(), test_users.max())) + 1
    n_items = int(max(items.max(), test_items.max())) + 1
    order = np.lexsort((items, users))
    indptr = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=n_users))])
    train = Histories.plain(indptr.astype(np.int64), items[order].astype(np.int32))
    return Split(train, test_users, test_items, n_items)


def measure(split: Split, fit: Callable[[Split], Model]) -> dict[str, float]:
    """Accuracy, the seconds of a fit, and those of ranking everything for everybody."""
    fit(_small(split))  # compile first
    model, seconds = _timed(lambda: fit(split))
    others = [_timed(lambda: fit(split))[1] for _ in range(REPEATS - 1 if seconds < 10 else 0)]
    top, ranking_seconds = _timed(lambda: rank(model, split.train, N))
    return {
        **accuracy(top, split),
        "fit_seconds": round(median([seconds, *others]), 2),
        "ranking_seconds": round(ranking_seconds, 2),
    }


def accuracy(top: TopN, split: Split) -> dict[str, float]:
    """Means over the users who have test items."""
    test = np.unique(split.test_users * split.n_items + split.test_items)
    users, counts = np.unique(test // split.n_items, return_counts=True)
    hits = np.isin(users[:, None] * split.n_items + top.items[users], test)
    gains = 1 / np.log2(np.arange(2, N + 2))
    ideal = np.cumsum(gains)[np.minimum(counts, N) - 1]
    return {
        "recall@20": round(float(np.mean(hits.sum(axis=1) / counts)), 4),
        "ndcg@20": round(float(np.mean(hits @ gains / ideal)), 4),
    }


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def _pairs(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    lines = [np.array(line.split(), dtype=np.int64) for line in path.read_text().splitlines()]
    users = np.repeat([line[0] for line in lines], [len(line) - 1 for line in lines])
    return users, np.concatenate([line[1:] for line in lines])


def _small(split: Split) -> Split:
    return Split(split.train.take(0, 50), split.test_users, split.test_items, split.n_items)


def _ask_peer(name: str, split: Split) -> dict[str, Any]:
    """What another library makes of the same train: each model's accuracy and seconds."""
    program = Path(__file__).parent / "peers" / "run_neighbors.py"
    with tempfile.TemporaryDirectory() as folder:
        train, lists = Path(folder) / "train.npz", Path(folder) / "lists.npz"
        np.savez(train, indptr=split.train.indptr, items=split.train.items, n_items=split.n_items)
        answer = _run(peer_python(name), program, name, train, lists)
        held = np.load(lists)
        return {
            model: {**seconds, **accuracy(TopN(held[model], np.empty((0, 0), np.float32)), split)}
            for model, seconds in answer.items()
        }


def _run(python: Path, program: Path, *arguments: object) -> dict[str, dict[str, float]]:
    command = [str(python), str(program), *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    answer: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return answer
