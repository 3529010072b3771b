"""Columns of times, as dates, date-times or texts, read as UTC seconds.

The rules are those of `database.values`. The ordinary shapes are read as columns; every other value
goes through those rules one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from types import NoneType
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from ..database.values import EARLIEST, LATEST, is_blank, parse_time, plain
from .values import Reader, Readings, nothing, only

_DATES: frozenset[type] = frozenset({NoneType, date})
_DATE_TIMES: frozenset[type] = frozenset({NoneType, datetime})
_TEXTS: frozenset[type] = frozenset({NoneType, str})

_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_CLOCK_TIME = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-5][0-9](?:\.[0-9]{1,9})?Z?$"
_WHOLE_SECONDS = len("2026-01-02 03:04:05")
_DAY_S = 86_400
_EPOCH = datetime(1970, 1, 1)


def time_reader(zone: ZoneInfo) -> Reader:
    """UTC seconds, Int64; times without an offset are in `zone`."""

    def read(values: Sequence[Any]) -> Readings:
        wall, is_local = _read_ordinary(values)
        odd = _unread(values, wall)
        seconds = wall if zone.key == "UTC" else _in_utc(wall, is_local, zone)
        seconds = seconds.scatter(odd, [parse_time(values[place], zone) for place in odd])
        unread = _unread(values, seconds)
        texts = [str(plain(values[place])) for place in unread]
        return seconds, nothing(len(values)).scatter(unread, texts)

    return read


def _read_ordinary(values: Sequence[Any]) -> tuple[pl.Series, pl.Series]:
    """What the clock on the wall shows, in seconds (null where odd), and whether it is local."""
    here = pl.repeat(True, len(values), eager=True)
    if only(_TEXTS, values):
        return _read_ordinary_texts(pl.Series("text", values, dtype=pl.String))
    if only(_DATES, values):
        return pl.Series(values, dtype=pl.Date).cast(pl.Datetime).dt.epoch("s"), here
    if only(_DATE_TIMES, values) and not any(each.tzinfo for each in values if each is not None):
        return pl.Series(values, dtype=pl.Datetime("us")).dt.truncate("1s").dt.epoch("s"), here
    return nothing(len(values), pl.Int64()), here


def _read_ordinary_texts(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    text = pl.col("text")
    clock_time = text.str.slice(0, _WHOLE_SECONDS).str.replace("T", " ", literal=True)
    readings = texts.to_frame().select(
        pl.coalesce(
            pl.when(text.str.contains(_CLOCK_TIME)).then(
                clock_time.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False)
            ),
            pl.when(text.str.contains(_DATE)).then(
                text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime)
            ),
        )
        .dt.epoch("s")
        .alias("wall"),
        (~text.str.ends_with("Z")).alias("is_local"),
    )
    wall = readings["wall"]
    return wall.set(wall < EARLIEST, None), readings["is_local"]


def _unread(values: Sequence[Any], seconds: pl.Series) -> list[int]:
    """The places of values that say something but have no seconds."""
    return [place for place in seconds.is_null().arg_true() if not is_blank(values[place])]


def _in_utc(wall: pl.Series, is_local: pl.Series, zone: ZoneInfo) -> pl.Series:
    """Take the zone's offset from the local times; null outside the years 1 to 9999.

    Python's own time zones are asked, once for each day on which the clocks do not change.
    """
    steady: dict[int, int] = {}
    for day in (wall // _DAY_S).unique().drop_nulls():
        morning, night = (_offset(day * _DAY_S + s, zone) for s in (0, _DAY_S - 1))
        if morning == night:
            steady[day] = morning
    offsets = (wall // _DAY_S).replace_strict(steady, default=None, return_dtype=pl.Int64)
    changing = (offsets.is_null() & wall.is_not_null()).arg_true().to_list()
    offsets = offsets.scatter(changing, [_offset(wall[place], zone) for place in changing])
    seconds = wall.zip_with(~is_local, wall - offsets)
    return seconds.set(~seconds.is_between(EARLIEST, LATEST), None)


def _offset(wall: int, zone: ZoneInfo) -> int:
    """Seconds by which the zone is ahead of UTC when its clocks show `wall`."""
    offset = (_EPOCH + timedelta(seconds=wall)).replace(tzinfo=zone).utcoffset()
    return int((offset or timedelta()).total_seconds())
