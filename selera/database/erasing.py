"""Erasing a user from the shop's database: profile, behaviors and the outbox, all or nothing.

What is deleted here may still lie elsewhere. Pages of a SQLite file keep copies of rows that were
moved to other pages when the file grew, so `leave_no_copies` writes the file anew and empties its
log. PostgreSQL keeps dead rows in its files until `VACUUM` (it runs by itself), MariaDB until its
purge, and both in their logs until these are recycled. Backups and replicas are the shop's to
clean.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    String,
    bindparam,
    cast,
    delete,
    func,
    inspect,
    select,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..contracts.behaviors import BEHAVIOR_SOURCES
from ..contracts.errors import DatabaseError
from ..contracts.ids import Id
from ..contracts.tables import USER_PROFILE, Table
from .failures import describe, explain, translated
from .identity import IdFilter, can_be_stored
from .layout import ShopLayout
from .outbox import OUTBOX, Outbox
from .sqlite_cures import sqlite_cure
from .transactions import writing

ERASED_TABLES: tuple[Table, ...] = (*(source.table for source in BEHAVIOR_SOURCES), USER_PROFILE)
"""Every table of the shop that says something of a user, children first."""

QUICKLY_REWRITTEN_BYTES = 2**30
"""A SQLite file of this size is written anew in some 10 s, for which its writers wait."""


def erase_user(engine: Engine, layout: ShopLayout, user_id: Id) -> dict[str, int]:
    """Delete all rows of a user in one transaction; the number of rows by table.

    It may be repeated. Whoever follows a `ChangeFeed` is told to forget everything. Raises
    `DatabaseError` where the database does not answer, and where a table is a view that cannot be
    deleted from (then nothing is deleted). Copies in a SQLite file stay until `leave_no_copies`.
    """
    kind = layout.id_kind("user_id")
    if not can_be_stored(user_id, kind):
        return dict.fromkeys([table.name for table in ERASED_TABLES], 0)
    with translated(engine.url, "erase a user from"):
        inspector = inspect(engine)
        has_outbox, views = inspector.has_table(OUTBOX), inspector.get_view_names()
        with writing(engine) as connection:
            _overwrite_deleted(connection)
            erased = {
                table.name: _erase(connection, layout, table, user_id, table.name in views)
                for table in ERASED_TABLES
            }
            if has_outbox:
                erased[OUTBOX] = Outbox(engine.dialect).erase(connection, str(user_id))
    return erased


def leave_no_copies(engine: Engine, *, in_haste: bool = False) -> None:
    """Write a SQLite file anew, so that nothing of deleted rows is in it or in its log.

    Until it is done its writers wait, and it needs as much room again on the disk and among the
    temporary files. `in_haste` leaves a file above `QUICKLY_REWRITTEN_BYTES` as it is. Raises
    `DatabaseError` where something may still be there. Other databases look after themselves.
    """
    if engine.dialect.name != "sqlite":
        return
    path = str(engine.url.database)
    _empty_log(engine)  # while somebody is reading, the log would grow by the whole file
    if in_haste and (size_bytes := Path(path).stat().st_size) > QUICKLY_REWRITTEN_BYTES:
        raise DatabaseError(
            f"The user's rows are deleted, but unused space of {path} may still hold copies of "
            f"them: writing {size_bytes / 2**30:.1f} GiB anew would make writers wait for too "
            f"long. Erase the user again at a quiet hour, by hand and without --patience: selera "
            f"erase USER_ID"
        )
    try:
        _run(engine, "VACUUM")
    except (SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:
        cure = sqlite_cure(path, getattr(error, "sqlite_errorname", "")) or "See to the disk."
        raise DatabaseError(
            f"The user's rows are deleted, but unused space of {path} may still hold copies of "
            f"them: VACUUM failed, {explain(error, engine.url)}. {cure} Erase the user again at a "
            f"quiet hour, with room for the file twice more, there and among temporary files."
        ) from error
    _empty_log(engine)


def _erase(
    connection: Connection, layout: ShopLayout, table: Table, user_id: Id, is_view: bool
) -> int:
    filter = IdFilter(layout[table], "user_id", layout.id_kind("user_id"))
    bound: dict[str, Any] = filter.bind([user_id])
    conditions: list[ColumnElement[bool]] = [filter.condition]
    if isinstance(user_id, str):
        # A collation may find more than is equal: what is deleted must be.
        conditions.append(_as_hex(layout[table].column("user_id"), connection) == bindparam("hex"))
        bound["hex"] = user_id.encode().hex()
    source = layout[table].source
    count = select(func.count()).select_from(source).where(*conditions)
    found = int(connection.execute(count, bound).scalar_one())
    if not found:
        return 0
    try:
        connection.execute(delete(source).where(*conditions), bound)
        remaining = connection.execute(count, bound).scalar_one()
    except DBAPIError as error:
        if not is_view:
            raise
        said = explain(error, connection.engine.url)
        raise _not_erasable(connection, f"view {table.name}", said) from error
    if remaining:
        thing = f"{'view' if is_view else 'table'} {table.name}"
        raise _not_erasable(connection, thing, f"{remaining} rows stay")
    return found


def _as_hex(column: ColumnElement[Any], connection: Connection) -> ColumnElement[Any]:
    """The bytes of a text in UTF-8, as hexadecimal digits in lower case."""
    text = cast(column, String)
    if connection.dialect.name == "postgresql":
        return func.encode(func.convert_to(text, "UTF8"), "hex")
    return func.lower(func.hex(text))


def _not_erasable(connection: Connection, thing: str, said: str) -> DatabaseError:
    return DatabaseError(
        f"Cannot erase from the {thing} of {describe(connection.engine.url)}: {said}. "
        f"Delete the user's rows from the tables that it reads, or let it pass deletions on "
        f"(an INSTEAD OF DELETE trigger), and erase again."
    )


def _overwrite_deleted(connection: Connection) -> None:
    """Leave nothing of what is deleted in SQLite's file, which otherwise only forgets its place."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA secure_delete = ON")


def _empty_log(engine: Engine) -> None:
    """Move what is in SQLite's log into the file and cut the log to nothing."""
    with translated(engine.url, "empty the log of", engine.dialect.loaded_dbapi.Error):
        is_busy = _run(engine, "PRAGMA wal_checkpoint(TRUNCATE)")[0]
    if is_busy:
        raise DatabaseError(
            f"The user's rows are deleted, but {engine.url.database}-wal still holds copies of "
            f"them, because another program is using the database. Erase the user again when it "
            f"has finished."
        )


def _run(engine: Engine, statement: str) -> Any:
    """The first row of a statement that SQLite refuses in a transaction; None where it has none."""
    # SQLAlchemy's connections begin one.
    connection = engine.raw_connection()
    try:
        return connection.cursor().execute(statement).fetchone()
    finally:
        connection.close()
