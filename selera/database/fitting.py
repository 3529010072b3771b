"""How a value is written into a column of a shop so that `values` reads the same value back.

Servers change or refuse what a column's type cannot hold, each in its own way; whatever would come
back as something else is refused here, with a reason. SQLite keeps whatever it is given.

Times go by the declared type. A column with an offset (`timestamptz`, and the TIMESTAMP of MariaDB
and MySQL) gets the moment itself; one without gets what a clock in the shop's zone shows, as it is
read (a time that a change of the clocks repeats comes back as its first occurrence); a date column
gets the day in that zone. Texts are written like those that are there already: with a date only,
with a clock time, or with an offset, where there are none in ISO 8601 and UTC.
"""

from __future__ import annotations

import math
import uuid
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from sqlalchemy import types
from sqlalchemy.types import TypeEngine

from ..contracts.behaviors import NO_TIME
from ..contracts.ids import Id, IdKind, parse_id
from ..contracts.tables import Kind
from .identity import INT64, can_be_stored
from .layout import is_timestamp_of_mysql
from .values import EARLIEST, LATEST, MAX_COUNT, TIME, format_time, parse_time

Declared = TypeEngine[Any]

_BITS = {"TINYINT": 8, "SMALLINT": 16, "MEDIUMINT": 24, "INTEGER": 32, "BIGINT": 64}
"""Of the integers of a declared type, by its name."""
_DATE_CHARACTERS = len("2024-05-31")
_MOMENT_CHARACTERS = len("2024-05-31T08:15:00Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Unfit(ValueError):
    """A value that cannot be stored; its text is the reason, for a person."""


def limits(declared: Declared, kind: Kind, dialect_name: str) -> Declared:
    """The type whose limits hold for a column: as declared, but SQLite's columns have hardly any.

    There, times are texts, and a day where the column is declared one or so short.
    """
    if dialect_name != "sqlite" or isinstance(declared, types.NullType):
        return types.String() if kind == "time" and dialect_name == "sqlite" else declared
    match kind:
        case "id" if isinstance(declared, types.Integer):
            return types.BIGINT()
        case "id" if isinstance(declared, types.Numeric):
            return declared
        case "integer" | "number" if not isinstance(declared, types.String):
            return types.Float()
        case "time" if isinstance(declared, types.Date):
            return types.String(_DATE_CHARACTERS)
        case "time" if isinstance(declared, types.String):
            return declared
        case _:
            return types.String()


def fit_id(id: Id, kind: IdKind, declared: Declared, name: str) -> Id:
    """An id as its column takes it; `kind` is what the shop's ids of this name are."""
    if not can_be_stored(id, kind):
        expected = "an integer of 64 bits" if kind == "int" else "a text without the character NUL"
        raise Unfit(f"{name} must be {expected}, got {id!r}")
    if isinstance(declared, types.Numeric | types.Integer):
        number = parse_id(str(id), "int")
        if not isinstance(number, int):
            raise Unfit(f"the column {name} holds integers, got {id!r}")
        return _fit_integer(number, declared, name)
    if isinstance(declared, types.Uuid):
        if not is_uuid(str(id)):
            raise Unfit(f"the column {name} holds UUIDs in lower case, got {id!r}")
        return str(id)
    return fit_text(str(id), declared, name)


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID as databases tell it."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def fit_text(text: str, declared: Declared, name: str) -> str:
    """A text; Unfit where it is too long or holds what no database keeps."""
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise Unfit(f"{name} holds a character that no database keeps (NUL or half of a pair)")
    most = getattr(declared, "length", None)
    if isinstance(declared, types.String) and most is not None and len(text) > most:
        raise Unfit(f"{name} has {len(text):,} characters, its column holds {most}")
    return text


def fit_count(count: int, declared: Declared, name: str) -> object:
    """A visit count or a quantity."""
    if not 1 <= count <= MAX_COUNT:
        raise Unfit(f"{name} must lie in 1..{MAX_COUNT}, got {count}")
    return _fit_number(Decimal(count), declared, name, is_exact=True)


def fit_stars(stars: float, declared: Declared, name: str) -> object:
    """Stars; Unfit where the column would round them."""
    if not math.isfinite(stars):
        raise Unfit(f"{name} must be a finite number, got {stars}")
    return _fit_number(Decimal(repr(float(stars))), declared, name, is_exact=True)


def fit_money(money: float, declared: Declared, name: str) -> object:
    """A sum of money, rounded to the decimals that the column holds."""
    if not math.isfinite(money) or money < 0:
        raise Unfit(f"{name} must be a finite number of at least 0, got {money}")
    return _fit_number(Decimal(repr(float(money))), declared, name, is_exact=False)


def fit_time(seconds: int, declared: Declared, zone: tzinfo, like: str | None) -> object:
    """A moment, in UTC seconds; None where it is unknown or the column holds no times.

    `like` is a time that stands in the column already, where that holds texts.
    """
    if seconds == NO_TIME:
        return None
    if not EARLIEST <= seconds <= LATEST:
        raise Unfit(f"its time lies outside of the years 1 to 9999: {seconds} s from 1970")
    try:
        there = (_EPOCH + timedelta(seconds=seconds)).astimezone(zone)
    except OverflowError as error:
        raise Unfit(f"its time lies outside of the years 1 to 9999 in {zone}") from error
    if isinstance(declared, types.DateTime):
        is_moment = declared.timezone or is_timestamp_of_mysql(declared)
        return there.astimezone(UTC) if is_moment else there.replace(tzinfo=None)
    if isinstance(declared, types.Date):
        return there.date()
    if isinstance(declared, types.String | types.NullType):
        return _time_text(seconds, there, getattr(declared, "length", None), like)
    return None


def _time_text(seconds: int, there: datetime, most: int | None, like: str | None) -> str:
    """A moment as a text of at most `most` characters, written like `like`."""
    match = TIME.fullmatch(like or "")
    shown = there.replace(tzinfo=None)
    is_date = match is not None and match["hour"] is None
    if is_date or (most is not None and most < _MOMENT_CHARACTERS - 1):
        return shown.date().isoformat()
    if match is not None and match["offset"] is None:
        text = shown.isoformat(sep=str(like)[_DATE_CHARACTERS])
        if parse_time(text, there.tzinfo or UTC) == seconds:
            return text
    return shown.isoformat() if most == _MOMENT_CHARACTERS - 1 else format_time(seconds)


def _fit_number(number: Decimal, declared: Declared, name: str, *, is_exact: bool) -> object:
    if isinstance(declared, types.Float | types.NullType):
        return float(number)
    if isinstance(declared, types.Integer):
        return _fit_integer(int(_round(number, 0, name, is_exact)), declared, name)
    if isinstance(declared, types.Numeric) and declared.precision is not None:
        scale = declared.scale or 0
        rounded = _round(number, scale, name, is_exact)
        if abs(rounded) >= Decimal(10) ** (declared.precision - scale):
            raise Unfit(
                f"{name} has more digits than its column holds "
                f"({declared.precision}, {scale} of them decimals): {number}"
            )
        return rounded
    if isinstance(declared, types.String):
        return fit_text(f"{number:f}".removesuffix(".0"), declared, name)
    return number


def _round(number: Decimal, decimals: int, name: str, is_exact: bool) -> Decimal:
    rounded = round(number, decimals) if decimals else Decimal(round(number))
    if is_exact and rounded != number:
        raise Unfit(f"the column {name} holds numbers with {decimals} decimals, got {number}")
    return rounded


def _fit_integer(number: int, declared: Declared, name: str) -> int:
    bits = _BITS.get(type(declared).__name__, 32)
    if isinstance(declared, types.Numeric):
        bits = 64
    is_unsigned = getattr(declared, "unsigned", False)
    low, high = (0, 2**bits) if is_unsigned else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    if number not in range(low, high) or number not in INT64:
        raise Unfit(f"{name} must lie in {low}..{high - 1}, got {number}")
    return number
