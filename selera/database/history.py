"""One user's behaviors from the four tables, in one statement, under the rules of the ETL."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, literal_column, null, select, union_all

from ..contracts.behaviors import BEHAVIOR_SOURCES, BehaviorRow, BehaviorSource
from ..contracts.ids import Id, IdKind, parse_id
from .identity import IdFilter
from .layout import ShopLayout, TableLayout
from .values import is_blank, parse_count, parse_number, parse_time, read_id


class HistoryQuery:
    """The statement that reads one user's behaviors, made once for a shop.

    Its columns: position in `BEHAVIOR_SOURCES`, user, product, value, money, time. Servers join
    only equal types, so that theirs are told as texts, which the rules of `values` read as well;
    those of SQLite are told as they are stored.
    """

    def __init__(self, layout: ShopLayout, dialect: str) -> None:
        as_text = dialect != "sqlite"
        kind = layout.id_kind("user_id")
        tables = [layout[source.table] for source in BEHAVIOR_SOURCES]
        self._filters = [IdFilter(table, "user_id", kind) for table in tables]
        self.statement = union_all(
            *(
                _behaviors(table, position, source, as_text).where(filter.condition)
                for position, (table, source, filter) in enumerate(
                    zip(tables, BEHAVIOR_SOURCES, self._filters, strict=True)
                )
            )
        )

    def bind(self, user_id: Id) -> dict[str, Any]:
        """The parameters of the statement for this user."""
        parameters: dict[str, Any] = {}
        for filter in self._filters:
            parameters |= filter.bind([user_id])
        return parameters


def _behaviors(
    layout: TableLayout, position: int, source: BehaviorSource, as_text: bool
) -> Select[Any]:
    names = ("user_id", "product_id", source.value_column, "transaction_value", source.time_column)
    return select(literal_column(str(position)), *(_told(layout, name, as_text) for name in names))


def _told(layout: TableLayout, name: str, as_text: bool) -> ColumnElement[Any]:
    column = layout.column(name) if name in layout.types else null()
    return cast(column, String) if as_text else column


def read_history(
    rows: Iterable[Sequence[Any]], user_id: Id, layout: ShopLayout
) -> list[BehaviorRow]:
    """Those of the rows that are usable and really the user's, as behaviors."""
    user_kind, product_kind = layout.id_kind("user_id"), layout.id_kind("product_id")
    behaviors = []
    for position, told_user, told_product, value, money, time in rows:
        if _read_told_id(told_user, user_kind) != user_id:
            continue
        product_id = _read_told_id(told_product, product_kind)
        behavior = BEHAVIOR_SOURCES[position].behavior
        usable = usable_value(behavior, value, money)
        timestamp = parse_time(time)
        if product_id is not None and usable is not None and timestamp is not None:
            behaviors.append(BehaviorRow(product_id, behavior, usable, timestamp))
    return behaviors


def _read_told_id(value: object, kind: IdKind) -> Id | None:
    if kind == "int" and isinstance(value, str):  # told as a text by a server
        return parse_id(value, kind)
    return read_id(value, kind)


def usable_value(behavior: str, value: object, money: object) -> float | None:
    """The value of a behavior as the models take it; None where the row cannot be used.

    A visit counts 1 and a purchase is of one piece unless a number says otherwise; less than one is
    none. A purchase of negative or unreadable value is none. A rating needs its stars; those of a
    review may be missing (NaN).
    """
    match behavior:
        case "visit":
            return _at_least_one(value)
        case "buy":
            paid = 0.0 if is_blank(money) else parse_number(money)
            return _at_least_one(value) if paid is not None and paid >= 0 else None
        case "rating":
            return parse_number(value)
        case _:
            stars = parse_number(value)
            return math.nan if stars is None else stars


def _at_least_one(value: object) -> float | None:
    count = 1 if is_blank(value) else parse_count(value)
    return float(count) if count is not None and count >= 1 else None
