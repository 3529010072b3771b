"""From an event to the row that says the same, in the columns that the shop's table really has."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any, NamedTuple

from sqlalchemy import Connection, String, inspect, select

from ..contracts.behaviors import BEHAVIOR_SOURCES, BehaviorSource
from ..contracts.events import BEHAVIOR_OF, Event
from .fitting import Unfit, fit_count, fit_id, fit_money, fit_stars, fit_text, fit_time, limits
from .history import usable_value
from .keys import KeyRule, key_of, key_rule, next_key
from .layout import ShopLayout
from .schema import ID_CHARACTERS

_SAMPLE_ROWS = 50
_OUTBOX_ID = String(ID_CHARACTERS)

SOURCES = {source.behavior: source for source in BEHAVIOR_SOURCES}

_NOTHING_SAID = {
    "rating": "a rating needs its stars",
    "review": "a review needs a text, or stars in a table with a column for them",
}


class EventRow(NamedTuple):
    """An event and its row; the key is missing where it is given only when it is written."""

    event: Event
    values: dict[str, Any]


class BehaviorTable:
    """One behavior table as events are written into it."""

    def __init__(
        self, source: BehaviorSource, layout: ShopLayout, rule: KeyRule, dialect: str, zone: tzinfo
    ) -> None:
        self._source = source
        self._shop = layout
        self._zone = zone
        self._like: str | None = None
        self.layout = layout[source.table]
        self.rule = rule
        self._limits = {
            name: limits(declared, source.table.kind(name), dialect)
            for name, declared in self.layout.types.items()
        }

    def look(self, connection: Connection) -> None:
        """See how times are written in this table, where nothing but texts stand there."""
        if self._like is None and self._source.time_column in self.layout.types:
            column = self.layout.column(self._source.time_column)
            told = connection.execute(select(column).limit(_SAMPLE_ROWS)).scalars()
            self._like = next((str(each).strip() for each in told if isinstance(each, str)), None)

    def row(self, event: Event) -> EventRow:
        """The row of an event. Raises Unfit with the reason why there can be none."""
        values = {}
        for name in self.layout.names:
            value = None if name == self.layout.table.key else self._value(event, name)
            if value is not None:  # a missing value leaves the column its default
                values[name] = value
        value, money, text = (
            values.get(name)
            for name in (self._source.value_column, "transaction_value", "review_text")
        )
        if usable_value(self._source.behavior, value, money, text) is None:
            raise Unfit(_NOTHING_SAID.get(event.type, "it says nothing that could be used"))
        table = self.layout.table
        key = key_of(event, self.rule, self._limits[table.key], f"{table.name}.{table.key}")
        if key is not None:
            values[table.key] = key
        return EventRow(event, values)

    def insert(self, connection: Connection, rows: list[EventRow]) -> None:
        """Insert rows, those without a key of their own after the highest one."""
        if self.rule == "next":
            first = next_key(connection, self.layout)
            for number, row in enumerate(rows, start=first):
                row.values[self.layout.table.key] = number
        alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in rows:
            alike.setdefault(tuple(row.values), []).append(row.values)
        for some in alike.values():
            connection.execute(self.layout.source.insert(), some)

    def _value(self, event: Event, name: str) -> object:
        """What the column gets: the event's field of the same name, or its time."""
        limit = self._limits[name]
        if self.layout.table.kind(name) == "time":
            return fit_time(event.at, limit, self._zone, self._like)
        value = getattr(event, name)
        match value:
            case None:
                return None
            case _ if name in ("user_id", "product_id"):
                fit_text(str(value), _OUTBOX_ID, name)
                return fit_id(value, self._shop.id_kind(name), limit, name)
            case _ if name in ("visit_count", "quantity"):
                return fit_count(value, limit, name)
            case _ if name == "rating":
                return fit_stars(value, limit, name)
            case _ if name == "transaction_value":
                return fit_money(value, limit, name)
            case _:
                return fit_text(value, limit, name)


def behavior_tables(
    connection: Connection, layout: ShopLayout, zone: tzinfo
) -> dict[str, BehaviorTable]:
    """The four tables by the type of the events that they get."""
    inspector = inspect(connection)
    dialect = connection.dialect.name
    return {
        type: BehaviorTable(
            SOURCES[behavior],
            layout,
            key_rule(inspector, layout[SOURCES[behavior].table]),
            dialect,
            zone,
        )
        for type, behavior in BEHAVIOR_OF.items()
    }
