"""One user's behaviors from the four tables, in one statement, under the rules of the ETL."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import tzinfo
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Select,
    String,
    cast,
    func,
    literal_column,
    null,
    select,
    union_all,
)

from ..contracts.behaviors import BEHAVIOR_SOURCES, Behavior, BehaviorRow, BehaviorSource
from ..contracts.ids import Id, IdKind, parse_id
from ..contracts.tables import REVIEW
from ..contracts.texts import MOST_CHARACTERS
from .identity import IdFilter
from .layout import ShopLayout, TableLayout
from .values import is_blank, parse_count, parse_number, parse_time, plain, read_id

UNKNOWN = -math.inf

_BYTES_PER_CHARACTER = 4
"""Of UTF-8, at most."""

Key = tuple[int, int, str]
"""A source key as the CSV sorts it: none at all, then texts, then integers by their value."""

NO_KEY: Key = (0, 0, "")


class Usable(NamedTuple):
    """A usable row; the fields stand, and so the rows sort, in the order of the CSV.

    What is unknown (no money, no stars) is `UNKNOWN` and sorts first.
    """

    product_id: Id
    timestamp: int
    behavior: Behavior
    key: Key
    money: float
    value: float
    text: str


class HistoryQuery:
    """The statement that reads one user's behaviors, made once for a shop, and its reader.

    Its columns: position in `BEHAVIOR_SOURCES`, key, user, product, value, money, the beginning of
    a review's text (as much as the training reads), time. Servers join only equal types, so that
    theirs are told as texts, which the rules of `values` read as well; those of SQLite are told as
    they are stored.

    `zone` is that of times without an offset.
    """

    def __init__(self, layout: ShopLayout, dialect: str, zone: tzinfo) -> None:
        self._zone = zone
        self._as_text = dialect != "sqlite"
        self._user_kind = layout.id_kind("user_id")
        self._product_kind = layout.id_kind("product_id")
        tables = [layout[source.table] for source in BEHAVIOR_SOURCES]
        self._key_kinds = [layout.id_kind(source.table.key) for source in BEHAVIOR_SOURCES]
        self._filters = [
            IdFilter(table, "user_id", self._user_kind, single=True) for table in tables
        ]
        self.statement = union_all(
            *(
                _behaviors(table, position, source, self._as_text).where(filter.condition)
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

    def read(self, rows: Iterable[Sequence[Any]], user_id: Id) -> list[BehaviorRow]:
        """Those of the rows that are usable and really the user's, as behaviors.

        A repeated row counts once: the first in the order of the CSV, which is theirs too.
        """
        return [
            BehaviorRow(
                row.product_id,
                row.behavior,
                math.nan if row.value == UNKNOWN else row.value,
                row.timestamp,
                row.text,
            )
            for row in without_repeats(sorted(self._usable(rows, user_id)))
        ]

    def _usable(self, rows: Iterable[Sequence[Any]], user_id: Id) -> Iterator[Usable]:
        for position, key, told_user, told_product, *rest in rows:
            if self._read_id(told_user, self._user_kind) != user_id:
                continue
            product_id = self._read_id(told_product, self._product_kind)
            value, money, text, time = map(plain, rest)
            behavior = BEHAVIOR_SOURCES[position].behavior
            usable = usable_value(behavior, value, money, text)
            timestamp = parse_time(time, self._zone)
            if product_id is not None and usable is not None and timestamp is not None:
                yield Usable(
                    product_id,
                    timestamp,
                    behavior,
                    self._read_key(key, self._key_kinds[position]),
                    _or_unknown(parse_number(money)),
                    usable,
                    str(text or "")[:MOST_CHARACTERS] if behavior == "review" else "",
                )

    def _read_id(self, value: object, kind: IdKind) -> Id | None:
        if self._as_text and kind == "int" and isinstance(value, str):
            return parse_id(value, kind)
        return read_id(value, kind)

    def _read_key(self, value: object, declared: IdKind) -> Key:
        number = self._read_id(value, declared if self._as_text else "int")
        if isinstance(number, int):
            return 2, number, ""
        return NO_KEY if value is None or value == "" else (1, 0, str(plain(value)))


def _behaviors(
    layout: TableLayout, position: int, source: BehaviorSource, as_text: bool
) -> Select[Any]:
    names = (
        *(layout.table.key, "user_id", "product_id"),
        *(source.value_column, "transaction_value"),
    )
    return select(
        literal_column(str(position)),
        *(_told(layout, name, as_text) for name in names),
        _beginning(layout, as_text),
        _told(layout, source.time_column, as_text),
    )


def _told(layout: TableLayout, name: str, as_text: bool) -> ColumnElement[Any]:
    column = layout.told(name) if name in layout.types else null()
    return cast(column, String) if as_text else column


def _beginning(layout: TableLayout, as_text: bool) -> ColumnElement[Any]:
    """The first characters of a review; of SQLite, whose texts end at a NUL, as many bytes."""
    text = _told(layout, "review_text", as_text)
    if layout.table is not REVIEW:
        return text
    if as_text:
        return func.substr(text, 1, MOST_CHARACTERS)
    return func.substr(cast(text, LargeBinary), 1, _BYTES_PER_CHARACTER * MOST_CHARACTERS)


def without_repeats(rows: Iterable[Usable]) -> Iterator[Usable]:
    """The rows without those that say again what an earlier one said: same table, key, product.

    Rows without a key are never the same.
    """
    seen = set()
    for row in rows:
        identity = row.behavior, row.key, row.product_id
        if row.key == NO_KEY or identity not in seen:
            seen.add(identity)
            yield row


def usable_value(behavior: str, value: object, money: object, text: object) -> float | None:
    """The value of a behavior as the models take it; None where the row cannot be used.

    A visit counts 1 and a purchase is of one piece unless a number says otherwise; less than one is
    none. A purchase of negative or unreadable value is none. A rating needs its stars; those of a
    review that has a text may be missing (`UNKNOWN`).
    """
    match behavior:
        case "visit":
            return _at_least_one(value)
        case "buy":
            paid = 0.0 if is_blank(money) else parse_number(money)
            return _at_least_one(value) if paid is not None and paid >= 0 else None
        case "review" if text is not None and text != "":
            return _or_unknown(parse_number(value))
        case _:
            return parse_number(value)


def _at_least_one(value: object) -> float | None:
    count = 1 if is_blank(value) else parse_count(value)
    return float(count) if count is not None and count >= 1 else None


def _or_unknown(number: float | None) -> float:
    return UNKNOWN if number is None else number
