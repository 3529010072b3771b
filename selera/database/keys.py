"""Where the key of a new row comes from: the database counts, or we do, or the event's id is it."""

from __future__ import annotations

import uuid
from typing import Any, Literal

from sqlalchemy import Connection, func, select, types
from sqlalchemy.engine.reflection import Inspector
from sqlalchemy.types import TypeEngine

from ..contracts.events import Event
from .fitting import fit_text, is_uuid
from .layout import TableLayout

KeyRule = Literal["counted", "event_id", "uuid", "next"]
"""counted : the database fills the key in: it counts, or has a default; of a view, what it reads
event_id : a key of texts is the event's id
uuid : a key of UUIDs is the event's id, or made from it
next : an integer that nobody counts is one more than the highest
"""


def key_rule(inspector: Inspector, layout: TableLayout) -> KeyRule:
    """The rule of one table as the database declares it."""
    table, spelled = layout.table.name, layout.column(layout.table.key).name
    declared = layout.types[layout.table.key]
    if table in inspector.get_view_names() or _fills_in(inspector, table, spelled):
        return "counted"
    if isinstance(declared, types.Integer):
        return "next"
    return "uuid" if isinstance(declared, types.Uuid) else "event_id"


def _fills_in(inspector: Inspector, table: str, key: str) -> bool:
    if inspector.dialect.name == "sqlite" and counts_rows(inspector, table):
        primary = inspector.get_pk_constraint(table)["constrained_columns"]
        (column,) = (each for each in inspector.get_columns(table) if each["name"] == key)
        # Declared exactly so, the key is SQLite's own number of the row.
        if primary == [key] and str(column["type"]).upper() == "INTEGER":
            return True
    for column in inspector.get_columns(table):
        if column["name"] == key:
            is_counted = inspector.dialect.name != "sqlite" and column.get("autoincrement") is True
            return is_counted or bool(column.get("identity")) or column["default"] is not None
    return False


def counts_rows(inspector: Inspector, table: str) -> bool:
    """Whether a table of SQLite has row numbers: a view and a table WITHOUT ROWID have none."""
    if table in inspector.get_view_names():
        return False
    return bool(inspector.get_table_options(table).get("sqlite_with_rowid", True))


def key_of(event: Event, rule: KeyRule, declared: TypeEngine[Any], name: str) -> object:
    """The key that an event's own id gives; None where another rule holds.

    Raises Unfit where the column `name` of type `declared` cannot hold it.
    """
    match rule:
        case "event_id":
            return fit_text(event.event_id, declared, f"event_id as {name}")
        case "uuid":
            is_one = is_uuid(event.event_id)
            return event.event_id if is_one else str(uuid.uuid5(uuid.NAMESPACE_OID, event.event_id))
        case _:
            return None


def next_key(connection: Connection, layout: TableLayout) -> int:
    """One more than the highest integer key."""
    key = layout.column(layout.table.key)
    query = select(func.max(key)).select_from(layout.source)
    if connection.dialect.name == "sqlite":
        query = query.where(func.typeof(key) == "integer")
    highest: Any = connection.execute(query).scalar()
    return int(highest or 0) + 1
