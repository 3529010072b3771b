"""The rules by which single values are read, held against Python's own readers."""

import math
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selera.contracts.behaviors import NO_TIME
from selera.database.values import (
    format_time,
    parse_count,
    parse_number,
    parse_time,
    plain,
    read_id,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (4, 4.0),
        (True, 1.0),
        (Decimal("4.50"), 4.5),
        (" 4.5\n", 4.5),
        ("+.5e1", 5.0),
        ("3.", 3.0),
        ("-0012", -12.0),
        (None, None),
        ("", None),
        (" ", None),
        ("4,5", None),
        ("1 000", None),
        ("1_000", None),
        ("0x10", None),
        ("٣", None),
        ("nan", None),
        ("1e999", None),
        (math.inf, None),
        (math.nan, None),
        (Decimal("sNaN"), None),
        (10**400, None),
        (b"4", None),
    ],
)
def test_only_finite_numbers_in_plain_spelling_are_numbers(
    value: object, expected: float | None
) -> None:
    assert parse_number(value) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_read_from_its_own_text(number: float) -> None:
    assert parse_number(repr(number)) == number


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        ("2", 2),
        (0.25, 1),
        (Decimal("1.5"), 2),
        (-0.5, 0),
        (2**53, 2**53),
        (2.0**54, None),
        ("many", None),
        (None, None),
    ],
)
def test_counts_are_whole_and_parts_count_as_one(value: object, expected: int | None) -> None:
    assert parse_count(value) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-29",
        "2024-02-29 23:59",
        "2024-02-29T23:59:58",
        "2024-02-29 23:59:58.123456789",
        "2024-02-29T23:59:58Z",
        "2024-02-29 23:59:58.5 +07:00",
        "2024-02-29T23:59:58-0330",
        "2024-02-29 23:59+09",
        "\t2024-02-29 23:59:58 \n",
        "0001-01-01",
        "9999-12-31 23:59:59",
    ],
)
def test_times_in_iso_8601_are_read_as_python_reads_them(text: str) -> None:
    expected = datetime.fromisoformat(text.strip().replace(" +", "+"))
    if expected.tzinfo is None:
        expected = expected.replace(tzinfo=UTC)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    assert parse_time(text) == (expected - epoch) // timedelta(seconds=1)


@pytest.mark.parametrize(
    "value",
    [
        "31/02/2026",
        "2026-02-30",
        "2026-2-3",
        "20260203",
        "2026-02-03T",
        "2026-02-03 24:00",
        "2026-02-03 10:60",
        "2026-02-03 10:00:60",
        "2026-02-03  10:00",
        "2026-02-03Z",
        "2026-02-03 10:00+24:00",
        "2026-02-03 10:00+07:60",
        "2026-02-03 10:00:00.",
        "2026-02-03 10:00:00.1234567890",
        "2026-02-03 10:00 WIB",
        "٢٠٢٦-02-03",
        "0000-00-00",
        "0001-01-01 00:00+01:00",
        "9999-12-31 23:59-00:01",
        "kemarin",
        "infinity",
        1_700_000_000,
        1.5,
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_anything_else_is_no_time(value: object) -> None:
    assert parse_time(value) is None


@pytest.mark.parametrize("value", [None, "", "  "])
def test_an_absent_time_is_no_time_yet_usable(value: object) -> None:
    assert parse_time(value) == NO_TIME


def test_dates_are_midnights_and_naive_times_are_utc() -> None:
    assert parse_time(date(1970, 1, 2)) == 86_400
    assert parse_time(datetime(1970, 1, 1, 0, 1, 0, 999_999)) == 60
    jakarta = timezone(timedelta(hours=7))
    assert parse_time(datetime(1970, 1, 1, 7, 0, 1, tzinfo=jakarta)) == 1


@given(st.datetimes(timezones=st.timezones()))
def test_datetimes_are_read_alike_as_objects_and_as_texts(moment: datetime) -> None:
    offset = moment.utcoffset()
    if offset is not None and offset.seconds % 60:
        return  # the local mean times of long ago have seconds that ISO 8601 cannot tell
    assert parse_time(moment) == parse_time(moment.isoformat(" "))


@pytest.mark.parametrize(
    ("value", "utc"),
    [
        ("2026-03-29 02:30:00", datetime(2026, 3, 29, 1, 30)),
        ("2026-10-25 02:30:00", datetime(2026, 10, 25, 0, 30)),
        (datetime(2026, 10, 25, 2, 30, fold=1), datetime(2026, 10, 25, 0, 30)),
        ("2026-10-25 02:30:00Z", datetime(2026, 10, 25, 2, 30)),
        ("2026-10-25 02:30+0100", datetime(2026, 10, 25, 1, 30)),
        (date(2026, 7, 1), datetime(2026, 6, 30, 22, 0)),
    ],
)
def test_times_without_an_offset_are_in_the_zone(value: object, utc: datetime) -> None:
    seconds = int(utc.replace(tzinfo=UTC).timestamp())
    assert parse_time(value, ZoneInfo("Europe/Berlin")) == seconds


def test_a_local_time_that_leaves_the_calendar_cannot_be_read() -> None:
    assert parse_time("0001-01-01 00:00:00", ZoneInfo("Asia/Jakarta")) is None


@given(st.datetimes())
def test_a_formatted_time_is_read_back(moment: datetime) -> None:
    seconds = parse_time(moment)
    assert seconds is not None
    assert parse_time(format_time(seconds)) == seconds


def test_times_are_formatted_in_utc() -> None:
    assert format_time(0) == "1970-01-01T00:00:00Z"
    assert format_time(-1) == "1969-12-31T23:59:59Z"


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        (7, "int", 7),
        (-(2**63), "int", -(2**63)),
        (2**63, "int", None),
        (True, "int", None),
        ("7", "int", None),
        (7.0, "int", None),
        (7, "str", "7"),
        (7.0, "str", "7"),
        (7.5, "str", "7.5"),
        ("007", "str", "007"),
        (" a/b ", "str", " a/b "),
        (uuid.UUID(int=1), "str", "00000000-0000-0000-0000-000000000001"),
        ("", "str", None),
        (None, "int", None),
        (None, "str", None),
    ],
)
def test_ids_keep_every_character(value: object, kind: Any, expected: object) -> None:
    assert read_id(value, kind) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"caf\xc3\xa9 \xff", "café \ufffd"),
        (memoryview(b"x"), "x"),
        ({"a": [1, "é"]}, '{"a": [1, "é"]}'),
        (["new", None], '["new", null]'),
        (timedelta(hours=1), "1:00:00"),
        ("text", "text"),
        (Decimal("1.0"), Decimal("1.0")),
    ],
)
def test_unusual_types_become_texts(value: object, expected: object) -> None:
    assert plain(value) == expected
