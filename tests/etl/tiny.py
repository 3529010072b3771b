"""Shops of a few rows in SQLite, made without Selera's own writer, and the ETL run on them."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from selera.contracts.tables import (
    BUY,
    PRODUCT,
    RATING,
    REVIEW,
    TABLES,
    USER_PROFILE,
    VISIT,
    Table,
)
from selera.database import open_engine, snapshot
from selera.etl import EtlConfig, EtlReport, run_etl

Rows = Mapping[Table, Sequence[Sequence[Any]]]

COLUMNS: dict[Table, tuple[str, ...]] = {
    USER_PROFILE: ("user_id", "name", "gender", "age", "location"),
    PRODUCT: ("product_id", "product_name", "category", "tag", "source_country", "price", "brand"),
    VISIT: ("history_id", "user_id", "product_id", "visit_count", "visit_date"),
    BUY: (
        "transaction_id",
        "user_id",
        "product_id",
        "transaction_value",
        "transaction_date",
        "quantity",
    ),
    RATING: ("rating_id", "user_id", "product_id", "rating", "rating_date"),
    REVIEW: ("review_id", "user_id", "product_id", "review_text", "review_date", "rating"),
}
"""The columns of the tables made here: the required ones and those optional ones that are used."""

ONE_TO_FIVE = EtlConfig(rating_scale="1..5")


def make_shop(database: Path, rows: Rows, *, id_type: str = "INTEGER") -> Path:
    """Make a database whose columns keep any value as it is; ids are declared as `id_type`."""
    database.unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as connection:
        for table in TABLES:
            declared = ", ".join(
                f"{name} {id_type}" if table.kind(name) == "id" else f"{name} BLOB"
                for name in COLUMNS[table]
            )
            connection.execute(f"CREATE TABLE {table.name} ({declared})")
        for table, some in rows.items():
            marks = ", ".join("?" * len(COLUMNS[table]))
            connection.executemany(f"INSERT INTO {table.name} VALUES ({marks})", some)
        connection.commit()
    return database


def transform(
    database: Path, config: EtlConfig = ONE_TO_FIVE, output: str = "data-training.csv"
) -> EtlReport:
    """Run the ETL on a database; the CSV stands beside it."""
    engine = open_engine(f"sqlite:///{database}")
    try:
        with snapshot(engine) as frozen:
            return run_etl(frozen, database.parent / output, config)
    finally:
        engine.dispose()


def etl(folder: Path, rows: Rows, config: EtlConfig = ONE_TO_FIVE, **made: str) -> EtlReport:
    """Make a shop in `folder` and run the ETL on it."""
    return transform(make_shop(folder / "shop.db", rows, **made), config)


def read(path: Path) -> list[dict[str, str]]:
    """A CSV as any other program would read it."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def written(folder: Path) -> list[dict[str, str]]:
    """The rows of the training CSV."""
    return read(folder / "data-training.csv")


def reasons(folder: Path) -> list[str]:
    """The reasons of the rejected rows."""
    return [row["reason"] for row in read(folder / "data-rejected.csv")]
