"""Following what happens in the shop's tables: whose history has changed since the last look.

Two things are followed. The outbox tells of every event that was written by an `EventStore`, in
this process or another. What others insert straight into the four behavior tables is told by the
table's key, where that is an integer with an index which grows (on SQLite by the number of the
row). Either is told after its commit and never lost: what commits late, below what was told
already, is told when it appears, up to a minute later (`watermarks`).

Not seen: rows that are changed in place, rows that are deleted (other than the latest ones), rows
inserted with a key below those that were told or by a transaction that takes longer than a minute,
keys that are given out again at once after their row was deleted, views, and on servers tables
whose key has no index or is no integer. Whoever remembers histories must let them age for those.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Self

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Select,
    String,
    cast,
    inspect,
    literal_column,
    select,
    types,
)
from sqlalchemy.engine.reflection import Inspector

from ..contracts.behaviors import BEHAVIOR_SOURCES
from ..contracts.events import Changes
from ..contracts.ids import Id, parse_id
from .changes import ChangeProbe
from .failures import translated
from .keys import counts_rows
from .layout import ShopLayout, TableLayout
from .outbox import NOBODY, OUTBOX, Outbox
from .values import read_id
from .watermarks import Watermark


class ChangeFeed:
    """Tells what changed in the shop's tables; one thread may ask, and closes it at the end.

    A look costs one statement that reads the highest key of five tables from their indexes; on
    SQLite none where nobody has committed anything.
    """

    def __init__(self, engine: Engine, layout: ShopLayout) -> None:
        self._engine = engine
        self._layout = layout
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._probe = ChangeProbe(engine) if self._is_sqlite else None
        self._token = ""
        self._connection: Connection | None = None
        self._watermarks: dict[str, Watermark] = {}
        self._highest: Select[Any] | None = None

    def poll(self) -> Changes:
        """What changed since the last call; everything at the first one and after a failure.

        Raises `DatabaseError` where the database does not answer; nothing is lost by that.
        """
        try:
            token = self._probe.token() if self._probe else ""
            if token and token == self._token:
                return Changes()
            if _file(token) != _file(self._token):
                self._disconnect()  # another file lies there now
            with translated(self._engine.url, "follow the changes of"):
                changes = self._look()
        except BaseException:
            self._disconnect()
            raise
        self._token = token
        return changes

    def close(self) -> None:
        """Give the connections back."""
        self._disconnect()
        if self._probe:
            self._probe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _disconnect(self) -> None:
        self._token, self._watermarks, self._highest = "", {}, None
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()

    def _look(self) -> Changes:
        is_first = self._connection is None
        connection = self._connection = self._connection or self._engine.connect()
        now = time.monotonic()
        if is_first:
            self._watermarks = self._behavior_watermarks(inspect(connection))
        self._find_outbox(connection)
        users, is_everything = set[Id](), is_first
        highest = self._read_highest(connection)
        for name, watermark in self._watermarks.items():
            told = None if is_first else watermark.news(connection, highest[name], now)
            if told is None:
                is_everything = True
                watermark.start(connection, highest[name], now)
                continue
            is_everything = is_everything or (name == OUTBOX and NOBODY in told)
            users.update(id for id in map(self._read, told) if id is not None)
        # Each look is a transaction of its own: an open one would see the old state.
        connection.rollback()
        return Changes(frozenset(users), is_everything)

    def _find_outbox(self, connection: Connection) -> None:
        """Follow the outbox too, as soon as somebody has made it."""
        if OUTBOX in self._watermarks or not inspect(connection).has_table(OUTBOX):
            return
        table = Outbox(self._engine.dialect).table
        self._watermarks[OUTBOX] = Watermark(
            table, table.c.sequence, table.c.user_id, has_holes=not self._is_sqlite
        )
        self._highest = None

    def _behavior_watermarks(self, inspector: Inspector) -> dict[str, Watermark]:
        found = {}
        for source in BEHAVIOR_SOURCES:
            layout = self._layout[source.table]
            key = growing_key(inspector, layout)
            if key is not None:
                user: ColumnElement[Any] = layout.column("user_id")
                found[source.table.name] = Watermark(
                    layout.source,
                    key,
                    user if self._is_sqlite else cast(user, String),
                    has_holes=not self._is_sqlite,
                )
        return found

    def _read_highest(self, connection: Connection) -> dict[str, int | None]:
        if not self._watermarks:
            return {}
        if self._highest is None:
            self._highest = select(*(each.highest for each in self._watermarks.values()))
        row = connection.execute(self._highest).one()
        return dict(zip(self._watermarks, row, strict=True))

    def _read(self, value: object) -> Id | None:
        kind = self._layout.id_kind("user_id")
        return parse_id(value, kind) if isinstance(value, str) else read_id(value, kind)


def growing_key(inspector: Inspector, layout: TableLayout) -> ColumnElement[Any] | None:
    """An indexed integer of a table that should grow with every row; None where there is none."""
    table = layout.table.name
    if inspector.dialect.name == "sqlite" and counts_rows(inspector, table):
        return literal_column("_rowid_")
    key = layout.column(layout.table.key)
    if not isinstance(layout.types[layout.table.key], types.Integer):
        return None
    indexes: list[Sequence[str | None]] = [
        inspector.get_pk_constraint(table)["constrained_columns"],
        *(each["column_names"] for each in inspector.get_indexes(table)),
    ]
    return key if any(list(columns[:1]) == [key.name] for columns in indexes) else None


def _file(token: str) -> str:
    """What a token of SQLite says of the file, apart from its content."""
    return token.rpartition(":")[0]
