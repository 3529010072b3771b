"""One place where what a driver says becomes a sentence for a person, without the password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from ..contracts.errors import DatabaseError
from .sqlite_cures import sqlite_cure

_UNREACHABLE = {"OperationalError", "InterfaceError", "TimeoutError"}
_REACH_CURE = (
    "Check that the database runs and that the URL names the right host, user, password and "
    "database."
)
_DOCTOR_CURE = "`selera doctor` tells what is odd about the tables."
_SECRETS = ("password", "passwd", "passfile", "sslpassword")


def describe(url: URL) -> str:
    """A database's URL as a person may see it: the password hidden, no options."""
    return url.set(drivername=url.get_backend_name(), query={}).render_as_string()


def explain(error: Exception, url: URL) -> str:
    """What the driver said, its first line, with every secret of the URL taken out."""
    said = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    secrets = [url.password, *(url.query.get(name) for name in _SECRETS)]
    for secret in secrets:
        if isinstance(secret, str) and secret:
            said = said.replace(secret, "***")
    return said.splitlines()[0].rstrip(".")


@contextmanager
def translated(url: URL, doing: str, *driver_errors: type[Exception]) -> Iterator[None]:
    """Turn any failure of the database inside the block into a `DatabaseError`.

    `doing` completes the sentence "Cannot ...", such as "read ratings from". `driver_errors` are
    what the driver itself raises, where a block talks to it without SQLAlchemy in between.
    """
    failures: tuple[type[Exception], ...] = (SQLAlchemyError, *driver_errors)
    try:
        yield
    except failures as error:
        raise DatabaseError(
            f"Cannot {doing} {describe(url)}: {explain(error, url)}. {_cure(error, url)}"
        ) from error


def _cure(error: Exception, url: URL) -> str:
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if url.get_backend_name() == "sqlite":
        said = getattr(error, "orig", None) or error
        name = getattr(said, "sqlite_errorname", "")
        return sqlite_cure(str(url.database), name) or _DOCTOR_CURE
    return _DOCTOR_CURE if kinds.isdisjoint(_UNREACHABLE) else _REACH_CURE
