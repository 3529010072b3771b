"""Making the shop's tables without ever touching a table that somebody else made."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, func, inspect, select
from sqlalchemy.schema import CreateIndex, CreateTable, DropTable

from ..contracts.errors import SeedRefused
from ..contracts.tables import TABLES
from .failures import describe, translated
from .layout import TableLayout, find_tables
from .schema import MARKER, marker_table, shop_indexes, shop_tables


def create_shop_tables(engine: Engine, *, overwrite: bool, text_ids: Collection[str] = ()) -> None:
    """Make the six tables, empty, marked as Selera's own; indexes follow by `index_shop_tables`.

    `text_ids` names the id columns (user_id, product_id) that hold texts instead of integers.
    Raises `SeedRefused` where one of the six exists and Selera did not make it, or holds rows
    and `overwrite` is false.
    """
    with translated(engine.url, "make tables in"), engine.begin() as connection:
        _make(connection, overwrite, text_ids)


def _make(connection: Connection, overwrite: bool, text_ids: Collection[str]) -> None:
    existing = find_tables(connection)
    _refuse_foreign(connection, existing)
    if not overwrite:
        _refuse_filled(connection, existing)
    tables = shop_tables(connection.dialect, text_ids)
    marker = marker_table()
    marker.create(connection, checkfirst=True)
    for name, table in tables.items():
        if name in existing:
            connection.execute(DropTable(table))
        connection.execute(CreateTable(table))
    connection.execute(marker.delete())
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    connection.execute(
        marker.insert(), [{"table_name": name, "made_at": made_at} for name in tables]
    )


def index_shop_tables(connection: Connection) -> None:
    """Make the indexes on user_id and product_id, once the rows are in, and count the values."""
    tables = shop_tables(connection.dialect)
    for index in shop_indexes(tables):
        connection.execute(CreateIndex(index))
    analyze = "ANALYZE TABLE" if connection.dialect.name in ("mysql", "mariadb") else "ANALYZE"
    for name in tables:
        connection.exec_driver_sql(f"{analyze} {name}")


def _refuse_foreign(connection: Connection, existing: dict[str, TableLayout]) -> None:
    """Raise where a table exists that is not marked, or no longer has the columns that we made."""
    marked: set[str] = set()
    if inspect(connection).has_table(MARKER):
        marked = set(connection.execute(select(marker_table().c.table_name)).scalars())
    ours = {table.name: {each.name for each in table.columns} for table in TABLES}
    foreign = [
        name
        for name, layout in existing.items()
        if name not in marked or set(layout.names) != ours[name]
    ]
    if foreign:
        raise SeedRefused(
            f"Selera did not make the table {foreign[0]} of {describe(connection.engine.url)} "
            f"and will not touch it. Name another database with --database."
        )


def _refuse_filled(connection: Connection, existing: dict[str, TableLayout]) -> None:
    for name, layout in existing.items():
        count = connection.execute(select(func.count()).select_from(layout.source)).scalar_one()
        if count:
            raise SeedRefused(
                f"The table {name} of {describe(connection.engine.url)} already holds {count:,} "
                f"rows. Pass --overwrite to replace them, or name another database."
            )
