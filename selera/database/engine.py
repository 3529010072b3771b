"""From a database URL to an engine that answers, or to a sentence that says why not."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError

from ..contracts.errors import DatabaseError
from .drivers import DRIVERS, connect_arguments, pool_arguments, set_up
from .failures import describe, translated
from .patience import OpenConnections
from .sqlite_file import turn_wal_on

EXAMPLES = (
    "sqlite:///shop.db, postgresql://user:password@host/shop or mysql://user:password@host/shop"
)
_AT_SIGN = " Write an @ inside the user or the password as %40."
_USER_AND_PASSWORD = re.compile(r"^([\w+]*:/*)?.*@", re.DOTALL)
_OPTIONS = re.compile(r"\?\w+=.*", re.DOTALL)
_EXTRAS = {"postgresql": "postgresql", "mysql": "mysql", "mariadb": "mysql"}


def open_engine(url: str, *, create: bool = False) -> Engine:
    """Connect to a shop's database, SQLite, PostgreSQL or MariaDB/MySQL.

    The caller disposes of the engine. `create` makes a SQLite file that is not there yet (in WAL
    mode); without it the file must exist. Raises `DatabaseError` where the URL cannot be used or
    the database does not answer.
    """
    return connect(parse_url(url), create=create)


def connect(
    url: URL,
    connections: OpenConnections | None = None,
    *,
    create: bool = False,
    answer_timeout_s: int | None = None,
) -> Engine:
    """Make the engine of a parsed URL and make sure that the database answers.

    `connections` gets to know those to a server. No answer takes longer than `answer_timeout_s`;
    None waits as long as the server's machine is there.
    """
    is_new = _is_new_sqlite_file(url, create)
    try:
        engine = create_engine(
            url,
            connect_args=connect_arguments(url, answer_timeout_s),
            hide_parameters=True,
            **pool_arguments(url),
        )
    except ModuleNotFoundError as error:
        extra = _EXTRAS[url.get_backend_name()]
        raise DatabaseError(
            f"The driver {error.name} for {describe(url)} is not installed. "
            f"Install it: pip install 'selera[{extra}]'."
        ) from error
    set_up(
        engine, connections or OpenConnections(), create=create, answer_timeout_s=answer_timeout_s
    )
    try:
        ping(engine)
        if is_new:
            turn_wal_on(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def ping(engine: Engine) -> None:
    """Raise `DatabaseError` where the database does not answer."""
    with translated(engine.url, "connect to"), engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1")


def parse_url(text: str) -> URL:
    """Read a database URL and choose the driver; `DatabaseError` where it is none of ours."""
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise DatabaseError(
            f"{_without_password(text)!r} is no database URL. Write it like {EXAMPLES}."
            f"{_AT_SIGN if text.count('@') > 1 else ''}"
        ) from error
    driver = DRIVERS.get(url.drivername)
    if driver is None:
        raise DatabaseError(
            f"Databases of the kind {url.drivername!r} are not supported. Write the URL like "
            f"{EXAMPLES}."
        )
    if url.get_backend_name() != "sqlite" and _OPTIONS.sub("", text).count("@") > 1:
        # Of several, the first would end the password, and what follows it would be shown.
        raise DatabaseError(f"{_without_password(text)!r} has more than one @.{_AT_SIGN}")
    if not url.database or url.database == ":memory:":
        raise DatabaseError(f"The URL {describe(url)} names no database. Write it like {EXAMPLES}.")
    return url.set(drivername=driver)


def _without_password(text: str) -> str:
    return _USER_AND_PASSWORD.sub(r"\1***@", text)


def _is_new_sqlite_file(url: URL, create: bool) -> bool:
    if url.get_backend_name() != "sqlite":
        return False
    path = Path(str(url.database))
    if os.path.isdir(path):
        raise DatabaseError(f"{path} is a folder, not a SQLite database. Name a file inside it.")
    if os.path.exists(path):
        return False
    if os.path.isdir(path.parent) and not os.access(path.parent, os.X_OK):
        raise DatabaseError(
            f"This user may not look into the folder {path.parent} of the database {path}. Give it "
            f"the permission."
        )
    if not create:
        raise DatabaseError(
            f"There is no database at {path}. Make a sample shop with `selera seed --database "
            f"sqlite:///{path}`, or give the URL of yours: {EXAMPLES}."
        )
    if not path.parent.is_dir():
        raise DatabaseError(f"The folder {path.parent} for the database {path} does not exist.")
    return True
