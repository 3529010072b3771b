"""Growth: time and memory per epoch against the number of interactions, the catalogue fixed.

Simulated purchases with latent tastes: a user buys Zipf-popular products, more of some than of
others by ten hidden factors. Each size is measured in a process of its own, so that peaks of memory
are its own. The slope is that of log(seconds) over log(interactions), by least squares.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from selera.contracts.histories import Histories
from selera.contracts.interactions import RatingScale
from selera.contracts.protocols import Progress
from selera.training.ials import IalsConfig, fit_ials
from selera.training.itemknn import ItemKnnConfig, fit_itemknn
from selera.training.svd import SvdConfig, fit_svd

from .environment import environment, save

NAME = "growth"
SIZES = (1_000_000, 3_000_000, 10_000_000, 100_000_000)
N_ITEMS = 20_000
PER_USER = 50
N_EPOCHS = 4
"""The first is left out, with the set-up before it; the median of the others is told."""
SEED = 0


def run() -> Path:
    """Measure every size, fit the slopes and plot them."""
    measured_in = environment()
    points: dict[str, list[dict[str, float]]] = {"ials": [], "svd": [], "itemknn": []}
    for size in SIZES:
        for name, column in points.items():
            command = [sys.executable, "-m", "benchmarks.growth", name, str(size)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            column.append(json.loads(done.stdout))
            print(name, column[-1], flush=True)
    result: dict[str, Any] = {
        "n_items": N_ITEMS,
        "interactions_per_user": PER_USER,
        "settings": "64 factors; itemknn: the whole fit, 200 neighbors",
        "points": points,
        "slopes": {
            name: {unit: slope(column, unit) for unit in ("seconds", "peak_mib")}
            for name, column in points.items()
        },
    }
    path = save(NAME, f"python -m benchmarks {NAME}", result, measured_in)
    plot(points, path.with_suffix(".svg"))
    return path


def slope(column: list[dict[str, float]], unit: str) -> float:
    """Of log(unit) over log(interactions)."""
    sizes, values = ([point[name] for point in column] for name in ("n", unit))
    return round(float(np.polyfit(np.log(sizes), np.log(values), 1)[0]), 3)


def simulated(n: int) -> Histories:
    """About n interactions: for each user, the best of random Zipf draws by ten hidden factors."""
    rng = np.random.default_rng(SEED)
    n_users = n // PER_USER
    tastes = rng.standard_normal((N_ITEMS, 10), dtype=np.float32)
    cumulative = np.cumsum(1 / (np.arange(N_ITEMS) + 20.0))
    cumulative /= cumulative[-1]
    parts, lengths = [], []
    for start in range(0, n_users, 20_000):
        batch = min(20_000, n_users - start)
        drawn = np.searchsorted(cumulative, rng.random((batch, 2 * PER_USER))).astype(np.int32)
        users = rng.standard_normal((batch, 10), dtype=np.float32)
        liking = np.einsum("uf,uif->ui", users, tastes[drawn])
        best = np.argpartition(-liking, PER_USER, axis=1)[:, :PER_USER]
        items = np.sort(np.take_along_axis(drawn, best, axis=1), axis=1)
        fresh = np.ones(items.shape, dtype=np.bool_)
        fresh[:, 1:] = items[:, 1:] != items[:, :-1]
        parts.append(items[fresh])
        lengths.append(fresh.sum(axis=1))
    indptr = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
    return Histories.plain(indptr, np.concatenate(parts))


def measure(name: str, n: int) -> dict[str, float]:
    """Seconds of an epoch (of the whole fit for itemknn) and the peak of the process."""
    histories = simulated(n)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if name == "itemknn":
        started = time.perf_counter()
        fit_itemknn(histories, N_ITEMS, ItemKnnConfig())
        seconds = time.perf_counter() - started
    else:
        ends: list[float] = []
        fit = {"ials": _ials, "svd": _svd}[name]
        fit(histories, lambda stage, done, total: ends.append(time.perf_counter()))
        seconds = median(np.diff(ends))
    return {
        "n": len(histories.items),
        "seconds": round(float(seconds), 4),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "data_mib": round(before, 1),
    }


def _ials(histories: Histories, progress: Progress) -> None:
    config = IalsConfig(n_factors=64, n_epochs=N_EPOCHS)
    fit_ials(histories, N_ITEMS, config, scale=None, seed=SEED, progress=progress)


def _svd(histories: Histories, progress: Progress) -> None:
    stars = (1 + (histories.items % 5)).astype(np.float32)
    rows = histories.rows.astype(np.int32), histories.items, stars
    config = SvdConfig(n_factors=64, n_epochs=N_EPOCHS)
    scale, n_users = RatingScale(1, 5), len(histories)
    fit_svd(*rows, n_users, N_ITEMS, config, scale=scale, seed=SEED, progress=progress)


def plot(points: dict[str, list[dict[str, float]]], path: Path) -> None:
    """Seconds and memory over interactions, both axes logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.6))
    for axis, unit, label in zip(
        axes, ("seconds", "peak_mib"), ("seconds per epoch", "peak memory, MiB"), strict=True
    ):
        for name, column in points.items():
            axis.loglog([p["n"] for p in column], [p[unit] for p in column], "o-", label=name)
        axis.set_xlabel("interactions")
        axis.set_ylabel(label)
        axis.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
