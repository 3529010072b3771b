"""From the shop's database to `data-training.csv`, by one snapshot."""

from __future__ import annotations

from pathlib import Path

from ..contracts.protocols import Progress, silent
from ..database import open_engine, snapshot
from ..etl import EtlConfig, EtlReport, run_etl
from .locks import exclusive


def etl(
    database_url: str,
    output: Path,
    config: EtlConfig,
    progress: Progress = silent,
    *,
    wait: bool = False,
) -> EtlReport:
    """Write `output`, its manifest and its rejects from one snapshot of the database.

    Where another ETL writes the same file, it is awaited if `wait`, else Busy is raised. Raises
    DatabaseError as `selera.database` does, DataError as `selera.etl` does.
    """
    with exclusive(output, "ETL", progress, wait=wait):
        engine = open_engine(database_url)
        try:
            with snapshot(engine) as frozen:
                return run_etl(frozen, output, config, progress)
        finally:
            engine.dispose()
