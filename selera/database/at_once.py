"""Reading at once or not at all: for an event loop, where everybody waits for what one reads.

A server's answer takes as long as its network and its queue do. A SQLite file is on this machine,
and mostly in its memory: what can delay it is a lock, which is not waited for here, and a slow
disk, which is noticed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Self, TypeVar

from sqlalchemy import URL, Connection, create_engine
from sqlalchemy.exc import SQLAlchemyError

from ..contracts.errors import DatabaseError
from .drivers import connect_arguments
from .sqlite_file import set_up_sqlite

T = TypeVar("T")

SLOW_S = 0.005
SLOW_SHARE = 0.01
SLOW_AT_MOST_S = 0.1
"""What slow reads may take, all together, of any stretch of time: a share of it and this much. A
busy machine makes single reads slow, a slow disk most of them."""


class ReadsAtOnce:
    """A connection of its own to a SQLite file, for one read at a time."""

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
        self._slow_s = 0.0
        self._counted_at = time.monotonic()

    @classmethod
    def of(cls, url: URL) -> Self | None:
        """Of this database; None where it is a server."""
        return cls(url) if url.get_backend_name() == "sqlite" else None

    def read(self, read: Callable[[Connection], T]) -> T | None:
        """What `read` returns; None where somebody has to wait for it, or it fails."""
        began = time.monotonic()
        self._slow_s = max(0.0, self._slow_s - SLOW_SHARE * (began - self._counted_at))
        self._counted_at = began
        if self._slow_s > SLOW_AT_MOST_S:
            return None
        try:
            with self._engine.connect() as connection:
                return read(connection)
        except (SQLAlchemyError, DatabaseError):
            return None  # who waits for an answer is told why there is none
        finally:
            took = time.monotonic() - began
            if took > SLOW_S:
                self._slow_s += took

    def close(self) -> None:
        """Close the connection."""
        self._engine.dispose()
