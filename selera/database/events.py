"""Writing what a shop tells while it happens into its tables: each event once, or not at all."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import tzinfo

from sqlalchemy import Connection, Engine, String, select
from sqlalchemy.exc import DBAPIError

from ..contracts.errors import DatabaseError
from ..contracts.events import Event, EventConfig, EventOutcome
from ..contracts.ids import Id
from ..contracts.tables import PRODUCT, USER_PROFILE, Table
from .event_plan import EventPlan, EventStorage
from .event_rows import BehaviorTable, behavior_tables
from .failures import translated
from .fitting import Unfit, fit_text
from .identity import IdFilter
from .layout import ShopLayout
from .outbox import Outbox
from .refusals import is_collision, refuses_row
from .schema import ID_CHARACTERS
from .transactions import writing
from .values import read_id

PRUNE_EVERY_S = 3600

_TOGETHER_ATTEMPTS = 2
_ATTEMPTS = 8
_IDS_PER_STATEMENT = 500


class EventStore:
    """Writes events into the four behavior tables; an `EventWriter`, safe to use from many threads.

    Rows have those columns that the tables really have, and what is written is what `Shop.history`
    reads. An event's id is remembered in the outbox, made by the first write, for 30 days.
    """

    def __init__(
        self,
        engine: Engine,
        layout: ShopLayout,
        zone: tzinfo,
        config: EventConfig = EventConfig(),  # noqa: B008, it is frozen
    ) -> None:
        self._engine = engine
        self._layout = layout
        self._zone = zone
        self._config = config
        self._outbox = Outbox(engine.dialect)
        self._tables: dict[str, BehaviorTable] = {}
        self._prune_at = 0.0

    def write(self, events: Sequence[Event]) -> list[EventOutcome]:
        """Store what is new and usable, all in one transaction; outcomes in the order of `events`.

        An event that the database refuses is rejected with what the database says. Raises
        `DatabaseError` where the database does not answer, or takes none: then none is stored.
        """
        try:
            self._make_ready()
            with translated(self._engine.url, "write events into"):
                outcomes = self._write(events)
        except DatabaseError:
            self._tables = {}  # the tables may be others when the database is back
            raise
        self._prune()
        return outcomes

    def _make_ready(self) -> None:
        if self._tables:
            return
        self._outbox.make(self._engine)
        with (
            translated(self._engine.url, "read the tables of"),
            self._engine.connect() as connection,
        ):
            self._tables = behavior_tables(connection, self._layout, self._zone)

    def _write(self, events: Sequence[Event]) -> list[EventOutcome]:
        counts_here = any(table.rule == "next" for table in self._tables.values())
        for attempt in itertools.count(1):
            try:
                with writing(self._engine, alone=counts_here) as connection:
                    plan = self._plan(connection, events)
                    storage = EventStorage(connection, self._outbox, self._tables)
                    if attempt <= _TOGETHER_ATTEMPTS:
                        storage.store_together(plan)
                    else:
                        storage.store_one_by_one(plan)
            except DBAPIError as error:
                if attempt == _ATTEMPTS or not (is_collision(error) or refuses_row(error)):
                    raise
                time.sleep(random.uniform(0, 0.01 * attempt))
            else:
                break
        return plan.outcomes(events)

    def _plan(self, connection: Connection, events: Sequence[Event]) -> EventPlan:
        """What is known already, what cannot be used and why, and the rows of the others."""
        plan, named = EventPlan(), dict[int, Event]()
        for place, event in enumerate(events):
            reason = _odd_event_id(event.event_id)
            if reason is not None:
                plan.rejected[place] = reason
            else:
                named[place] = event
        ids = dict.fromkeys(event.event_id for event in named.values())
        plan.known = self._outbox.known(connection, list(ids))
        new = {place: each for place, each in named.items() if each.event_id not in plan.known}
        users = self._missing(connection, USER_PROFILE, {event.user_id for event in new.values()})
        products = self._missing(connection, PRODUCT, {each.product_id for each in new.values()})
        for table in self._tables.values():
            table.look(connection)
        planned = set[str]()
        for place, event in new.items():
            if event.event_id in planned:
                continue
            try:
                row = self._tables[event.type].row(event)
                _refuse("user_id", event.user_id, users, USER_PROFILE)
                _refuse("product_id", event.product_id, products, PRODUCT)
            except Unfit as unfit:
                plan.rejected[place] = str(unfit)
            else:
                plan.rows.append(row)
                planned.add(event.event_id)
        return plan

    def _missing(self, connection: Connection, table: Table, ids: set[Id]) -> set[Id]:
        """Those of the ids that have no row and need one."""
        fates = {USER_PROFILE: self._config.unknown_users, PRODUCT: self._config.unknown_products}
        if fates[table] == "accept":
            return set()
        kind = self._layout.id_kind(table.key)
        filter = IdFilter(self._layout[table], table.key, kind)
        query = select(self._layout[table].column(table.key)).where(filter.condition)
        wanted, found = list(ids), set[Id | None]()
        for start in range(0, len(wanted), _IDS_PER_STATEMENT):
            bound = filter.bind(wanted[start : start + _IDS_PER_STATEMENT])
            told = connection.execute(query, bound).scalars()
            found.update(read_id(value, kind) for value in told)
        return {id for id in ids if id not in found}

    def _prune(self) -> None:
        """Now and then delete what the outbox no longer needs; it may fail, and is tried again."""
        if time.monotonic() < self._prune_at:
            return
        self._prune_at = time.monotonic() + PRUNE_EVERY_S
        with suppress(DBAPIError), writing(self._engine) as connection:
            self._outbox.prune(connection, time.time())


def _odd_event_id(id: str) -> str | None:
    """Why an event cannot bear this id; None where it can."""
    if not id:
        return "event_id must not be empty"
    try:
        fit_text(id, String(ID_CHARACTERS), "event_id")
    except Unfit as unfit:
        return str(unfit)
    return None


def _refuse(name: str, id: Id, missing: set[Id], table: Table) -> None:
    if id in missing:
        raise Unfit(f"{table.name} has no {name} {id!r}")
