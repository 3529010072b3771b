"""What a SQLite file needs: settings of each connection, and an eye on the file itself.

A file may be deleted or replaced while a program runs. A connection would go on with the file that
it once opened, and a new one would make an empty file: both are noticed when a connection is asked
for.
"""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DisconnectionError

from ..contracts.errors import DatabaseError

_INODE = "inode"


def set_up_sqlite(engine: Engine, *, create: bool) -> None:
    """Register what has to happen on each connection of a SQLite engine."""
    path = str(engine.url.database)

    def open_file(*_: object) -> None:
        if not create and inode(path) is None:
            raise DatabaseError(f"There is no database at {path} any more. Put the file back.")

    def check_out(_: object, record: Any, __: object) -> None:
        if record.info[_INODE] != inode(path):
            raise DisconnectionError(f"{path} is another file now")

    def set_up_connection(connection: Any, record: Any) -> None:
        record.info[_INODE] = inode(path)
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


def turn_wal_on(engine: Engine) -> None:
    """Let readers go on reading while a row is being written; the file remembers it."""
    # No transaction may be open, and SQLAlchemy's connections begin one.
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


def _decode(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
