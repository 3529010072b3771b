"""Databases for tests: an empty one of each kind, and shops with nothing but the minimum columns.

A test that takes `database_url` runs three times: on SQLite, PostgreSQL and MariaDB. Each worker
makes a database of its own on a server (SELERA_TEST_POSTGRESQL, SELERA_TEST_MARIADB), drops it in
the end, and empties it after each test. A server that does not answer skips its tests and says so;
where CI=true it fails them.
"""

from __future__ import annotations

import os
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, make_url

from selera.contracts.errors import DatabaseError
from selera.contracts.tables import PRODUCT, TABLES, Table
from selera.database import open_engine

KINDS = ("sqlite", "postgresql", "mariadb")
SERVERS = {
    "postgresql": ("SELERA_TEST_POSTGRESQL", "postgresql://postgres@127.0.0.1:5432/test"),
    "mariadb": ("SELERA_TEST_MARIADB", "mysql://root@127.0.0.1:3306/test"),
}


@contextmanager
def opened(url: str, *, create: bool = False) -> Iterator[Engine]:
    """An engine that is disposed of at the end."""
    engine = open_engine(url, create=create)
    try:
        yield engine
    finally:
        engine.dispose()


def execute(url: str, *statements: str) -> None:
    """Run statements in one transaction each."""
    with opened(url, create=True) as engine:
        for statement in statements:
            with engine.begin() as connection:
                connection.exec_driver_sql(statement)


@pytest.fixture(scope="session", params=KINDS)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def server_url(database_kind: str) -> Iterator[str | None]:
    """The URL of this worker's own database on the server; None for SQLite."""
    if database_kind == "sqlite":
        yield None
        return
    variable, default = SERVERS[database_kind]
    url = os.environ.get(variable, default)
    name = f"selera_test_{uuid.uuid4().hex[:12]}"
    try:
        _administrate(url, f"CREATE DATABASE {name}")
    except DatabaseError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"{variable}: {error}")
    yield make_url(url).set(database=name).render_as_string(hide_password=False)
    _administrate(url, f"DROP DATABASE {name}")


@pytest.fixture
def database_url(server_url: str | None, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database: SQLite, PostgreSQL and MariaDB in turn."""
    yield server_url or f"sqlite:///{tmp_path / 'shop.db'}"
    if server_url:
        _empty(server_url)


def make_minimal_shop(
    url: str,
    rows: Mapping[Table, Sequence[Sequence[Any]]] | None = None,
    *,
    id_type: str = "BIGINT",
    time_type: str = "VARCHAR(64)",
) -> str:
    """Make the six tables with the required columns only, without any key; returns the URL."""
    types = {
        "id": id_type,
        "text": "TEXT",
        "integer": "INTEGER",
        "number": "NUMERIC(12, 2)",
        "time": time_type,
    }
    statements = []
    for table in TABLES:
        columns = ", ".join(f"{name} {types[table.kind(name)]}" for name in table.required)
        statements.append(f"CREATE TABLE {table.name} ({columns})")
    execute(url, *statements)
    insert(url, rows or {})
    return url


def insert(url: str, rows: Mapping[Table, Sequence[Sequence[Any]]]) -> None:
    """Insert rows of the required columns."""
    with opened(url) as engine, engine.begin() as connection:
        mark = "?" if engine.dialect.name == "sqlite" else "%s"
        for table, some in rows.items():
            marks = ", ".join([mark] * len(table.required))
            names = ", ".join(table.required)
            for row in some:
                connection.exec_driver_sql(
                    f"INSERT INTO {table.name} ({names}) VALUES ({marks})", tuple(row)
                )


def insert_as_shops_do(url: str, rows: Mapping[Table, Sequence[Sequence[Any]]]) -> None:
    """Insert rows of the required columns as a shop's own programs do, over years.

    They come in any order, a few at a time, into tables with an index over the users. On SQLite
    free space is not overwritten, so that pages keep copies of what was moved to others.
    """
    with opened(url) as engine:
        is_sqlite = engine.dialect.name == "sqlite"
        with engine.begin() as connection:
            for table in rows.keys() - {PRODUCT} if is_sqlite else ():
                connection.exec_driver_sql(f"CREATE INDEX {table.name}_u ON {table.name} (user_id)")
        lines = [(table, row) for table, some in rows.items() for row in some]
        random.Random(5).shuffle(lines)
        mark = "?" if is_sqlite else "%s"
        for start in range(0, len(lines), 50):
            with engine.begin() as connection:
                if is_sqlite:
                    connection.exec_driver_sql("PRAGMA secure_delete = OFF")
                for table, row in lines[start : start + 50]:
                    marks = ", ".join([mark] * len(table.required))
                    names = ", ".join(table.required)
                    connection.exec_driver_sql(
                        f"INSERT INTO {table.name} ({names}) VALUES ({marks})", tuple(row)
                    )


def _administrate(url: str, statement: str) -> None:
    # Neither server makes or drops a database inside a transaction.
    with opened(url) as engine, engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(statement)


def _empty(url: str) -> None:
    with opened(url) as engine, engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
            return
        for name, kind in connection.exec_driver_sql("SHOW FULL TABLES").all():
            thing = "VIEW" if kind == "VIEW" else "TABLE"
            connection.exec_driver_sql(f"DROP {thing} `{name}`")
