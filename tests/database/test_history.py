"""One user's behaviors, under the rules of the ETL."""

import math
from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal

import pytest

from selera.contracts.behaviors import NO_TIME, BehaviorRow
from selera.contracts.errors import ConfigError
from selera.contracts.tables import BUY, RATING, REVIEW, VISIT, Table
from selera.database import Shop, create_shop_tables, insert_rows
from selera.database.history import UNKNOWN, usable_value
from tests.shops import execute, make_minimal_shop, opened

NOON = 1_704_110_400  # 2024-01-01 12:00 UTC


@pytest.mark.parametrize(
    ("behavior", "value", "money", "expected"),
    [
        ("visit", None, None, 1),
        ("visit", " ", None, 1),
        ("visit", 3, None, 3),
        ("visit", 0, None, None),
        ("visit", -2, None, None),
        ("visit", "often", None, None),
        ("buy", None, None, 1),
        ("buy", 2, Decimal("9.90"), 2),
        ("buy", 0.35, 4, 1),
        ("buy", 1, 0, 1),
        ("buy", 1, -5, None),
        ("buy", 1, "cheap", None),
        ("buy", 0, 5, None),
        ("rating", "4.5", None, 4.5),
        ("rating", 0, None, 0),
        ("rating", None, None, None),
        ("rating", "good", None, None),
        ("review", 4, None, 4),
    ],
)
def test_each_behavior_has_its_own_rule(
    behavior: str, value: object, money: object, expected: float | None
) -> None:
    assert usable_value(behavior, value, money, None) == expected


@pytest.mark.parametrize("value", [None, "", "good"])
def test_a_review_needs_stars_or_a_text(value: object) -> None:
    assert usable_value("review", value, None, "B") == UNKNOWN
    assert usable_value("review", value, None, "") is None
    assert usable_value("review", value, None, None) is None


def _history(url: str, user_id: int, time_zone: str = "UTC") -> Sequence[BehaviorRow]:
    with closing(Shop.open(url, time_zone=time_zone)) as shop:
        return shop.history(user_id)


def test_a_shop_with_the_minimum_columns_has_a_history(database_url: str) -> None:
    make_minimal_shop(
        database_url,
        {
            VISIT: [(1, 1, 10, 3), (2, 1, 11, None), (3, 2, 10, 1), (4, 1, 12, 0)],
            BUY: [
                (1, 1, 20, 5.25, "2024-01-01"),
                (2, 1, 21, -5, "2024-01-01"),
                (3, 1, 22, None, "31/12/2024"),
            ],
            RATING: [(1, 1, 30, 4.5), (2, 1, 31, None), (3, 1, None, 5)],
            REVIEW: [
                (1, 1, 40, "Bagus", "2024-01-01T19:00:00+07:00"),
                (2, 1, 41, " ", None),
                (3, None, 42, "?", ""),
                (4, 1, 43, None, "2024-01-01"),
                (5, 1, 44, "", "2024-01-01"),
            ],
        },
    )
    told = {
        (row.behavior, row.product_id): (row.value, row.timestamp)
        for row in _history(database_url, 1)
    }
    assert told.keys() == {
        ("visit", 10),
        ("visit", 11),
        ("buy", 20),
        ("rating", 30),
        ("review", 40),
        ("review", 41),
    }
    assert told["visit", 10] == (3, NO_TIME)
    assert told["visit", 11] == (1, NO_TIME)
    assert told["buy", 20] == (1, NOON - 12 * 3600)
    assert told["rating", 30] == (4.5, NO_TIME)
    assert math.isnan(told["review", 40][0])
    assert told["review", 40][1] == NOON
    assert told["review", 41][1] == NO_TIME


def test_a_shop_with_all_columns_has_times_everywhere(database_url: str) -> None:
    columns: dict[Table, dict[str, list[object]]] = {
        VISIT: {"history_id": [1], "visit_count": [2], "visit_date": ["2024-01-01 12:00:00"]},
        BUY: {
            "transaction_id": [1],
            "transaction_value": [9.5],
            "quantity": [3],
            "transaction_date": ["2024-01-01T12:00:00Z"],
        },
        RATING: {"rating_id": [1], "rating": [4], "rating_date": ["2024-01-01 19:00:00+07:00"]},
        REVIEW: {"review_id": [1], "rating": [2.0], "review_date": ["2024-01-01 12:00"]},
    }
    with opened(database_url, create=True) as engine:
        create_shop_tables(engine, overwrite=False)
        with engine.begin() as connection:
            for table, own in columns.items():
                insert_rows(connection, table, {"user_id": [1], "product_id": [7], **own})
    history = sorted(_history(database_url, 1), key=lambda row: row.behavior)
    assert history == [
        BehaviorRow(7, "buy", 3.0, NOON),
        BehaviorRow(7, "rating", 4.0, NOON),
        BehaviorRow(7, "review", 2.0, NOON),
        BehaviorRow(7, "visit", 2.0, NOON),
    ]


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True)
def test_real_date_columns_are_read(database_url: str) -> None:
    make_minimal_shop(database_url, {REVIEW: [(1, 1, 7, "x", "2024-01-01")]}, time_type="DATE")
    assert [row.timestamp for row in _history(database_url, 1)] == [NOON - 12 * 3600]


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_time_that_python_cannot_hold_is_skipped(database_url: str) -> None:
    make_minimal_shop(
        database_url,
        {REVIEW: [(1, 1, 7, "x", "infinity"), (2, 1, 8, "x", "2024-01-01 12:00+00")]},
        time_type="TIMESTAMPTZ",
    )
    assert [row.product_id for row in _history(database_url, 1)] == [8]


def test_products_that_are_in_no_catalogue_stay_in_the_history(database_url: str) -> None:
    make_minimal_shop(database_url, {RATING: [(1, 1, 999, 5)]})
    execute(database_url, "DELETE FROM data_product_category_tag_source_country")
    assert [row.product_id for row in _history(database_url, 1)] == [999]


@pytest.mark.parametrize(
    ("id_type", "told_keys", "order"),
    [
        ("BIGINT", [10, 2, None, 2, -3], [-1, 5, 2, 10]),
        ("VARCHAR(9)", ["10", "2", None, "2", "é"], [-1, 10, 2, 3]),
    ],
)
def test_rows_stand_as_in_the_csv_and_repeated_ones_count_once(
    database_url: str, id_type: str, told_keys: list[object], order: list[float]
) -> None:
    """Equal times are ordered by the key; NULL keys come first and are never the same."""
    values = [10, 2, -1, 4, 5 if id_type == "BIGINT" else 3]
    product, user = (7, 1) if id_type == "BIGINT" else ("7", "1")
    rows = [(key, user, product, stars) for key, stars in zip(told_keys, values, strict=True)]
    make_minimal_shop(database_url, {RATING: [*rows, (None, user, product, -1)]}, id_type=id_type)
    with closing(Shop.open(database_url)) as shop:
        assert [row.value for row in shop.history(user)] == [-1, *order]


def test_behaviors_stand_by_product_then_time_then_name(database_url: str) -> None:
    make_minimal_shop(
        database_url,
        {
            VISIT: [(1, 1, 8, 1), (1, 1, 7, 1)],
            BUY: [(1, 1, 7, 5, "2024-01-01"), (2, 1, 7, 5, None)],
            REVIEW: [(1, 1, 7, "x", "2024-01-01"), (1, 1, 7, "x", "2023-01-01")],
        },
    )
    assert [(row.product_id, row.behavior) for row in _history(database_url, 1)] == [
        (7, "buy"),
        (7, "visit"),
        (7, "review"),
        (7, "buy"),
        (8, "visit"),
    ]


def test_times_without_an_offset_are_in_the_shops_zone(database_url: str) -> None:
    told = ["2024-01-01 19:00", "2024-01-01T12:00:00Z", "2024-01-01 12:00+00"]
    make_minimal_shop(
        database_url,
        {BUY: [(key, 1, key, 5, time) for key, time in enumerate(told)]},
    )
    history = _history(database_url, 1, "Asia/Jakarta")
    assert [row.timestamp for row in history] == [NOON, NOON, NOON]


def test_an_unknown_zone_is_named(database_url: str) -> None:
    make_minimal_shop(database_url)
    with pytest.raises(ConfigError, match="time_zone .*Mars/Phobos"):
        Shop.open(database_url, time_zone="Mars/Phobos")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_numbers_and_times_in_blobs_are_read_as_texts(database_url: str) -> None:
    make_minimal_shop(
        database_url,
        {VISIT: [(1, 1, 7, b"2")], BUY: [(1, 1, 7, b"9.5", b"2024-01-01 12:00")]},
    )
    history = _history(database_url, 1)
    assert [(row.value, row.timestamp) for row in history] == [(2, NO_TIME), (1, NOON)]
