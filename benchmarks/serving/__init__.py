"""Serving: requests per second against a constant answer, latency, swaps, freshness, memory.

Server and load share the machine's two processors, one process each; the load keeps to one of them.
The constant answer goes through the same server, router and edge, and has the size of a real
answer: what is left is what an answer costs. Beside each latency stands that of the constant at the
same rate, in the same server, a moment later: what of it is the machine's. Shops are simulated;
`BENCH_FOLDER` keeps them between runs.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from ..environment import environment, save
from . import load, plots, shops
from .asking import (
    LATENCY_ROUNDS,
    N_ASKING,
    PER_ROUND,
    SECONDS,
    constants,
    set_constant,
    typical,
    users,
    warm,
)
from .disturbed import swaps, while_training
from .servers import own_mib, server, shared_mib, shop_folder, workers

NAME = "serving"
ROUNDS = 5
N_RECALL = 300
SETTLE_LARGE_S = 45.0
N_STARTS = 5


def run() -> Path:
    """Measure everything and write the result."""
    measured_in = environment()
    result: dict[str, Any] = {}
    with shop_folder(
        "ten-thousand-blend", lambda at: shops.simulated(at, 10_000, 20_000, "blend")
    ) as at:
        result["10,000 products, blend"] = _small(at)
    with shop_folder(
        "ten-thousand-svd", lambda at: shops.simulated(at, 10_000, 20_000, "svd")
    ) as at:
        result["10,000 products, svd"] = _small(at)
        result["swaps"] = swaps(at)
        result["fresh"] = _fresh(at)
        result["while a training runs"] = while_training(at)
        result["a model of 1 GB, two workers"] = _large_model(at)
    for name, n_products, n_users, per_user, rate in (
        ("100,000 products, 1,000,000 users, svd", 100_000, 1_000_000, 8, 200),
        ("1,000,000 products, 300,000 users, svd", 1_000_000, 300_000, 20, 50),
    ):
        make = _maker(n_products, n_users, per_user)
        with shop_folder(f"large-{n_products}", make) as at:
            result[name] = _large(at, n_users, rate)
            print(name, result[name], flush=True)
    path = save(NAME, f"python -m benchmarks {NAME}", result, measured_in)
    plots.draw(result, path.with_suffix(".svg"))
    return path


def _maker(n_products: int, n_users: int, per_user: int) -> Callable[[Path], None]:
    return lambda at: shops.large(at, n_products, n_users, per_user, "svd")


def _small(folder: Path) -> dict[str, Any]:
    """Peak against the constant, by how much is remembered, and latency at half of the peak."""
    rows: dict[str, Any] = {}
    for mode in ("compose", "memo", "read"):
        with server(folder, mode) as (port, pid):
            warm(port, N_ASKING)
            size = set_constant(port)
            peaks, of_constant = [], []
            for _ in range(ROUNDS):
                peaks.append(load.closed(port, users(N_ASKING), PER_ROUND).per_second)
                of_constant.append(load.closed(port, constants(N_ASKING), PER_ROUND).per_second)
            peak, constant = median(peaks), median(of_constant)
            rows[mode] = {
                "requests_per_second": peak,
                "constant_per_second": constant,
                "share_of_constant": round(peak / constant, 3),
                "at_half_of_the_peak": _beside_constant(port, users(N_ASKING), peak / 2),
                "answer_bytes": size,
                "memory_mib": shared_mib(pid),
            }
            print(folder.name, mode, rows[mode], flush=True)
    return rows


def _beside_constant(port: int, requests: Iterator[bytes], rate: float) -> dict[str, Any]:
    """Latency at a fixed rate, and that of the constant answer at the same rate."""
    of_lists, of_constant = [], []
    for _ in range(LATENCY_ROUNDS):
        of_lists.append(load.open_(port, requests, rate, SECONDS))
        of_constant.append(load.open_(port, constants(N_ASKING), rate, SECONDS))
    return typical(of_lists) | {"constant": typical(of_constant)}


def _large(folder: Path, n_users: int, rate: float) -> dict[str, Any]:
    """Latency at a fixed rate, users drawn evenly: nearly every history is read.

    The files are read once beforehand: they are in the memory of the system, as on a machine that
    has served for a while.
    """
    for each in ("shop.db", "system-recomendation.pkl"):
        (folder / each).read_bytes()
    began = time.perf_counter()
    with server(folder, "memo") as (port, pid):
        ready_s = time.perf_counter() - began
        time.sleep(SETTLE_LARGE_S)
        set_constant(port)
        load.closed(port, users(n_users, seed=7), 200, 4)
        plain = _beside_constant(port, users(n_users), rate)
        filtered = _beside_constant(port, users(n_users, "&category=Category%2017"), rate)
        peaks = [load.closed(port, users(n_users, seed=at), PER_ROUND, 8) for at in range(3)]
        peak = median(each.per_second for each in peaks)
        half = _beside_constant(port, users(n_users, seed=9), peak / 2)
        model = (folder / "system-recomendation.pkl").stat().st_size
        return {
            "plain": plain,
            "one category of 200": filtered,
            "rate": rate,
            "requests_per_second": peak,
            "at_half_of_the_peak": half,
            "start_to_ready_s": round(ready_s, 2),
            "model_mib": round(model / 2**20, 1),
            "memory_mib": shared_mib(pid),
            "recall_at_10": _recall(folder),
        }


def _recall(folder: Path) -> dict[str, float]:
    """Of the exact best ten, the share that the lists have; users in training."""
    from selera.artifact import open_artifact
    from selera.models import Recommender

    artifact = open_artifact(folder / "system-recomendation.pkl")
    model = Recommender.from_parts(artifact.metadata, artifact.arrays, artifact.run)
    users = np.random.default_rng(3).choice(len(model.users), N_RECALL, replace=False)
    shares = []
    for user in users.tolist():
        history = model.histories.take(user, user + 1)
        exact = model.score(history)[0]
        exact[history.items] = -np.inf
        best = np.argsort(-exact, kind="stable")[:10]
        found = {item for item, _ in model.best(model.taste(history), 10)}
        shares.append(len(found & set(best.tolist())) / 10)
    return {"mean": round(float(np.mean(shares)), 4), "least": min(shares), "users": len(shares)}


def _large_model(folder: Path) -> dict[str, Any]:
    """From the start of two workers until both can answer, and what each holds for itself alone.

    The model has a million products and users, the shop's tables are those of `folder`.
    """
    from tests.web.large_model import write_large_model  # not in the servers, whose memory counts

    with tempfile.TemporaryDirectory(dir=folder) as inside:
        at = Path(inside)
        os.link(folder / "shop.db", at / "shop.db")
        model = at / "system-recomendation.pkl"
        write_large_model(model, n_items=1_000_000, n_factors=128, n_users=1_000_000)
        seconds, owned = [], []
        for _ in range(N_STARTS):
            began = time.perf_counter()
            with workers(at, 2) as (port, pids):
                seconds.append(time.perf_counter() - began)
                for user in range(1, 41):
                    assert load.ask(port, load.get(f"/recommend/{user}"))[0] in (200, 404)
                owned.append([own_mib(pid) for pid in pids])
        return {
            "model_mib": round(model.stat().st_size / 2**20, 1),
            "start_to_ready_s": round(median(seconds), 2),
            "most_own_mib_of_a_worker": round(median(map(max, owned)), 1),
        }


def _fresh(folder: Path) -> dict[str, Any]:
    """From an event told to one server until a second one's answer has changed; milliseconds.

    The telling itself is in it: what is counted is the whole time from one to the other.
    """
    waits = []
    with server(folder, "memo") as (one, _), server(folder, "memo") as (other, _):
        for user in range(1, 41):
            path = f"/recommend/{user}?limit=1&fields="
            _, before = load.ask(other, load.get(path))
            product = json.loads(before)["recommendations"][0]["product"]["product_id"]
            event = {"type": "purchase", "user_id": user, "product_id": product}
            body = json.dumps({"events": [event]}).encode()
            told = time.perf_counter()
            status, _ = load.ask(one, load.post("/events", body))
            assert status == 200
            while True:
                _, after = load.ask(other, load.get(path))
                now = json.loads(after)["recommendations"][0]["product"]["product_id"]
                if now != product:
                    break
            waits.append((time.perf_counter() - told) * 1000)
    p50, most = np.percentile(waits, [50, 100]).round(1).tolist()
    return {"events": len(waits), "p50_ms": p50, "most_ms": most}
