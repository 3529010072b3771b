"""What is to become of some events, and carrying it out in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ..contracts.events import Event, EventOutcome
from .event_rows import BehaviorTable, EventRow
from .failures import explain
from .outbox import Outbox
from .refusals import is_collision, refuses_row

_KEY_ATTEMPTS = 3


@dataclass(slots=True)
class EventPlan:
    """What becomes of each event.

    rows : to be stored, one for an id
    known : ids that were stored before
    rejected : why the events at these places cannot be
    refused : why the database did not take the rows of these ids
    """

    rows: list[EventRow] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    rejected: dict[int, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def outcomes(self, events: Sequence[Event]) -> list[EventOutcome]:
        """The outcome of each event, once the rows are stored; a repeated id is a duplicate."""
        told = set(self.known)
        outcomes = []
        for place, event in enumerate(events):
            id = event.event_id
            reason = self.rejected.get(place, self.refused.get(id))
            if reason is not None:
                outcomes.append(EventOutcome(id, "rejected", reason))
            else:
                outcomes.append(EventOutcome(id, "duplicate" if id in told else "stored"))
                told.add(id)
        return outcomes


class EventStorage:
    """The outbox and the behavior tables within one transaction."""

    def __init__(
        self, connection: Connection, outbox: Outbox, tables: Mapping[str, BehaviorTable]
    ) -> None:
        self._connection = connection
        self._outbox = outbox
        self._tables = tables

    def store_together(self, plan: EventPlan) -> None:
        """Store all rows with few statements; raises what SQLAlchemy does where one is refused."""
        self._store(plan.rows)

    def store_one_by_one(self, plan: EventPlan) -> None:
        """Store each row that the database takes; the others become known, or rejected."""
        if self._connection.dialect.name == "postgresql":
            # What is checked when the transaction ends would refuse all rows for one.
            self._connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
        for row in plan.rows:
            for attempt in range(1, _KEY_ATTEMPTS + 1):
                reason = self._try(row, plan)
                # Others may count on at the same time, and take the key that was free.
                may_collide = self._tables[row.event.type].rule == "next"
                if reason is None or not may_collide or attempt == _KEY_ATTEMPTS:
                    break
            if reason is not None:
                plan.refused[row.event.event_id] = reason

    def _try(self, row: EventRow, plan: EventPlan) -> str | None:
        """Why the database refuses the row; None where it is stored, by us or by another."""
        try:
            with self._connection.begin_nested():
                self._store([row])
        except DBAPIError as error:
            if is_collision(error) or not refuses_row(error):
                raise
            if self._outbox.known(self._connection, [row.event.event_id]):
                plan.known.add(row.event.event_id)
                return None
            return f"the database refuses it: {explain(error, self._connection.engine.url)}"
        return None

    def _store(self, rows: Sequence[EventRow]) -> None:
        self._outbox.add(self._connection, (row.event for row in rows))
        for type, table in self._tables.items():
            if some := [row for row in rows if row.event.type == type]:
                table.insert(self._connection, some)
