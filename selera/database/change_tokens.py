"""Where a change token comes from, one class for each kind of database; `changes` says why."""

from __future__ import annotations

import os
import time
from typing import Protocol

from sqlalchemy import Connection, Engine, bindparam, text

from ..contracts.tables import TABLES
from .sqlite_file import is_outdated

CHECKSUM_SHARE = 20

_NAMES = [table.name for table in TABLES]

_POSTGRESQL = text("""
WITH wanted AS (
  SELECT oid, relkind, relname FROM pg_class
  WHERE relname IN :names AND pg_table_is_visible(oid)
)
SELECT CASE
  WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()::text
  WHEN current_setting('track_counts') = 'off' THEN pg_current_snapshot()::text
  ELSE (
    SELECT coalesce(string_agg(concat_ws(
      ',', relid, pg_relation_filenode(relid), n_tup_ins, n_tup_upd, n_tup_del), ';' ORDER BY relid
    ), '')
    FROM pg_stat_user_tables
    WHERE relid IN (SELECT oid FROM wanted)
       OR EXISTS (SELECT FROM wanted WHERE relkind NOT IN ('r', 'i', 'S', 't', 'c'))
  )
END
""").bindparams(bindparam("names", _NAMES, expanding=True))

_MYSQL_TABLES = text("""
SELECT table_name, table_type, engine FROM information_schema.tables
WHERE table_schema = database() AND (table_name IN :names OR table_type = 'BASE TABLE')
ORDER BY table_name
""").bindparams(bindparam("names", _NAMES, expanding=True))

_MYSQL_LOG_POSITION = text(
    "SHOW GLOBAL STATUS WHERE variable_name IN ('Innodb_lsn_current', 'Innodb_os_log_written')"
)


class TokenSource(Protocol):
    """What a `ChangeProbe` asks."""

    def is_stale(self) -> bool:
        """Whether the held connection cannot see changes any more."""
        ...

    def token(self, connection: Connection) -> str:
        """The token of what the connection sees now, in a transaction of its own."""
        ...


def token_source(engine: Engine) -> TokenSource:
    """The source for this kind of database."""
    match engine.dialect.name:
        case "sqlite":
            return SqliteVersion(str(engine.url.database))
        case "postgresql":
            return PostgresqlCounters()
        case _:
            return MysqlChecksums()


class SqliteVersion:
    """Commits of others, counted on whatever connection is held."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: Connection | None = None
        self._mark = ""

    def is_stale(self) -> bool:
        """Whether another file has taken the place of the one that is held open."""
        held = self._connection
        return held is not None and not held.closed and is_outdated(held)

    def token(self, connection: Connection) -> str:
        """The file's mark and the version of its content."""
        if connection is not self._connection:
            # Versions of two connections cannot be compared, the file's marks can.
            self._connection, self._mark = connection, self._file_mark()
        version = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
        return f"{self._mark}:{version}"

    def _file_mark(self) -> str:
        marks = []
        for path in (self._path, f"{self._path}-wal"):
            try:
                status = os.stat(path)
            except OSError:
                continue
            marks.append(f"{status.st_ino}.{status.st_size}.{status.st_mtime_ns}")
        return "-".join(marks)


class PostgresqlCounters:
    """What the server counts of its tables' rows."""

    def is_stale(self) -> bool:
        """Never: a lost connection says so itself."""
        return False

    def token(self, connection: Connection) -> str:
        """The counters, or something wider where they do not tell."""
        return str(connection.execute(_POSTGRESQL).scalar_one())


class MysqlChecksums:
    """The checksums of the tables, taken anew only where something may have been committed."""

    def __init__(self) -> None:
        self._token = ""
        self._position: object = None
        self._is_confirmed = False
        self._not_before = 0.0

    def is_stale(self) -> bool:
        """Never: a lost connection says so itself."""
        return False

    def token(self, connection: Connection) -> str:
        """The checksums as far as they are known."""
        position, tables = self._look(connection)
        has_moved = position is None or position != self._position
        # A commit moves the log an instant before others can see it: each position is read twice.
        if (has_moved or not self._is_confirmed) and time.monotonic() >= self._not_before:
            started = time.monotonic()
            checksums = connection.exec_driver_sql(f"CHECKSUM TABLE {', '.join(tables)}").all()
            seconds = time.monotonic() - started
            self._not_before = time.monotonic() + CHECKSUM_SHARE * seconds
            self._token = ",".join(f"{name}={value}" for name, value in checksums)
            self._is_confirmed = not has_moved
            self._position = position
        return self._token

    def _look(self, connection: Connection) -> tuple[object, list[str]]:
        """The log's position, None where it says nothing; and the tables that matter."""
        rows = connection.execute(_MYSQL_TABLES).all()
        base_tables = [name for name, kind, _ in rows if kind == "BASE TABLE"]
        wanted = [name for name in base_tables if name in _NAMES]
        if any(name in _NAMES and kind != "BASE TABLE" for name, kind, _ in rows):
            wanted = base_tables  # a view: what it reads is one of the tables, or all of them
        quote = connection.dialect.identifier_preparer.quote_identifier
        is_logged = all(engine == "InnoDB" for name, _, engine in rows if name in wanted)
        position = tuple(map(tuple, connection.execute(_MYSQL_LOG_POSITION)))
        return (position if is_logged and position else None), [quote(name) for name in wanted]
