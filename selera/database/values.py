"""How single values of a shop's database are read: numbers, counts, times, texts, ids.

The ETL applies the same rules to whole columns; a property test holds both against each other, so
the rules are written down here exactly.

Blank
    NULL, and a text of nothing but ASCII white space, count as absent for numbers, counts, times.
    For ids and texts only NULL and the empty text are absent; their white space is kept.
Number
    An integer, float, Decimal or boolean (1 or 0), or a text that is, apart from ASCII white space
    around it, `[+-]?(digits[.digits*]|.digits)([eE][+-]?digits)?` in ASCII digits. Only finite
    numbers are numbers. No thousands separators, no decimal comma, no hexadecimal.
Count
    A number of at most 2**53 either way, rounded up to a whole number: half a kilogram is one.
Time
    A date or datetime object, or a text that is, white space around it apart, one of
    `YYYY-MM-DD`
    `YYYY-MM-DD HH:MM`, `YYYY-MM-DD HH:MM:SS`, `YYYY-MM-DD HH:MM:SS.f` (1 to 9 digits of fraction)
    with one space or `T` before the hour, and for those with a clock time optionally `Z`, `+hh`,
    `+hhmm` or `+hh:mm` (or `-`), directly or after one space. Hours 00..23, minutes and seconds
    00..59, offsets up to 23:59. A time without an offset is in the shop's own zone, and a date is
    its midnight there: a time that a change of the clocks repeats is its first occurrence, and one
    that it skips is read with the offset that held before. Fractions of a second are cut off. Times
    outside the years 1 to 9999 (UTC) are unreadable. Numbers are no times.
"""

from __future__ import annotations

import calendar
import json
import math
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from ..contracts.behaviors import NO_TIME
from ..contracts.ids import Id, IdKind

MAX_COUNT: Final = 2**53

WHITE_SPACE: Final = " \t\n\r\v\f"
NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[ T](?P<hour>[01][0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"(?: ?(?P<offset>Z|[+-](?:[01][0-9]|2[0-3])(?::?[0-5][0-9])?))?)?"
)

EARLIEST: Final = calendar.timegm((1, 1, 1, 0, 0, 0))
LATEST: Final = calendar.timegm((9999, 12, 31, 23, 59, 59))

_PLAIN_TYPES: Final = frozenset({type(None), bool, int, float, Decimal, str, date, datetime})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY_S: Final = 86_400


def is_blank(value: object) -> bool:
    """Whether a number, count or time is absent."""
    return value is None or (isinstance(value, str) and not value.strip(WHITE_SPACE))


def parse_number(value: object) -> float | None:
    """The finite number that `value` says; None where it is blank or says none."""
    if isinstance(value, str):
        text = value.strip(WHITE_SPACE)
        number = float(text) if NUMBER.fullmatch(text) else math.nan
    elif isinstance(value, int | float | Decimal):
        try:
            number = float(value)
        except (OverflowError, ValueError):  # a huge integer; a signalling NaN
            number = math.nan
    else:
        number = math.nan
    return number if math.isfinite(number) else None


def parse_count(value: object) -> int | None:
    """The whole number that `value` says, rounded up; None where it is blank or says none."""
    number = parse_number(value)
    if number is None or abs(number) > MAX_COUNT:
        return None
    return math.ceil(number)


def parse_time(value: object, zone: tzinfo = UTC) -> int | None:
    """UTC seconds of a time; `NO_TIME` where it is blank, None where it cannot be read.

    `zone` is that of times without an offset.
    """
    if isinstance(value, str):
        return _seconds_of_text(value, zone)
    if value is None:
        return NO_TIME
    return _seconds(_moment(value), zone)


@lru_cache(maxsize=16_384)  # of many rows the times are dates alone, or come again with the user
def _seconds_of_text(text: str, zone: tzinfo) -> int | None:
    text = text.strip(WHITE_SPACE)
    return _seconds(_moment_of_text(text), zone) if text else NO_TIME


def _seconds(moment: datetime | None, zone: tzinfo) -> int | None:
    if moment is None:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone, fold=0)
    since = moment - _EPOCH
    seconds = since.days * _DAY_S + since.seconds
    return seconds if EARLIEST <= seconds <= LATEST else None


def _moment(value: object) -> datetime | None:
    """What a calendar and a clock show, with an offset where the value bears one."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    return None


def _moment_of_text(text: str) -> datetime | None:
    if TIME.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text[:11] + text[11:].replace(" ", ""))
    except ValueError:  # there is no such day, or moment of a day
        return None


def format_time(seconds: int) -> str:
    """ISO 8601 text of UTC seconds, such as `2024-05-31T08:15:00Z`."""
    return (_EPOCH + timedelta(seconds=seconds)).isoformat().removesuffix("+00:00") + "Z"


def read_id(value: object, kind: IdKind) -> Id | None:
    """The id that a value of an id column is; None where it is absent or of another kind.

    Integer ids are integers of 64 bits. Of string ids, an integer or whole float is its digits.
    """
    if value is None or value == "":
        return None
    if kind == "int":
        whole = isinstance(value, int) and not isinstance(value, bool)
        return int(value) if whole and -(2**63) <= value < 2**63 else None  # type: ignore[call-overload, operator]
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(plain(value))


def plain(value: object) -> Any:
    """A value of an unusual type (bytes, UUID, JSON, time of day) as a text; others unchanged."""
    if type(value) in _PLAIN_TYPES:
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def all_plain(values: Iterable[object]) -> bool:
    """Whether `plain` would change none of the values."""
    return _PLAIN_TYPES.issuperset(map(type, values))
