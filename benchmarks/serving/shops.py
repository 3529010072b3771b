"""Shops to serve: the simulated one, and larger ones of which only what a request reads is made."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from selera.contracts.tables import BUY, PRODUCT, USER_PROFILE, VISIT
from selera.shop.storing import Batch, store

N_FACTORS = 16
N_CATEGORIES = 200
_CHUNK = 20_000


def simulated(folder: Path, n_products: int, n_users: int, model: str) -> None:
    """The sample shop in this size, its CSV and a model of it, by the commands of a user."""
    run(folder, "seed", "--products", str(n_products), "--users", str(n_users))
    trained(folder, model)


def large(folder: Path, n_products: int, n_users: int, per_user: int, model: str) -> None:
    """A large shop: categories, tastes, visits and purchases; then its CSV and a model."""
    store(f"sqlite:///{folder}/shop.db", _rows(n_products, n_users, per_user), overwrite=False)
    trained(folder, model)


def trained(folder: Path, model: str) -> None:
    """ETL and training, judged by a single cut: what is measured is serving."""
    run(folder, "etl")
    (folder / "selera.toml").write_text("[training.evaluation]\nn_cuts = 1\n", encoding="utf-8")
    run(folder, "train", "--model", model)


def run(folder: Path, *arguments: str) -> None:
    """Run one command of ours in a folder; what it says goes to standard error."""
    command = [sys.executable, "-m", "selera", *arguments]
    subprocess.run(command, cwd=folder, check=True, stdout=sys.stderr)


def _rows(n_products: int, n_users: int, per_user: int) -> Iterator[Batch]:
    rng = np.random.default_rng(0)
    category = rng.integers(0, N_CATEGORIES, n_products)
    centers = rng.standard_normal((N_CATEGORIES, N_FACTORS), dtype=np.float32)
    tastes = centers[category] + rng.standard_normal((n_products, N_FACTORS), dtype=np.float32)
    yield PRODUCT, _products(n_products, category, rng)
    popularity = np.cumsum(1 / (rng.permutation(n_products) + 100.0))
    popularity /= popularity[-1]
    key = 1
    for start in range(0, n_users, _CHUNK):
        n = min(_CHUNK, n_users - start)
        ids = np.arange(start + 1, start + n + 1)
        yield (
            USER_PROFILE,
            {
                "user_id": ids.tolist(),
                "name": [f"Name {id}" for id in ids],
                "gender": ["female", "male"] * (n // 2) + ["female"] * (n % 2),
                "age": rng.integers(16, 80, n).tolist(),
                "location": ["Bandung"] * n,
            },
        )
        drawn = np.searchsorted(popularity, rng.random((n, 4 * per_user)))
        users = rng.standard_normal((n, N_FACTORS), dtype=np.float32)
        liking = np.einsum("uf,uif->ui", users, tastes[drawn])
        best = np.argsort(-liking, axis=1)[:, :per_user]
        items = np.take_along_axis(drawn, best, axis=1).ravel() + 1
        days = rng.integers(0, 300, len(items))
        times = (np.datetime64("2026-01-01") + days).astype(str).tolist()
        keys = list(range(key, key + len(items)))
        key += len(items)
        owners = np.repeat(ids, per_user).tolist()
        yield (
            VISIT,
            {
                "history_id": keys,
                "user_id": owners,
                "product_id": items.tolist(),
                "visit_count": rng.integers(1, 4, len(items)).tolist(),
                "visit_date": times,
            },
        )
        bought = np.flatnonzero(rng.random(len(items)) < 0.2)
        yield (
            BUY,
            {
                "transaction_id": [keys[at] for at in bought],
                "user_id": [owners[at] for at in bought],
                "product_id": items[bought].tolist(),
                "transaction_value": [10.0] * len(bought),
                "transaction_date": [times[at] for at in bought],
            },
        )


def _products(n: int, category: Any, rng: np.random.Generator) -> dict[str, list[Any]]:
    return {
        "product_id": list(range(1, n + 1)),
        "product_name": [f"Product number {id}" for id in range(1, n + 1)],
        "category": [f"Category {each}" for each in category],
        "tag": [f"tag {each % 7}" for each in category],
        "source_country": [f"Country {each % 30}" for each in category],
        "price": rng.integers(5, 5000, n).astype(float).tolist(),
        "brand": [f"Brand {each}" for each in rng.integers(0, 500, n)],
        "stock": rng.integers(0, 50, n).tolist(),
    }
