"""Events are written into the shop's own tables: once, whole, and as they are read back."""

import math
from typing import Any

import pytest

from selera.contracts.behaviors import BehaviorRow
from selera.contracts.errors import DatabaseError
from selera.contracts.events import Event
from selera.contracts.tables import BUY, RATING, REVIEW, TABLES, USER_PROFILE, VISIT
from selera.database import EventConfig, events
from selera.database.outbox import KEPT_DAYS, OUTBOX
from tests.database.stores import (
    LENIENT,
    NOON,
    a_visit,
    count,
    make_full_shop,
    make_poor_shop,
    one_of_each,
    open_store,
)
from tests.database.test_shop import ODD_IDS
from tests.shops import execute, insert, opened

BEHAVIOR_TABLES = [table.name for table in (VISIT, BUY, RATING, REVIEW)]


def test_each_type_of_event_is_in_the_history_as_it_was_told(database_url: str) -> None:
    make_full_shop(database_url)
    with open_store(database_url) as (shop, store):
        outcomes = store.write(one_of_each())
        assert [outcome.status for outcome in outcomes] == ["stored"] * 4
        assert sorted(shop.history(1), key=lambda row: row.behavior) == [
            BehaviorRow(7, "buy", 2.0, NOON),
            BehaviorRow(7, "rating", 4.5, NOON),
            BehaviorRow(7, "review", 2.0, NOON, "Bagus"),
            BehaviorRow(7, "visit", 3.0, NOON),
        ]


def test_a_shop_with_the_minimum_columns_takes_events(database_url: str) -> None:
    make_poor_shop(database_url)
    with open_store(database_url) as (shop, store):
        assert [each.status for each in store.write(one_of_each())] == ["stored"] * 4
        told = {row.behavior: row for row in shop.history(1)}
    assert (told["visit"].value, told["rating"].value, told["buy"].value) == (3, 4.5, 1)
    assert told["buy"].timestamp == told["review"].timestamp == NOON
    assert math.isnan(told["review"].value)


def test_an_event_told_twice_is_stored_once(database_url: str) -> None:
    make_full_shop(database_url)
    with open_store(database_url) as (shop, store):
        assert [each.status for each in store.write([a_visit("a"), a_visit("a")])] == [
            "stored",
            "duplicate",
        ]
        assert [each.status for each in store.write([a_visit("b"), a_visit("a")])] == [
            "stored",
            "duplicate",
        ]
        assert len(shop.history(1)) == count(database_url, OUTBOX) == 2
    with open_store(database_url) as (_, later):
        assert later.write([a_visit("b")])[0].status == "duplicate"


def test_event_ids_are_equal_only_to_the_last_character(database_url: str) -> None:
    make_full_shop(database_url)
    with open_store(database_url) as (shop, store):
        outcomes = store.write([a_visit(id) for id in ODD_IDS])
        assert {each.status for each in outcomes} == {"stored"}
        assert len(shop.history(1)) == len(ODD_IDS)
        again = store.write([a_visit(id) for id in ODD_IDS])
        assert {each.status for each in again} == {"duplicate"}


def test_ids_of_any_character_are_written_and_read_back(database_url: str) -> None:
    make_full_shop(database_url, ODD_IDS, {"user_id", "product_id"})
    with open_store(database_url) as (shop, store):
        written = store.write([a_visit(f"{id}!", id, id) for id in ODD_IDS])
        assert {each.status for each in written} == {"stored"}
        for id in ODD_IDS:
            assert [row.product_id for row in shop.history(id)] == [id]
    assert count(database_url, USER_PROFILE.name) == 0


def test_a_rejected_event_rejects_no_other_of_its_name(database_url: str) -> None:
    """As if they had come one after the other: what was not stored made no duplicate."""
    make_full_shop(database_url)
    with open_store(database_url) as (shop, store):
        told = store.write(
            [
                Event("a", "rating", 1, 7, NOON),
                a_visit("a", product_id=8),
                a_visit("a"),
                a_visit("a"),
                Event("a", "rating", 1, 7, NOON),
            ]
        )
        assert [each.status for each in told] == [
            "rejected",
            "rejected",
            "stored",
            "duplicate",
            "duplicate",
        ]
        assert told[0].reason != told[1].reason
        assert len(shop.history(1)) == 1
        assert [each.status for each in store.write([a_visit("a")])] == ["duplicate"]


@pytest.mark.parametrize("id", ["", "x" * 256, "nul\x00l", "half \ud800"])
def test_an_event_id_that_cannot_be_kept_is_rejected(database_url: str, id: str) -> None:
    make_full_shop(database_url)
    with open_store(database_url) as (_, store):
        bad, good = store.write([a_visit(id), a_visit("good")])
        assert (bad.status, good.status) == ("rejected", "stored")
        assert bad.reason is not None
        assert "event_id" in bad.reason


def test_a_bad_event_never_loses_the_good_ones(database_url: str) -> None:
    make_full_shop(database_url, ODD_IDS, {"product_id"})
    at: dict[str, Any] = {"user_id": 1, "product_id": "7", "at": NOON}
    bad = [
        Event("1", "visit", 2**63, "7"),
        Event("2", "visit", "seven", "7"),
        Event("3", "visit", 1, "x\x00"),
        Event("4", "visit", 1, "\udfff"),
        Event("5", "visit", 1, "x" * 300),
        Event("6", "rating", **at),
        Event("7", "rating", rating=math.nan, **at),
        Event("8", "purchase", transaction_value=-1, **at),
        Event("9", "purchase", transaction_value=math.inf, **at),
        Event("10", "visit", visit_count=0, **at),
        Event("11", "visit", visit_count=2**60, **at),
        Event("12", "purchase", quantity=-3, **at),
        Event("13", "review", **at),
        Event("14", "review", review_text="nul\x00l", **at),
        Event("15", "visit", 1, "7", at=2**60),
        Event("16", "visit", 1, "unknown"),
    ]
    with open_store(database_url) as (shop, store):
        outcomes = store.write([a_visit("a", 1, "7"), *bad, a_visit("b", 1, "7")])
        refused = outcomes[1:-1]
        assert {each.event_id for each in refused if each.status != "rejected"} == set()
        assert all(each.reason for each in refused)
        assert outcomes[0].status == outcomes[-1].status == "stored"
        assert len(shop.history(1)) == count(database_url, OUTBOX) == 2


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True)
def test_what_a_column_cannot_hold_is_rejected_and_never_changed(database_url: str) -> None:
    make_poor_shop(database_url)
    execute(
        database_url,
        "ALTER TABLE data_product_rating DROP COLUMN rating",
        "ALTER TABLE data_product_rating ADD COLUMN rating NUMERIC(3, 1)",
        "ALTER TABLE data_user_history_visit_product DROP COLUMN visit_count",
        "ALTER TABLE data_user_history_visit_product ADD COLUMN visit_count SMALLINT",
        "ALTER TABLE data_product_transaction_buy ADD COLUMN currency VARCHAR(3)",
    )
    at: dict[str, Any] = {"user_id": 1, "product_id": 7, "at": NOON}
    with open_store(database_url) as (shop, store):
        outcomes = store.write(
            [
                Event("1", "rating", rating=4.25, **at),
                Event("2", "rating", rating=100.0, **at),
                Event("3", "visit", visit_count=40_000, **at),
                Event("4", "purchase", currency="IDR!", **at),
                Event("5", "purchase", transaction_value=10.0**12, **at),
                Event("6", "rating", rating=4.5, **at),
                Event("7", "purchase", transaction_value=1.999, currency="IDR", **at),
            ]
        )
        assert [each.status for each in outcomes] == ["rejected"] * 5 + ["stored"] * 2
        assert len(shop.history(1)) == 2
        assert outcomes[0].reason == "the column rating holds numbers with 1 decimals, got 4.25"


def test_what_only_the_database_refuses_is_rejected_with_its_reason(database_url: str) -> None:
    make_poor_shop(database_url)
    execute(
        database_url,
        "DROP TABLE data_product_rating",
        "CREATE TABLE data_product_rating (rating_id INTEGER, user_id BIGINT, product_id BIGINT, "
        "rating NUMERIC(12, 2), CHECK (rating <= 5))",
    )
    events = [
        Event(str(stars), "rating", 1, 7, NOON, rating=stars) for stars in (4.0, 6.0, 5.0, 7.5)
    ]
    with open_store(database_url) as (shop, store):
        outcomes = store.write([*events, a_visit("v")])
        assert [each.status for each in outcomes] == [
            "stored",
            "rejected",
            "stored",
            "rejected",
            "stored",
        ]
        assert str(outcomes[1].reason).startswith("the database refuses it: ")
        assert len(shop.history(1)) == count(database_url, OUTBOX) == 3
        assert [each.status for each in store.write(events[:2])] == ["duplicate", "rejected"]


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_what_is_checked_at_the_end_refuses_one_event_only(database_url: str) -> None:
    make_full_shop(database_url, [7])
    execute(
        database_url,
        "ALTER TABLE data_user_history_visit_product ADD FOREIGN KEY (product_id) REFERENCES "
        "data_product_category_tag_source_country DEFERRABLE INITIALLY DEFERRED",
    )
    with open_store(database_url, LENIENT) as (_, store):
        outcomes = store.write([a_visit("a"), a_visit("b", product_id=8), a_visit("c")])
    assert [each.status for each in outcomes] == ["stored", "rejected", "stored"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (EventConfig(), ["stored", "rejected", "stored"]),
        (EventConfig(unknown_products="accept"), ["stored", "stored", "stored"]),
        (EventConfig(unknown_users="reject"), ["stored", "rejected", "rejected"]),
    ],
)
def test_unknown_users_and_products_have_a_stated_fate(
    database_url: str, config: EventConfig, expected: list[str]
) -> None:
    make_full_shop(database_url, [0, 7])
    insert(database_url, {USER_PROFILE: [(1, "Budi", None, None, None)]})
    events = [a_visit("a", product_id=0), a_visit("b", product_id=8), a_visit("c", user_id=2)]
    with open_store(database_url, config) as (_, store):
        outcomes = store.write(events)
    assert [each.status for each in outcomes] == expected
    told = "data_product_category_tag_source_country has no product_id 8"
    assert outcomes[1].reason == (told if expected[1] == "rejected" else None)


def test_more_ids_than_one_statement_takes_are_looked_up(database_url: str) -> None:
    make_full_shop(database_url, range(0, 2400, 2))
    events = [a_visit(f"e{n}", product_id=n) for n in range(2400)]
    with open_store(database_url) as (_, store):
        stored = [each.event_id for each in store.write(events) if each.status == "stored"]
        assert stored == [f"e{n}" for n in range(0, 2400, 2)]
        assert {each.status for each in store.write(events[::2])} == {"duplicate"}


def test_nothing_is_written_for_no_events(database_url: str) -> None:
    make_full_shop(database_url)
    with open_store(database_url) as (_, store):
        assert store.write([]) == []
    assert count(database_url, OUTBOX) == 0


def test_ids_are_forgotten_after_the_days_that_are_promised(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_full_shop(database_url)
    with open_store(database_url) as (_, store):
        store.write([a_visit(f"e{n}") for n in range(5)])
        execute(
            database_url,
            f"UPDATE {OUTBOX} SET written_at = written_at - {KEPT_DAYS * 86_400 + 60} "
            "WHERE event_id IN ('e0', 'e1', 'e2')",
            f"UPDATE {OUTBOX} SET written_at = written_at - {KEPT_DAYS * 86_400 - 600} "
            "WHERE event_id = 'e3'",
        )
        store.write([a_visit("later")])
        assert count(database_url, OUTBOX) == 6, "it is not done with every write"
        monkeypatch.setattr(events, "PRUNE_EVERY_S", 0)
        store._prune_at = 0.0
        store.write([a_visit("e3")])
    with opened(database_url) as engine, engine.connect() as connection:
        kept = connection.exec_driver_sql(f"SELECT event_id FROM {OUTBOX}").scalars()
        assert sorted(kept) == ["e3", "e4", "later"]


def test_a_table_that_has_gone_stores_nothing(database_url: str) -> None:
    make_full_shop(database_url)
    with open_store(database_url) as (_, store):
        store.write([a_visit("a")])
        execute(database_url, "ALTER TABLE data_product_reviews RENAME TO away")
        with pytest.raises(DatabaseError, match="Cannot write events into"):
            store.write(one_of_each())
        assert count(database_url, OUTBOX) == count(database_url, VISIT.name) == 1
        execute(database_url, "ALTER TABLE away RENAME TO data_product_reviews")
        assert {each.status for each in store.write(one_of_each())} == {"stored"}
    assert all(count(database_url, table.name) for table in TABLES if table is not USER_PROFILE)
