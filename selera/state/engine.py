"""Selera's own small database: one SQLite file, opened by every process that needs it.

The file is in WAL mode, so that readers never wait for a writer; writers take turns, each for a
few milliseconds. A transaction is whole or not there at all after a crash of the program; after a
crash of the machine the latest ones may be missing (`synchronous = NORMAL`).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from filelock import FileLock
from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError

from ..contracts.errors import StateError
from .failures import explained
from .schema import bring_up_to_date

BUSY_TIMEOUT_S = 5.0
"""How long a writer waits for the one before it."""

_OWNER_ONLY = 0o600
_WRITES = "selera_writes"
_INODE = "inode"


class State:
    """The open file; threads share one, and each process opens its own.

    path : where the file lies
    """

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._engine = engine
        self._writer = engine.execution_options(**{_WRITES: True})

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open the file; make it, readable for its owner alone, where it is not there yet.

        A file of an older version is brought up to date. Raises StateError where the file cannot
        be read and written, is no database of ours, or was made by a newer Selera.
        """
        path = path.absolute()
        if not path.parent.is_dir():
            raise StateError(
                f"There is no folder {path.parent} for {path.name}, Selera's own database. Make "
                "it, or name another file as the setting state_file."
            )
        with _told(path, "open"), FileLock(_lock_path(path), mode=_OWNER_ONLY):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY))
            bring_up_to_date(path, BUSY_TIMEOUT_S)
        return cls(path, _engine(path))

    @contextmanager
    def reading(self, doing: str) -> Iterator[Connection]:
        """A connection that sees one moment; `doing` completes "Cannot ...": "read keys from".

        Raises StateError where the database does not answer.
        """
        with _told(self.path, doing), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, doing: str) -> Iterator[Connection]:
        """A connection that is the only writer until the block ends; then all of it is kept.

        Where the block raises, nothing is kept. Raises StateError as `reading` does, and where
        other writers leave no turn within `BUSY_TIMEOUT_S`.
        """
        with _told(self.path, doing), self._writer.begin() as connection:
            yield connection

    def settle(self) -> None:
        """Write the main file anew and empty the log: what was deleted is then in neither.

        Raises StateError where another process that reads or writes keeps it from that.
        """
        with _told(self.path, "take what was deleted out of"):
            connection = self._engine.raw_connection()
            try:
                cursor = connection.cursor()
                cursor.execute("VACUUM")  # pages keep copies of rows that were moved to others
                is_busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                connection.close()
        if is_busy:
            raise StateError(
                f"{self.path}-wal still holds copies of what was deleted from Selera's own "
                "database, because another program is using it. Erase the user again when it has "
                "finished."
            )

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def _told(path: Path, doing: str) -> Iterator[None]:
    """Turn what the database, the driver or the system refuses into a `StateError`."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise explained(error, path, doing) from error


def _engine(path: Path) -> Engine:
    # The mode keeps a connection from making an empty file where ours was taken away.
    address = f"{path.as_uri()}?mode=rw"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            address, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )

    engine = create_engine(
        "sqlite://", creator=connect, poolclass=QueuePool, max_overflow=-1, hide_parameters=True
    )

    def set_up(connection: Any, record: Any) -> None:
        # The driver begins transactions only before writes; ours begin by themselves, see _begin.
        connection.isolation_level = None
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        record.info[_INODE] = _inode(path)

    def check_out(_: object, record: Any, __: object) -> None:
        if record.info[_INODE] != _inode(path):
            raise DisconnectionError(f"{path} is another file now")

    event.listen(engine, "connect", set_up)
    event.listen(engine, "checkout", check_out)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    is_writer = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")


def _inode(path: Path) -> int | None:
    """Which file lies at `path`; None where there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _lock_path(path: Path) -> Path:
    return path.parent / f".{path.name}.lock"
