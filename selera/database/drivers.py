"""What differs between the databases when a connection is made: drivers, timeouts, settings."""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Engine, event
from sqlalchemy.engine import Dialect

from ..contracts.errors import DatabaseError
from .failures import describe
from .lenient import read_odd_times_as_text
from .patience import OpenConnections, impatient_psycopg
from .sqlite_file import set_up_sqlite

CONNECT_TIMEOUT_S = 5
GREETING_TIMEOUT_S = 5
BUSY_TIMEOUT_S = 10

SILENCE_AFTER_TIMEOUT_S = 1
"""PostgreSQL ends a statement that takes too long; where it does not say so by then, it is away."""

_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
"""Who waits for an answer without a timeout finds out within a minute that the machine is gone."""

DRIVERS = {
    "sqlite": "sqlite+pysqlite",
    "sqlite+pysqlite": "sqlite+pysqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mysql+pymysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    "mariadb+pymysql": "mariadb+pymysql",
}
"""Every scheme that a database URL may begin with, and the driver that answers it."""


def connect_arguments(url: URL, answer_timeout_s: int | None) -> dict[str, Any]:
    """What the driver of `url` gets, options of the URL itself first.

    `answer_timeout_s` bounds how long one statement may take; None waits for ever.
    """
    match url.get_backend_name():
        case "sqlite":
            arguments: dict[str, Any] = {"timeout": BUSY_TIMEOUT_S, "check_same_thread": False}
        case "postgresql":
            settings = ["-c timezone=UTC", "-c datestyle=ISO"]
            if answer_timeout_s:
                settings.append(f"-c statement_timeout={answer_timeout_s}s")
            arguments = {
                "connect_timeout": CONNECT_TIMEOUT_S,
                "options": " ".join(settings),
                "application_name": "selera",
                "tcp_user_timeout": 1000 * (answer_timeout_s or 60),
                **_KEEPALIVE,
            }
        case _:
            arguments = {
                "connect_timeout": CONNECT_TIMEOUT_S,
                "charset": "utf8mb4",
                "read_timeout": answer_timeout_s,
                "write_timeout": answer_timeout_s,
            }
    return {name: value for name, value in arguments.items() if name not in url.query}


def pool_arguments(url: URL) -> dict[str, Any]:
    """The size and patience of the pool; a server's stale connections are found before use.

    8 are kept open; how many there are at most is decided by who asks: one a thread.
    """
    is_server = url.get_backend_name() != "sqlite"
    return {
        "pool_size": 8,
        "max_overflow": -1,
        "pool_pre_ping": is_server,
        "pool_recycle": 1800 if is_server else -1,
    }


def set_up(
    engine: Engine, connections: OpenConnections, *, create: bool, answer_timeout_s: int | None
) -> None:
    """Register what has to happen on each new connection of this engine.

    Those to a server become some of `connections`; SQLite has no line that could fall silent.
    """
    match engine.dialect.name:
        case "sqlite":
            set_up_sqlite(engine, create=create)
        case "postgresql":
            _set_up_postgresql(engine, connections, answer_timeout_s)
        case _:
            _set_up_mysql(engine, connections)


def _set_up_postgresql(
    engine: Engine, connections: OpenConnections, answer_timeout_s: int | None
) -> None:
    driver: Any = engine.dialect.loaded_dbapi.Connection
    if answer_timeout_s:
        driver = impatient_psycopg(answer_timeout_s + SILENCE_AFTER_TIMEOUT_S)

    def connect(_: Dialect, __: object, places: Any, options: dict[str, Any]) -> Any:
        connections.check()
        connection = driver.connect(*places, **options)
        connections.add(connection)
        read_odd_times_as_text(connection)
        return connection

    event.listen(engine, "do_connect", connect)


def _set_up_mysql(engine: Engine, connections: OpenConnections) -> None:
    def connect(dialect: Dialect, _: object, places: Any, options: dict[str, Any]) -> Any:
        connections.check()
        # PyMySQL waits for a greeting as long as for an answer, and that may be for ever.
        patience = options.get("read_timeout")
        greeting = min(patience or GREETING_TIMEOUT_S, GREETING_TIMEOUT_S)
        try:
            connection: Any = dialect.connect(*places, **options | {"read_timeout": greeting})
        except dialect.loaded_dbapi.Error as error:
            if not _is_no_greeting(error):
                raise
            raise DatabaseError(
                f"Cannot connect to {describe(engine.url)}: something that is no MySQL server "
                f"answers there, or nothing in time. Check the host and the port of the URL."
            ) from error
        connections.add(connection)
        with connection.cursor() as cursor:
            # TIMESTAMP columns are told in the session's time zone, whatever the URL's options say.
            cursor.execute("SET time_zone = '+00:00'")
        connection._read_timeout = patience
        return connection

    event.listen(engine, "do_connect", connect)


def _is_no_greeting(error: Exception) -> bool:
    """Whether a server fell silent or hung up while connecting, or spoke another protocol."""
    from pymysql.constants import CR  # type: ignore[import-untyped]

    return error.args[:1] == (CR.CR_SERVER_LOST,) or "Packet sequence number" in str(error)
