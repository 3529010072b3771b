"""The outbox: which events were written, in a table beside the behaviors and in their transaction.

It makes writing idempotent, since an event's id is in it once, and tells other processes whose
history has changed. Ids are kept for 30 days (`KEPT_DAYS`): an event that is told again later than
that is stored again.

    sequence    grows with every row; the order of sequences is not that of commits
    event_id    unique to the last character
    user_id     as a text; empty where a user was erased, so that whatever is remembered of anybody
                must be read anew
    product_id  as a text
    type        as in `contracts.events`, or `erasure`
    written_at  UTC seconds
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Sequence

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Identity,
    Integer,
    MetaData,
    String,
    func,
    inspect,
    select,
)
from sqlalchemy import Table as SqlTable
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateTable

from ..contracts.errors import DatabaseError
from ..contracts.events import Event
from .failures import describe, explain, translated
from .schema import ID_CHARACTERS, exact_collation

OUTBOX = "selera_outbox"
KEPT_DAYS = 30
ERASURE = "erasure"
NOBODY = ""

_IDS_PER_STATEMENT = 500
_DAY_S = 86_400


class Outbox:
    """The outbox of one database; `make` it before anything else is asked."""

    def __init__(self, dialect: Dialect) -> None:
        self.table = _sql_table(dialect)

    def make(self, engine: Engine) -> None:
        """Make the table where it is missing; several processes may do so at the same time.

        Raises `DatabaseError`, with the statement that somebody else may run, where the database's
        user may not.
        """
        with translated(engine.url, f"look for the table {OUTBOX} in"):
            if _exists(engine):
                return
        statement = CreateTable(self.table, if_not_exists=True)
        try:
            with engine.begin() as connection:
                connection.execute(statement)
        except DBAPIError as error:
            # Two servers' sessions that make one table at once: PostgreSQL refuses the second.
            with translated(engine.url, f"make the table {OUTBOX} in"):
                if _exists(engine):
                    return
                if engine.dialect.name == "sqlite":
                    raise
            sql = " ".join(str(statement.compile(dialect=engine.dialect)).split())
            raise DatabaseError(
                f"Cannot make the table {OUTBOX} in {describe(engine.url)}: "
                f"{explain(error, engine.url)}. Let somebody who may make tables there run: {sql}; "
                f"GRANT SELECT, INSERT, DELETE ON {OUTBOX} TO {engine.url.username};"
            ) from error

    def known(self, connection: Connection, event_ids: Sequence[str]) -> set[str]:
        """Those of the ids that were written before."""
        column, found = self.table.c.event_id, set[str]()
        for start in range(0, len(event_ids), _IDS_PER_STATEMENT):
            some = event_ids[start : start + _IDS_PER_STATEMENT]
            found.update(connection.execute(select(column).where(column.in_(some))).scalars())
        return found

    def add(self, connection: Connection, events: Iterable[Event]) -> None:
        """Write events that are not known; IntegrityError where one has become so meanwhile.

        They are written in the order of their ids: two that write the same ones then wait for each
        other, and never both.
        """
        now = int(time.time())
        rows = [
            {
                "event_id": event.event_id,
                "user_id": str(event.user_id),
                "product_id": str(event.product_id),
                "type": event.type,
                "written_at": now,
            }
            for event in sorted(events, key=lambda event: event.event_id)
        ]
        if rows:
            connection.execute(self.table.insert(), rows)

    def erase(self, connection: Connection, user_id: str) -> int:
        """Delete the rows of a user and say that somebody was erased; returns their number."""
        columns = self.table.c
        # Found first and deleted by their keys: other users' rows are not locked.
        found = connection.execute(select(columns.sequence).where(columns.user_id == user_id))
        sequences = list(found.scalars())
        for start in range(0, len(sequences), _IDS_PER_STATEMENT):
            some = sequences[start : start + _IDS_PER_STATEMENT]
            connection.execute(self.table.delete().where(columns.sequence.in_(some)))
        row = {
            "event_id": f"{ERASURE}:{uuid.uuid4()}",
            "user_id": NOBODY,
            "product_id": NOBODY,
            "type": ERASURE,
            "written_at": int(time.time()),
        }
        connection.execute(self.table.insert(), [row])
        return len(sequences)

    def prune(self, connection: Connection, now: float) -> int:
        """Delete what is older than `KEPT_DAYS`, `now` being UTC seconds; returns the number."""
        columns = self.table.c
        kept = select(columns.sequence).where(columns.written_at >= int(now) - KEPT_DAYS * _DAY_S)
        first = connection.execute(kept.order_by(columns.sequence).limit(1)).scalar()
        if first is None:
            first = connection.execute(select(func.max(columns.sequence) + 1)).scalar()
        if first is None:
            return 0
        done = connection.execute(self.table.delete().where(columns.sequence < first))
        return int(done.rowcount)


def _exists(engine: Engine) -> bool:
    return inspect(engine).has_table(OUTBOX)


def _sql_table(dialect: Dialect) -> SqlTable:
    def exact_text(characters: int) -> String:
        return String(characters, collation=exact_collation(dialect))

    counter = (Identity(always=False),) if dialect.name == "postgresql" else ()
    return SqlTable(
        OUTBOX,
        MetaData(),
        Column(
            "sequence",
            BigInteger().with_variant(Integer(), "sqlite"),
            *counter,
            primary_key=True,
            autoincrement=True,
        ),
        Column("event_id", exact_text(ID_CHARACTERS), nullable=False, unique=True),
        Column("user_id", exact_text(ID_CHARACTERS), nullable=False),
        Column("product_id", exact_text(ID_CHARACTERS), nullable=False),
        Column("type", String(16), nullable=False),
        Column("written_at", BigInteger(), nullable=False),
        sqlite_autoincrement=True,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
    )
