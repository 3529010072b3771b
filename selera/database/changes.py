"""Noticing that the shop's tables may have changed, without reading them all the time.

Equal tokens of one probe: nothing was committed in between. Different tokens: something may have
been. A token may be compared with one of an earlier process too, as a hint that can only err
towards "changed" on SQLite (where it belongs to the probe) and is good as it is on the servers.

SQLite      `PRAGMA data_version` on a connection that is held, which changes whenever anybody else
            commits; in front of it the file's own mark at the time when the probe was made.
PostgreSQL  the counters of inserted, updated and deleted rows that the server keeps per table, and
            the number of the file that a TRUNCATE changes. A session may report its counters up to
            ten seconds late, never not at all. Where they do not tell, something wider does: of a
            view or a partitioned table the counters of all tables, on a standby its replay
            position, where counting is switched off the newest transaction.
MariaDB     `CHECKSUM TABLE`, which reads the table; and only where the redo log's position, which
            moves with every commit, has moved. The time that a checksum takes is kept below a
            twentieth of all time, so that on a huge and busy shop a change is seen later.
"""

from __future__ import annotations

from typing import Self

from sqlalchemy import Connection, Engine

from .change_tokens import token_source
from .failures import translated


class ChangeProbe:
    """Tells tokens of the state of the six tables; holds a connection until it is closed.

    One thread may use it. Methods raise `DatabaseError` where the database does not answer; the
    next call connects anew.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Connection | None = None
        self._source = token_source(engine)

    def token(self) -> str:
        """A text that differs from the last one where a table may have changed since."""
        with translated(self._engine.url, "look for changes in"):
            try:
                if self._connection is None or self._source.is_stale():
                    self.close()
                    self._connection = self._engine.connect()
                token = self._source.token(self._connection)
                # Each look is a transaction of its own: an open one would see the old state.
                self._connection.rollback()
            except BaseException:
                self.close()
                raise
            return token

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
