"""What a SQLite file needs: settings of each connection, and an eye on the file itself.

A file may be deleted or replaced while a program runs. A connection would go on with the file that
it once opened, and a new one would make an empty file: both are noticed when a connection is asked
for.

Readers of a file in WAL mode write too, a small file beside it. In a folder where they may not, a
file that nobody is writing is opened as one that does not change; once it does change after all,
connections are made anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DisconnectionError

from ..contracts.errors import DatabaseError

Mark = tuple[int, ...]

WILL_WRITE = "selera_will_write"
"""The execution option of a connection whose transactions write: they wait for other writers when
they begin, where a transaction that has read before it writes could only fail."""

_MARK = "mark"
_IS_FROZEN = "is_frozen"
_WAL_VERSIONS = b"\x02\x02"
_VERSIONS_AT = 18


def set_up_sqlite(engine: Engine, *, create: bool) -> None:
    """Register what has to happen on each connection of a SQLite engine."""
    path = str(engine.url.database)

    def open_file(dialect: Dialect, record: Any, _: object, options: dict[str, Any]) -> Any:
        if not create and inode(path) is None:
            raise DatabaseError(f"There is no database at {path} any more. Put the file back.")
        is_frozen = _must_be_frozen(path)
        record.info[_IS_FROZEN] = is_frozen
        record.info[_MARK] = _mark(path, is_frozen)
        if not is_frozen:
            return None  # the driver opens it as ever
        return dialect.connect(
            f"{Path(path).absolute().as_uri()}?immutable=1", **options | {"uri": True}
        )

    def check_out(_: object, record: Any, __: object) -> None:
        if record.info[_MARK] != _mark(path, record.info[_IS_FROZEN]):
            raise DisconnectionError(f"{path} is another file now")

    def set_up_connection(connection: Any, record: Any) -> None:
        if record.info[_MARK] is None:  # this connection has made the file
            record.info[_MARK] = _mark(path, False)
        # The driver begins transactions only before writes; reads need one too, to see one moment.
        connection.isolation_level = None
        # Other programs may have stored bytes that are no UTF-8.
        connection.text_factory = _decode
        connection.execute("PRAGMA foreign_keys = ON")

    event.listen(engine, "do_connect", open_file)
    event.listen(engine, "checkout", check_out)
    event.listen(engine, "connect", set_up_connection)
    event.listen(engine, "begin", _begin)


def inode(path: str) -> int | None:
    """Which file lies at `path`; None where there is none."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


def is_outdated(connection: Connection) -> bool:
    """Whether the file that the connection reads is no longer the one at its path.

    A connection to a file that was opened as one that does not change is outdated by any change.
    """
    path = str(connection.engine.url.database)
    mark: Mark | None = connection.info[_MARK]
    return mark != _mark(path, connection.info[_IS_FROZEN])


def _mark(path: str, is_frozen: bool) -> Mark | None:
    """What a connection's file must keep; None where there is no file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    if not is_frozen:
        return (status.st_ino,)
    return status.st_ino, status.st_size, status.st_mtime_ns, int(_is_in_use(path))


def _must_be_frozen(path: str) -> bool:
    """Whether the file is in WAL mode, in a folder that is not ours to write, and not in use."""
    if os.access(Path(path).absolute().parent, os.W_OK) or _is_in_use(path):
        return False
    try:
        with open(path, "rb") as file:
            file.seek(_VERSIONS_AT)
            return file.read(len(_WAL_VERSIONS)) == _WAL_VERSIONS
    except OSError:
        return False


def _is_in_use(path: str) -> bool:
    """Whether somebody has the database open in WAL mode, or left without tidying up."""
    return os.path.exists(f"{path}-shm") or os.path.exists(f"{path}-wal")


def turn_wal_on(engine: Engine) -> None:
    """Let readers go on reading while a row is being written; the file remembers it."""
    # No transaction may be open, and SQLAlchemy's connections begin one.
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


@contextmanager
def strict_texts(connection: Connection) -> Iterator[None]:
    """Read texts of SQLite twice as fast in the block; one that is no UTF-8 fails the statement."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        driver.text_factory = str
    try:
        yield
    finally:
        if connection.dialect.name == "sqlite":
            driver.text_factory = _decode


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _begin(connection: Connection) -> None:
    will_write = connection.get_execution_options().get(WILL_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if will_write else "BEGIN")
