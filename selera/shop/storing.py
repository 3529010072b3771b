"""Putting whole tables into a database that is empty, or whose rows may go."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import structlog

from ..contracts.tables import TABLES, Table
from ..database import create_shop_tables, index_shop_tables, insert_rows, open_engine

log = structlog.get_logger(__name__)

Batch = tuple[Table, Mapping[str, Sequence[Any]]]


def store(
    url: str, batches: Iterable[Batch], *, overwrite: bool, text_ids: Collection[str] = ()
) -> dict[str, int]:
    """Make the six tables and insert the batches, in one transaction; rows per table.

    `text_ids` names the id columns that hold texts. Raises `SeedRefused` where the database holds
    tables that Selera did not make, or rows and `overwrite` is false; `DatabaseError` where the
    database does not take the rows.
    """
    started = time.perf_counter()
    counts = dict.fromkeys((table.name for table in TABLES), 0)
    engine = open_engine(url, create=True)
    try:
        create_shop_tables(engine, overwrite=overwrite, text_ids=text_ids)
        with engine.begin() as connection:
            for table, columns in batches:
                counts[table.name] += insert_rows(connection, table, columns)
            index_shop_tables(connection)
    finally:
        engine.dispose()
    log.info("stored shop", **counts, seconds=round(time.perf_counter() - started, 2))
    return counts
