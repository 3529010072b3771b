"""Reading at once or not at all: for an event loop, where everybody waits for what one reads.

A server's answer takes as long as its network and its queue do. A SQLite file is on this machine,
and mostly in its memory: what can delay it is a lock, which is not waited for here, and a slow
disk, which is noticed.

SQLAlchemy compiles the statements and keeps the connection; the driver alone runs them, since the
whole way around would take several times as long as the file does.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import Any, Protocol, Self, TypeVar

from sqlalchemy import URL, SelectBase, create_engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql.compiler import SQLCompiler

from ..contracts.errors import DatabaseError
from .drivers import connect_arguments
from .sqlite_file import set_up_sqlite

T = TypeVar("T")

SLOW_S = 0.005
SLOW_SHARE = 0.01
SLOW_AT_MOST_S = 0.1
"""What slow reads may take, all together, of any stretch of time: a share of it and this much. A
busy machine makes single reads slow, a slow disk most of them."""


class Fetch(Protocol):
    """Runs a statement, and tells all rows that it finds."""

    def __call__(
        self, statement: SelectBase, parameters: Mapping[str, Any]
    ) -> Sequence[Sequence[Any]]:
        """The rows; `parameters` are bound."""
        ...


class ReadsAtOnce:
    """A connection of its own to a SQLite file, for one read at a time.

    Values are told as they are stored: of columns whose type SQLAlchemy would convert, there must
    be none. Statements are compiled once, and kept.
    """

    def __init__(self, url: URL) -> None:
        self._engine = create_engine(
            url,
            connect_args=connect_arguments(url, None) | {"timeout": 0},
            hide_parameters=True,
            pool_size=1,
            max_overflow=0,
            pool_timeout=0,
        )
        set_up_sqlite(self._engine, create=False)
        self._compiled: dict[SelectBase, SQLCompiler] = {}
        self._slow_s = 0.0
        self._counted_at = time.monotonic()

    @classmethod
    def of(cls, url: URL) -> Self | None:
        """Of this database; None where it is a server."""
        return cls(url) if url.get_backend_name() == "sqlite" else None

    def read(self, read: Callable[[Fetch], T]) -> T | None:
        """What `read` returns, of one moment; None where it has to wait, or fails."""
        began = time.monotonic()
        self._slow_s = max(0.0, self._slow_s - SLOW_SHARE * (began - self._counted_at))
        self._counted_at = began
        if self._slow_s > SLOW_AT_MOST_S:
            return None
        try:
            with closing(self._engine.raw_connection()) as connection:
                cursor: Any = connection.cursor()
                cursor.execute("BEGIN")
                return read(partial(self._fetch, cursor))
        except (SQLAlchemyError, sqlite3.Error, DatabaseError):
            return None  # who waits for an answer is told why there is none
        finally:
            took = time.monotonic() - began
            if took > SLOW_S:
                self._slow_s += took

    def _fetch(
        self, cursor: sqlite3.Cursor, statement: SelectBase, parameters: Mapping[str, Any]
    ) -> Sequence[Sequence[Any]]:
        compiled = self._compiled.get(statement)
        if compiled is None:
            compiled = self._compiled[statement] = statement.compile(self._engine)
        values = compiled.construct_params(parameters)
        cursor.execute(compiled.string, [values[name] for name in compiled.positiontup or ()])
        return cursor.fetchall()

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()
