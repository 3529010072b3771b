"""Putting many rows into the shop's tables, the fastest way that each driver knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from ..contracts.behaviors import NO_TIME
from ..contracts.tables import Table
from .failures import translated
from .values import parse_time

ROWS_PER_STATEMENT = 50_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def insert_rows(connection: Connection, table: Table, columns: Mapping[str, Sequence[Any]]) -> int:
    """Insert rows given as equally long columns of plain values; returns their number.

    Times are texts or datetimes as `values` reads them. SQLite keeps them as given; a server, whose
    time columns hold nothing but times, gets them in UTC, and NULL for those that are unreadable.
    Raises `DatabaseError` where the database refuses a row, KeyError for an unknown column.
    """
    dialect = connection.dialect.name
    values = [
        _server_times(column) if table.kind(name) == "time" and dialect != "sqlite" else column
        for name, column in columns.items()
    ]
    rows = zip(*values, strict=True)
    driver_error = connection.dialect.loaded_dbapi.Error
    with translated(connection.engine.url, f"insert rows into {table.name} of", driver_error):
        if dialect == "postgresql":
            _copy(connection, table, list(columns), rows)
        else:
            _execute_many(connection, table, list(columns), rows)
    return len(values[0])


def _server_times(values: Iterable[Any]) -> list[datetime | None]:
    return [_server_time(parse_time(value)) for value in values]


def _server_time(seconds: int | None) -> datetime | None:
    if seconds is None or seconds == NO_TIME:
        return None
    return _EPOCH + timedelta(seconds=seconds)


def _execute_many(
    connection: Connection, table: Table, names: list[str], rows: Iterator[tuple[Any, ...]]
) -> None:
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    statement = (
        f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))})"
    )
    while some := list(islice(rows, ROWS_PER_STATEMENT)):
        connection.exec_driver_sql(statement, some)


def _copy(
    connection: Connection, table: Table, names: list[str], rows: Iterator[tuple[Any, ...]]
) -> None:
    statement = f"COPY {table.name} ({', '.join(names)}) FROM STDIN"
    with connection.connection.cursor() as cursor, cursor.copy(statement) as copy:  # type: ignore[attr-defined]
        for row in rows:
            copy.write_row(row)
    if table.key in names:
        _count_on(connection, table)


def _count_on(connection: Connection, table: Table) -> None:
    """Let the key's own counter, if it has one, go on after the keys that were copied in."""
    counter = connection.exec_driver_sql(
        f"SELECT pg_get_serial_sequence('{table.name}', '{table.key}')"
    ).scalar_one()
    if counter is not None:
        connection.exec_driver_sql(
            f"SELECT setval('{counter}', greatest(1, (SELECT max({table.key}) FROM {table.name})))"
        )
