"""Shops by the whole way: public data sets and the simulated one, through SQLite and the ETL."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from selera.contracts.interactions import Interactions
from selera.database import open_engine, snapshot
from selera.etl import EtlConfig, load_training_csv, run_etl
from selera.shop import ShopConfig, import_dataset, seed_shop

from .environment import DATA


def imported(name: str) -> Interactions:
    """The interactions of one set in `DATA`, as training would load them."""
    return _loaded(lambda url: import_dataset(name, DATA / name, url, overwrite=False))


def simulated() -> Interactions:
    """The interactions of the sample shop, as training would load them."""
    return _loaded(lambda url: seed_shop(url, ShopConfig(), overwrite=False))


def _loaded(fill: Callable[[str], object]) -> Interactions:
    """What training would load from the database that `fill` writes at a URL."""
    with tempfile.TemporaryDirectory() as folder:
        url, csv = f"sqlite:///{folder}/shop.db", Path(folder) / "data-training.csv"
        fill(url)
        engine = open_engine(url)
        try:
            with snapshot(engine) as frozen:
                run_etl(frozen, csv, EtlConfig())
        finally:
            engine.dispose()
        return load_training_csv(csv).interactions
