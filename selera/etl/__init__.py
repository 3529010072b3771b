"""Extract and transform: the shop's database -> `data-training.csv` -> arrays to learn from.

Settings and reports are light to import; whoever calls the ETL itself pays for Polars.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .config import EtlConfig
from .manifest import TableCounts
from .report import EtlReport

if TYPE_CHECKING:
    from .load import TrainingData, load_training_csv
    from .run import run_etl

__all__ = [
    "EtlConfig",
    "EtlReport",
    "TableCounts",
    "TrainingData",
    "load_training_csv",
    "run_etl",
]


def __getattr__(name: str) -> Any:
    """Import what needs Polars when it is first asked for."""
    if name == "run_etl":
        from .run import run_etl

        return run_etl
    if name in ("TrainingData", "load_training_csv"):
        from . import load

        return getattr(load, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
