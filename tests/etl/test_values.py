"""The readers of columns against the single-value rules of `selera.database`."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selera.contracts.behaviors import NO_TIME
from selera.contracts.ids import IdKind
from selera.database.values import (
    is_blank,
    parse_count,
    parse_number,
    parse_time,
    read_id,
)
from selera.etl.times import time_reader
from selera.etl.values import (
    Reader,
    Readings,
    id_reader,
    read_counts,
    read_keys,
    read_numbers,
    read_texts,
)

zones = st.sampled_from(
    ["UTC", "Asia/Jakarta", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"]
).map(ZoneInfo)

texts = st.text(st.characters(codec="utf-8"), max_size=8)
number_texts = st.from_regex(r"\s?[+-]?[0-9]{0,4}\.?[0-9]{0,3}([eE][+-]?[0-9]{1,3})?\s?")
numbers = st.one_of(
    st.integers(-5, 10),
    st.integers(),
    st.sampled_from([2**53, 2**53 + 1, -(2**53) - 2, 2**63, 10**400]),
    st.floats(),
    st.booleans(),
    st.decimals(),
)
time_texts = st.one_of(
    st.from_regex(
        r"\s?[0-9]{4}-[01][0-9]-[0-3][0-9]"
        r"([ T][0-2][0-9]:[0-6][0-9](:[0-6][0-9](\.[0-9]{1,10})?)?"
        r"( ?(Z|[+-][0-2][0-9](:?[0-9]{2})?))?)?\s?",
        fullmatch=True,
    ),
    st.datetimes().map(str),
    st.dates().map(str),
    st.sampled_from(["0000-01-01", "0001-01-01 00:00:00+07:00", "9999-12-31T23:59:59-01:00"]),
)
times = st.one_of(
    st.datetimes(),
    st.datetimes(timezones=st.just(timezone(timedelta(hours=5, minutes=45)))),
    st.dates(),
    time_texts,
)
values = st.one_of(st.none(), texts, number_texts, numbers, times, st.just(""), st.just(" "))


def columns(*kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Columns of one kind of value with NULLs, and columns in which everything is mixed."""
    pure = [st.lists(st.one_of(st.none(), kind), max_size=8) for kind in kinds]
    return st.one_of(*pure, st.lists(values, max_size=8))


def both(readings: Readings) -> tuple[list[Any], list[Any]]:
    said, unread = readings
    return said.to_list(), unread.to_list()


def assert_unread_are_told(column: list[Any], said: list[Any], unread: list[Any]) -> None:
    """A value is understood, or told as unreadable, or says nothing: never two of them."""
    for value, result, told in zip(column, said, unread, strict=True):
        assert (result is None and not is_blank(value)) == (told is not None)


@given(columns(st.integers(-5, 5), st.floats(), st.booleans(), st.decimals(), number_texts, texts))
def test_numbers_agree_with_single_values(column: list[Any]) -> None:
    said, unread = both(read_numbers(column))
    assert said == [parse_number(value) for value in column]
    assert not any(number == 0 and math.copysign(1, number) < 0 for number in said if number == 0)
    assert_unread_are_told(column, said, unread)


@given(columns(st.integers(-5, 5), numbers, st.floats(-9, 9), number_texts))
def test_counts_agree_with_single_values(column: list[Any]) -> None:
    said, unread = both(read_counts(column))
    assert said == [parse_count(value) for value in column]
    assert_unread_are_told(column, said, unread)


@given(zones, columns(time_texts, st.datetimes(), st.dates(), times))
def test_times_agree_with_single_values(zone: ZoneInfo, column: list[Any]) -> None:
    said, unread = both(time_reader(zone)(column))
    single = [parse_time(value, zone) for value in column]
    assert said == [None if seconds == NO_TIME else seconds for seconds in single]
    assert_unread_are_told(column, said, unread)


@pytest.mark.parametrize("kind", ["int", "str"])
@given(column=columns(st.integers(), st.integers(-(2**63), 2**63 - 1), texts))
def test_ids_agree_with_single_values(kind: IdKind, column: list[Any]) -> None:
    said, unread = both(id_reader(kind)(column))
    assert said == [read_id(value, kind) for value in column]
    for value, id, told in zip(column, said, unread, strict=True):
        assert (told is not None) == (id is None and value is not None and value != "")


@given(columns(texts, st.integers()))
def test_texts_are_kept_whatever_their_type(column: list[Any]) -> None:
    said, unread = both(read_texts(column))
    assert said == [None if value is None or value == "" else str(value) for value in column]
    assert unread == [None] * len(column)


@given(columns(st.integers(-5, 5), texts))
def test_a_key_is_an_integer_or_a_text(column: list[Any]) -> None:
    numbers, others = both(read_keys(column))
    for value, number, text in zip(column, numbers, others, strict=True):
        if value is None or value == "":
            assert number is None
            assert text is None
        else:
            assert (number is None) != (text is None)
            assert number == value or text == str(value)


@pytest.mark.parametrize(
    ("reader", "value", "told"),
    [
        (read_numbers, Decimal("sNaN"), "sNaN"),
        (read_numbers, date(2026, 1, 2), "2026-01-02"),
        (read_counts, -(2.0**60), "-1.152921504606847e+18"),
        (id_reader("int"), True, "True"),
    ],
)
def test_odd_values_are_told_as_texts(reader: Reader, value: object, told: str) -> None:
    assert both(reader([value])) == ([None], [told])


@given(zones, st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2037, 1, 1)), max_size=5))
def test_local_times_are_moved_by_the_offset_of_their_zone(
    zone: ZoneInfo, moments: list[datetime]
) -> None:
    whole = [moment.replace(microsecond=0) for moment in moments]
    expected = [int(moment.replace(tzinfo=zone).timestamp()) for moment in whole]
    for column in (moments, [str(moment) for moment in whole], [str(each) + " " for each in whole]):
        said, unread = both(time_reader(zone)(column))
        assert said == expected
        assert unread == [None] * len(column)


@pytest.mark.parametrize(
    ("told", "utc"),
    [
        ("2026-03-29 02:30:00", datetime(2026, 3, 29, 1, 30)),
        ("2026-10-25 02:30:00", datetime(2026, 10, 25, 0, 30)),
        ("2026-10-25 03:00:00", datetime(2026, 10, 25, 2, 0)),
        ("2026-10-25 02:30:00Z", datetime(2026, 10, 25, 2, 30)),
        ("2026-10-25 02:30+0100", datetime(2026, 10, 25, 1, 30)),
        ("2026-07-01", datetime(2026, 6, 30, 22, 0)),
    ],
)
def test_changes_of_the_clocks_have_a_rule(told: str, utc: datetime) -> None:
    said, _ = both(time_reader(ZoneInfo("Europe/Berlin"))([told]))
    assert said == [int(utc.replace(tzinfo=UTC).timestamp())]


def test_a_local_time_that_leaves_the_calendar_cannot_be_read() -> None:
    column = ["0001-01-01 00:00:00", "2026-01-01"]
    said, unread = both(time_reader(ZoneInfo("Asia/Jakarta"))(column))
    assert (said[0], unread) == (None, ["0001-01-01 00:00:00", None])
