"""Public data sets by the whole way: imported into SQLite, through the ETL, into interactions."""

from __future__ import annotations

import tempfile
from pathlib import Path

from selera.contracts.interactions import Interactions
from selera.database import open_engine, snapshot
from selera.etl import EtlConfig, load_training_csv, run_etl
from selera.shop import import_dataset

from .environment import DATA


def imported(name: str) -> Interactions:
    """The interactions of one set in `DATA`, as training would load them."""
    with tempfile.TemporaryDirectory() as folder:
        url, csv = f"sqlite:///{folder}/shop.db", Path(folder) / "data-training.csv"
        import_dataset(name, DATA / name, url, overwrite=False)
        engine = open_engine(url)
        try:
            with snapshot(engine) as frozen:
                run_etl(frozen, csv, EtlConfig())
        finally:
            engine.dispose()
        return load_training_csv(csv).interactions
