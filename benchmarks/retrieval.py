"""Large catalogues: recall against scoring everything, time and bytes, on one thread.

Factors are learnt from the public Gowalla split (PureSVD and implicit ALS with 64 factors, users of
the split folded in) and scaled up: a made item has the factors of a real one, moved by 0.3 of its
length towards the difference of two others. The worst case beside it has no structure at all:
normal factors of a falling spectrum, of log-normal length. The blend adds an item graph with edges
among likely neighbors, and popularity. What is exact is the n best of the scores of all items.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from selera.contracts.histories import Histories
from selera.contracts.protocols import Model
from selera.contracts.sparse import SparseMatrix
from selera.models.blend import BlendModel
from selera.models.factor import FactorModel
from selera.models.item_graph import ItemGraphModel
from selera.models.popularity import PopularityModel
from selera.models.recent import RecentFirst
from selera.models.retrieval import open_items, retrieve
from selera.models.topn import best_places
from selera.models.weighted_factor import WeightedFactorModel
from selera.training.ials import IalsConfig, fit_ials
from selera.training.puresvd import PureSvdConfig, fit_puresvd
from selera.training.retrieval import SHARE, with_index

from .environment import environment, save
from .gowalla import FOLDER, read_split

NAME = "retrieval"
SIZES = (100_000, 1_000_000)
N, N_FACTORS, N_USERS, SEED = 10, 64, 200, 0
OPEN_SHARES = (1.0, 0.1, 0.01)
N_EDGES = 50

Matrix = NDArray[np.float32]


def run(sizes: Sequence[int] = SIZES) -> Path:
    """Measure every model at every size."""
    measured_in = environment()
    rows: list[dict[str, Any]] = []
    for row in _rows(sizes):
        print(row, flush=True)
        rows.append(row)
    settings = {"n": N, "n_factors": N_FACTORS, "n_users": N_USERS, "share": SHARE}
    return save(NAME, f"python -m benchmarks {NAME}", {**settings, "rows": rows}, measured_in)


def _rows(sizes: Sequence[int]) -> Any:
    split = read_split(FOLDER)
    told, n_items = split.train, split.n_items
    rng = np.random.default_rng(SEED)
    users = told.gather(np.sort(rng.choice(len(told), N_USERS, replace=False)))
    svd = fit_puresvd(told, n_items, PureSvdConfig(n_factors=N_FACTORS), seed=SEED)
    als = fit_ials(told, n_items, IalsConfig(n_factors=N_FACTORS), seed=SEED).ranker()
    counts = np.bincount(told.items, minlength=n_items).astype(np.float32)
    yield from _measured("puresvd, Gowalla", svd, users, least_items=0)
    yield from _measured("ials, Gowalla", als, users, least_items=0)
    for size in sizes:
        made = _Made(size, n_items)
        grown = FactorModel(made.of(svd.query_factors), made.of(svd.item_factors))
        yield from _measured("puresvd, scaled", grown, users)
        als_grown = WeightedFactorModel(made.of(als.item_factors), als.energies, als.objective)
        yield from _measured("ials, scaled", als_grown, users)
        yield from _measured("factors without structure", _shapeless(size), users)
        graph = ItemGraphModel(_edges(grown.item_factors, rng))
        popular = PopularityModel.prepared(counts[made.parents])
        parts: tuple[Model, ...] = (graph, grown, als_grown, popular)
        blend = BlendModel(
            ("itemknn", "puresvd", "ials", "popularity"),
            tuple(RecentFirst(part, 0.0) for part in parts),
            np.array([0.4, 0.2, 0.3, 0.1]),
            0,
        )
        yield from _measured("blend of four, scaled", blend, users)


class _Made:
    """A catalogue of `n` items made of the real ones; these come first."""

    def __init__(self, n: int, n_real: int) -> None:
        rng = np.random.default_rng(SEED)
        self.parents = np.concatenate([np.arange(n_real), rng.integers(0, n_real, n - n_real)])
        self._others = rng.integers(0, n_real, (2, n - n_real))
        self._n_real = n_real

    def of(self, factors: Matrix) -> Matrix:
        """The factors of all items."""
        made: Matrix = factors[self.parents]
        moves = factors[self._others[0]] - factors[self._others[1]]
        moves /= np.maximum(np.linalg.norm(moves, axis=1, keepdims=True), 1e-12)
        own = made[self._n_real :]
        own += 0.3 * np.linalg.norm(own, axis=1, keepdims=True) * moves
        return made


def _shapeless(n: int) -> FactorModel:
    rng = np.random.default_rng(SEED)
    factors = rng.standard_normal((n, N_FACTORS), dtype=np.float32)
    factors *= np.arange(1, N_FACTORS + 1, dtype=np.float32) ** -0.5
    factors *= rng.lognormal(0, 0.7, (n, 1)).astype(np.float32)
    return FactorModel(factors, factors)


def _edges(factors: Matrix, rng: np.random.Generator) -> SparseMatrix:
    """Edges to items that lie near in the order of the two leading factors."""
    n = len(factors)
    order = np.lexsort((factors[:, 1], np.round(factors[:, 0], 2)))
    places = np.empty(n, dtype=np.int64)
    places[order] = np.arange(n)
    columns = np.empty((n, N_EDGES), dtype=np.int32)
    for start in range(0, n, 100_000):
        own = places[start : start + 100_000, None]
        near = (own + 1 + np.cumsum(rng.integers(1, 9, (len(own), N_EDGES)), axis=1)) % n
        columns[start : start + 100_000] = np.sort(order[near], axis=1)
    values = rng.random(n * N_EDGES, dtype=np.float32)
    return SparseMatrix(np.arange(0, n * N_EDGES + 1, N_EDGES), columns.ravel(), values, n)


def _measured(name: str, plain: Model, users: Histories, *, least_items: int | None = None) -> Any:
    """Recall and time at each share of open items, after the index is learnt."""
    started = time.perf_counter()
    model = with_index(plain, seed=SEED, **({} if least_items is None else {"least_items": 0}))
    learnt_s = time.perf_counter() - started
    n_items = model.taste(users.take(0, 1)).n_items
    sizes = [sum(each.nbytes for each in one.to_arrays().values()) for one in (plain, model)]
    with threadpool_limits(1):
        for share in OPEN_SHARES:
            rng = np.random.default_rng(SEED)
            allowed = rng.random(n_items) < share
            yield {
                "model": name,
                "n_items": n_items,
                "open": share,
                **_compared(model, users, allowed),
                "learnt_s": round(learnt_s, 1),
                "model_mib": round(sizes[0] / 2**20, 1),
                "index_mib": round((sizes[1] - sizes[0]) / 2**20, 1),
            }


def _compared(model: Model, users: Histories, allowed: NDArray[np.bool_]) -> dict[str, float]:
    recalls: list[float] = []
    two_stages: list[float] = []
    everything: list[float] = []
    for user in range(len(users)):
        history = users.take(user, user + 1)

        def searched(history: Histories = history) -> NDArray[np.int64]:
            taste = model.taste(history)
            return retrieve(taste, N, open_items(taste, allowed, True))[0]

        def scanned(history: Histories = history) -> NDArray[np.int64]:
            taste = model.taste(history)
            open = open_items(taste, allowed, True)
            return best_places(np.where(open, taste.all(), np.float32(-np.inf)), N)

        found = _timed(searched, two_stages)
        exact = _timed(scanned, everything)
        recalls.append(len(np.intersect1d(found, exact)) / len(exact))
    return {
        "recall@10": round(float(np.mean(recalls)), 4),
        "ms_median": round(float(np.median(two_stages)), 2),
        "ms_p99": round(float(np.quantile(two_stages, 0.99)), 2),
        "scan_ms_median": round(float(np.median(everything)), 2),
    }


def _timed(call: Callable[[], NDArray[np.int64]], times: list[float]) -> NDArray[np.int64]:
    """The answer; the least of three times, in milliseconds of this thread, goes to `times`."""
    best = np.inf
    for _ in range(3):
        started = time.thread_time()
        answer = call()
        best = min(best, time.thread_time() - started)
    times.append(1e3 * best)
    return answer


if __name__ == "__main__":
    run(tuple(map(int, sys.argv[1:])) or SIZES)
