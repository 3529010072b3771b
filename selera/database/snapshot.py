"""Everything that the database holds at one moment, streamed.

All of a snapshot is read in one read-only, repeatable-read transaction: rows that are committed in
the meantime are seen in no table. (MariaDB's MyISAM and Aria tables cannot promise that.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from ..contracts.ids import IdKind
from ..contracts.tables import Table
from .failures import translated
from .layout import ShopLayout, read_layout
from .streaming import abandon, stream
from .values import all_plain, plain

BATCH_ROWS = 50_000


class Snapshot:
    """The six tables at one moment; made by `snapshot`."""

    def __init__(self, connection: Connection, layout: ShopLayout) -> None:
        self._connection = connection
        self._layout = layout

    def columns(self, table: Table) -> tuple[str, ...]:
        """Names of the known columns that exist in this database, in contract order."""
        return self._layout[table].names

    def count(self, table: Table) -> int:
        """Number of rows."""
        with translated(self._connection.engine.url, f"count the rows of {table.name} in"):
            query = select(func.count()).select_from(self._layout[table].source)
            return int(self._connection.execute(query).scalar_one())

    def id_kind(self, column: str) -> IdKind:
        """`int` where every table with this column (user_id, product_id) declares it an integer."""
        return self._layout.id_kind(column)

    def batches(self, table: Table, size: int = BATCH_ROWS) -> Iterator[list[tuple[Any, ...]]]:
        """Stream the rows, at most `size` at a time, columns in the order of `columns(table)`.

        Values are None, bool, int, float, Decimal, str, date or datetime; whatever else a database
        holds comes as its text. Rows come in no particular order. A table must be read to its end
        (or the iterator closed) before anything else is asked of the snapshot.
        """
        query = select(*self._layout[table].columns())
        driver_error = self._connection.dialect.loaded_dbapi.Error
        with translated(self._connection.engine.url, f"read {table.name} from", driver_error):
            for rows in stream(self._connection, query, size):
                yield _plain_rows(rows)


def _plain_rows(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    if all_plain(chain.from_iterable(rows)):
        return list(rows)
    columns = zip(*rows, strict=True)
    plain_columns = [
        column if all_plain(column) else tuple(map(plain, column)) for column in columns
    ]
    return list(zip(*plain_columns, strict=True))


@contextmanager
def snapshot(engine: Engine) -> Iterator[Snapshot]:
    """Open a snapshot of the shop.

    Raises `DatabaseError` where the database does not answer or lacks tables or columns.
    """
    with translated(engine.url, "read"):
        connection = engine.connect()
    try:
        with translated(engine.url, "read"):
            _begin(connection)
            layout = read_layout(connection)
        yield Snapshot(connection, layout)
    except BaseException:
        abandon(connection)
        raise
    finally:
        connection.close()


def _begin(connection: Connection) -> None:
    match connection.dialect.name:
        case "postgresql":
            connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        case "mysql" | "mariadb":
            connection.execution_options(isolation_level="REPEATABLE READ")
            connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
