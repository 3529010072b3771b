"""Keys and times of events, in whatever way a shop's tables declare them."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import types
from sqlalchemy.dialects import mysql

from selera.contracts.behaviors import NO_TIME
from selera.contracts.events import Event
from selera.contracts.tables import BUY, RATING, REVIEW, VISIT
from selera.database import fitting, snapshot
from selera.etl.times import time_reader
from tests.database.stores import (
    LENIENT,
    NOON,
    a_visit,
    make_full_shop,
    make_poor_shop,
    one_of_each,
    open_store,
)
from tests.shops import execute, insert, opened

A_UUID = str(uuid.uuid4())
SECOND_0230 = 1_729_992_600  # 2024-10-27 02:30 in Berlin, the second time


def _column(url: str, table: str, name: str) -> list[Any]:
    with opened(url) as engine, engine.connect() as connection:
        return list(connection.exec_driver_sql(f"SELECT {name} FROM {table} ORDER BY 1").scalars())


def test_keys_that_the_database_counts_go_on(database_url: str) -> None:
    make_full_shop(database_url)
    execute(
        database_url,
        f"INSERT INTO {VISIT.name} (user_id, product_id) VALUES (1, 7), (2, 7)",
    )
    with open_store(database_url) as (_, store):
        store.write([a_visit("a"), a_visit("b")])
    execute(database_url, f"INSERT INTO {VISIT.name} (user_id, product_id) VALUES (3, 7)")
    assert _column(database_url, VISIT.name, VISIT.key) == [1, 2, 3, 4, 5]


def test_integer_keys_that_nobody_counts_are_one_more_than_the_highest(database_url: str) -> None:
    make_poor_shop(database_url)
    insert(database_url, {VISIT: [(41, 2, 7, 1)]})
    with open_store(database_url) as (_, store):
        store.write([a_visit("a"), a_visit("b")])
        store.write([a_visit("c"), *one_of_each()])
    assert _column(database_url, VISIT.name, VISIT.key) == [41, 42, 43, 44, 45]
    assert _column(database_url, RATING.name, RATING.key) == [1]


def test_a_text_key_is_the_id_of_the_event(database_url: str) -> None:
    make_poor_shop(database_url, id_type="VARCHAR(12)")
    with open_store(database_url) as (shop, store):
        odd = "x'); DROP --"
        short, long = store.write([a_visit(odd, "1", "7"), a_visit("x" * 13, "1", "7")])
        assert short.status == "stored"
        # SQLite's columns hold texts of any length, whatever they declare.
        if database_url.startswith("sqlite"):
            assert long.status == "stored"
        else:
            assert long.status == "rejected"
            assert "event_id as data_user_history_visit_product.history_id" in str(long.reason)
        assert odd in _column(database_url, VISIT.name, VISIT.key)
        assert len(shop.history("1")) == (1 if long.status == "rejected" else 2)


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True)
def test_uuids_are_written_as_uuids(database_url: str) -> None:
    user, product = str(uuid.uuid4()), str(uuid.uuid4())
    make_poor_shop_of_uuids = "CREATE TABLE v (history_id UUID, user_id UUID, product_id UUID, "
    make_poor_shop(database_url, id_type="VARCHAR(36)")
    execute(
        database_url,
        f"DROP TABLE {VISIT.name}",
        make_poor_shop_of_uuids + "visit_count INTEGER)",
        f"ALTER TABLE v RENAME TO {VISIT.name}",
    )
    events = [a_visit(A_UUID, user, product), a_visit("no uuid", user, product)]
    with open_store(database_url, LENIENT) as (shop, store):
        outcomes = store.write([*events, a_visit("bad", "no uuid", product)])
        assert [each.status for each in outcomes] == ["stored", "stored", "rejected"]
        assert [row.product_id for row in shop.history(user)] == [product, product]
    assert A_UUID in [str(key) for key in _column(database_url, VISIT.name, VISIT.key)]


def test_defaults_of_the_shop_stand_for_what_an_event_does_not_say(database_url: str) -> None:
    make_poor_shop(database_url)
    execute(
        database_url,
        "ALTER TABLE data_product_transaction_buy ADD COLUMN currency VARCHAR(3) "
        "DEFAULT 'IDR' NOT NULL",
    )
    with open_store(database_url) as (_, store):
        store.write([Event("a", "purchase", 1, 7), Event("b", "purchase", 1, 7, currency="EUR")])
    assert _column(database_url, BUY.name, "currency") == ["EUR", "IDR"]


@pytest.mark.parametrize(
    ("there", "written"),
    [
        ([], "2024-01-01T12:00:00Z"),
        ([None, "2023-05-06"], "2024-01-01"),
        (["2023-05-06 07:00:00"], "2024-01-01 19:00:00"),
        (["2023-05-06T07:00"], "2024-01-01T19:00:00"),
        (["2023-05-06T07:00:00Z"], "2024-01-01T12:00:00Z"),
        (["2023-05-06 07:00:00+07:00"], "2024-01-01T12:00:00Z"),
        (["yesterday"], "2024-01-01T12:00:00Z"),
    ],
)
def test_times_in_texts_are_written_as_they_stand_there(
    database_url: str, there: Sequence[str | None], written: str
) -> None:
    make_poor_shop(database_url)
    insert(database_url, {REVIEW: [(n, 2, 7, "x", time) for n, time in enumerate(there)]})
    with open_store(database_url, time_zone="Asia/Jakarta") as (shop, store):
        store.write(one_of_each())
        assert written in _column(database_url, REVIEW.name, "review_date")
        (told,) = {row.timestamp for row in shop.history(1) if row.behavior == "review"}
        midnight = NOON - 19 * 3600
        assert told == (midnight if len(written) == 10 else NOON)


def test_a_short_column_of_texts_holds_dates(database_url: str) -> None:
    make_poor_shop(database_url, time_type="VARCHAR(10)")
    with open_store(database_url) as (_, store):
        assert {each.status for each in store.write(one_of_each())} == {"stored"}
    assert _column(database_url, BUY.name, "transaction_date") == ["2024-01-01"]


@pytest.mark.parametrize("time_type", ["DATE", "TIMESTAMP", "TIMESTAMPTZ", "DATETIME"])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Jakarta", "America/New_York"])
def test_times_are_read_back_from_every_declared_type(
    database_url: str, time_type: str, zone: str
) -> None:
    backend = database_url.partition(":")[0]
    if (time_type, backend) in {("DATETIME", "postgresql"), ("TIMESTAMPTZ", "mysql")}:
        return
    make_poor_shop(database_url, time_type=time_type)
    with open_store(database_url, time_zone=zone) as (shop, store):
        store.write(one_of_each())
        store.write([Event("again", "purchase", 2, 7, NOON)])
        told = {row.timestamp for row in [*shop.history(1), *shop.history(2)]} - {NO_TIME}
    midnights = {"UTC": 12, "Asia/Jakarta": 19, "America/New_York": 7}
    assert told == {NOON - (midnights[zone] * 3600 if time_type == "DATE" else 0)}


@pytest.mark.parametrize("database_kind", ["mariadb"], indirect=True)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Jakarta"])
def test_a_timestamp_of_mariadb_is_the_same_moment_for_the_shop_and_for_us(
    database_url: str, zone: str
) -> None:
    """Whatever zone the shop's sessions are in, and the one that Selera thinks it is in."""
    make_poor_shop(database_url, time_type="TIMESTAMP NULL")
    by_the_shop = "SELECT UNIX_TIMESTAMP(transaction_date) FROM data_product_transaction_buy"
    theirs = f"{database_url}?init_command=SET time_zone = '%2B07:00'"
    with opened(database_url) as engine, engine.begin() as connection:
        connection.exec_driver_sql("SET time_zone = '+07:00'")
        connection.exec_driver_sql(
            f"INSERT INTO {BUY.name} VALUES (1, 1, 7, 5, '2024-01-01 19:00:00'), (2, 2, 7, 5, NULL)"
        )
    with open_store(theirs, time_zone=zone) as (shop, store):
        store.write([Event("b", "purchase", 3, 7, NOON)])
        assert [row.timestamp for row in shop.history(1)] == [NOON]
        assert [row.timestamp for row in shop.history(2)] == [NO_TIME]
        assert [row.timestamp for row in shop.history(3)] == [NOON]
    with opened(database_url) as engine, engine.connect() as connection:
        connection.exec_driver_sql("SET time_zone = '+07:00'")
        assert set(connection.exec_driver_sql(by_the_shop).scalars()) == {NOON, None}
        with snapshot(engine) as frozen:
            (rows,) = frozen.batches(BUY)
            place = frozen.columns(BUY).index("transaction_date")
    read = time_reader(ZoneInfo(zone))([row[place] for row in rows])[0].to_list()
    assert sorted(each for each in read if each is not None) == [NOON, NOON]


def test_an_hour_that_the_clocks_repeat_is_told_apart_in_texts(database_url: str) -> None:
    make_poor_shop(database_url)
    insert(database_url, {BUY: [(1, 2, 7, 5, "2024-01-01 12:00:00")]})
    moments = [SECOND_0230 - 3600, SECOND_0230]
    with open_store(database_url, time_zone="Europe/Berlin") as (shop, store):
        store.write([Event(str(at), "purchase", 1, 7, at) for at in moments])
        assert [row.timestamp for row in shop.history(1)] == moments
    written = _column(database_url, BUY.name, "transaction_date")
    assert "2024-10-27 02:30:00" in written
    assert "2024-10-27T01:30:00Z" in written


def test_an_unknown_time_stays_unknown(database_url: str) -> None:
    make_full_shop(database_url)
    with open_store(database_url) as (shop, store):
        store.write([a_visit("a", at=NO_TIME)])
        assert [row.timestamp for row in shop.history(1)] == [NO_TIME]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_sqlite_keeps_what_its_columns_would_change(database_url: str) -> None:
    """A column of numbers would store the id 007 as 7, and one of integers a half star as it is."""
    make_poor_shop(database_url, id_type="NUMERIC")
    execute(
        database_url,
        f"DROP TABLE {RATING.name}",
        f"CREATE TABLE {RATING.name} (rating_id INTEGER PRIMARY KEY, user_id, product_id, "
        f"rating INTEGER) ",
    )
    with open_store(database_url, LENIENT) as (shop, store):
        refused, kept = store.write([a_visit("a", "007", "7"), a_visit("b", "7", "7")])
        assert (refused.status, kept.status) == ("rejected", "stored")
        store.write([Event("r", "rating", "007", "7", rating=4.5)])
        assert [row.value for row in shop.history("007")] == [4.5]
        assert len(shop.history("7")) == 1


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_table_without_row_numbers_gets_its_keys_from_us(database_url: str) -> None:
    make_poor_shop(database_url)
    execute(
        database_url,
        f"DROP TABLE {VISIT.name}",
        f"CREATE TABLE {VISIT.name} (history_id INTEGER PRIMARY KEY, user_id INTEGER, "
        "product_id INTEGER, visit_count INTEGER) WITHOUT ROWID",
    )
    with open_store(database_url) as (_, store):
        assert [each.status for each in store.write([a_visit("a"), a_visit("b")])] == ["stored"] * 2
    assert _column(database_url, VISIT.name, VISIT.key) == [1, 2]


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True)
def test_a_view_that_can_be_written_takes_events(database_url: str) -> None:
    make_full_shop(database_url)
    execute(
        database_url,
        f"ALTER TABLE {VISIT.name} RENAME TO clicks",
        f"CREATE VIEW {VISIT.name} AS SELECT * FROM clicks",
    )
    with open_store(database_url) as (shop, store):
        assert store.write([a_visit("a")])[0].status == "stored"
        assert len(shop.history(1)) == 1
    execute(database_url, "INSERT INTO clicks (user_id, product_id) VALUES (1, 7)")


@pytest.mark.parametrize(
    ("declared", "number", "expected"),
    [
        (types.SMALLINT(), 32_767, 32_767),
        (types.SMALLINT(), 32_768, None),
        (mysql.TINYINT(unsigned=True), 255, 255),
        (mysql.TINYINT(unsigned=True), 256, None),
        (mysql.MEDIUMINT(), 8_388_607, 8_388_607),
        (mysql.MEDIUMINT(), 8_388_608, None),
        (types.NUMERIC(4, 0), 9999, 9999),
        (types.NUMERIC(4, 0), 10_000, None),
        (types.VARCHAR(2), 99, "99"),
        (types.VARCHAR(2), 100, None),
        (types.DOUBLE(), 5, 5.0),
    ],
)
def test_counts_fit_their_columns(declared: Any, number: int, expected: object) -> None:
    if expected is None:
        with pytest.raises(fitting.Unfit, match="visit_count"):
            fitting.fit_count(number, declared, "visit_count")
    else:
        assert fitting.fit_count(number, declared, "visit_count") == expected


def test_the_repeated_hour_of_these_tests_is_one() -> None:
    assert datetime.fromisoformat("2024-10-27T01:30:00+00:00").timestamp() == SECOND_0230
