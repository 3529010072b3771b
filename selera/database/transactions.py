"""Transactions that write into a shop which others write into at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from ..contracts.errors import DatabaseError
from .failures import describe
from .sqlite_file import WILL_WRITE

_LOCK_TIMEOUT_S = 8
_POSTGRESQL_LOCK = 7_305_446_871_023_117
"""Any number that nobody else is likely to take an advisory lock of."""


@contextmanager
def writing(engine: Engine, *, alone: bool = False) -> Iterator[Connection]:
    """One transaction, committed at the end of the block and undone where the block raises.

    Each statement sees what was committed before it. On SQLite the transaction waits for other
    writers when it begins. `alone` keeps other transactions that ask for it away until the end.
    """
    with engine.connect() as plain:
        if engine.dialect.name == "sqlite":
            connection = plain.execution_options(**{WILL_WRITE: True})
        else:
            connection = plain.execution_options(isolation_level="READ COMMITTED")
        with connection.begin(), _alone(connection, alone):
            yield connection


@contextmanager
def _alone(connection: Connection, is_wanted: bool) -> Iterator[None]:
    if is_wanted and connection.dialect.name == "postgresql":
        # The end of the transaction frees it.
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})")
    if not is_wanted or connection.dialect.name in ("sqlite", "postgresql"):
        yield
        return
    name = "concat('selera.', md5(database()))"
    if not connection.exec_driver_sql(f"SELECT get_lock({name}, {_LOCK_TIMEOUT_S})").scalar_one():
        raise DatabaseError(
            f"Another process has been writing events into {describe(connection.engine.url)} for "
            f"{_LOCK_TIMEOUT_S} s. Try again."
        )
    try:
        yield
        connection.exec_driver_sql("COMMIT")  # nobody may count on before this is committed
    finally:
        if not connection.invalidated:
            connection.exec_driver_sql(f"DO release_lock({name})")
