"""Reading more rows than memory holds: a cursor that the database serves batch by batch.

It is the driver's own: the columns of a `TableLayout` carry no SQL types, so that its rows need no
conversion, and rows without one are read twice as fast.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import ClauseElement, Connection

CURSOR_NAME = "selera"


def stream(connection: Connection, query: ClauseElement, size: int) -> Iterator[Sequence[Any]]:
    """The rows of a query without parameters, at most `size` at a time.

    Raises what the driver raises. No other statement may be run before the iterator is closed.
    """
    with _cursor(connection) as cursor:
        cursor.execute(str(query.compile(dialect=connection.dialect)))
        while rows := cursor.fetchmany(size):
            yield rows


@contextmanager
def _cursor(connection: Connection) -> Iterator[Any]:
    driver_error = connection.dialect.loaded_dbapi.Error
    driver: Any = connection.connection.driver_connection
    match connection.dialect.name:
        case "sqlite":
            cursor = driver.cursor()
        case "postgresql":
            cursor = driver.cursor(name=CURSOR_NAME)
        case _:
            from pymysql.cursors import SSCursor  # type: ignore[import-untyped]

            cursor = driver.cursor(SSCursor)
    try:
        yield cursor
    except driver_error:
        abandon(connection)
        raise
    finally:
        with suppress(driver_error):  # the connection may be gone
            cursor.close()


def abandon(connection: Connection) -> None:
    """Throw a connection away that is lost, or in the middle of a stream that nobody will read."""
    if connection.invalidated:
        return
    # PyMySQL would read a stream to its end before it lets it go, even from a lost connection.
    result = getattr(connection.connection.driver_connection, "_result", None)
    if result is not None:
        result.unbuffered_active = False
    connection.invalidate()
