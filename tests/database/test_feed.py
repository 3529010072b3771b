"""The feed tells who did something, whoever wrote it and whenever it was committed."""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from selera.contracts.errors import DatabaseError
from selera.contracts.events import Changes
from selera.contracts.ids import Id
from selera.contracts.tables import BUY, RATING, REVIEW, VISIT
from selera.database import ChangeFeed, feed, watermarks
from selera.database.outbox import OUTBOX
from tests.clock import Clock
from tests.database.stores import (
    LENIENT,
    a_visit,
    make_full_shop,
    make_poor_shop,
    one_of_each,
    open_store,
)
from tests.database.test_shop import ODD_IDS
from tests.shops import execute, opened

NOTHING = Changes()
EVERYTHING = Changes(everything=True)
SERVERS = pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True)


@contextmanager
def _feed(url: str) -> Iterator[ChangeFeed]:
    """A feed that was asked for the first time."""
    with open_store(url) as (shop, _), shop.change_feed() as feed:
        assert feed.poll() == EVERYTHING
        yield feed


def _changes(*user_ids: Id) -> Changes:
    return Changes(frozenset(user_ids))


def _insert(user_id: int, key: int | None = None) -> str:
    own, value = (f"{VISIT.key}, ", f"{key}, ") if key is not None else ("", "")
    return f"INSERT INTO {VISIT.name} ({own}user_id, product_id) VALUES ({value}{user_id}, 7)"


def test_an_event_is_told_once_to_every_worker(database_url: str) -> None:
    make_full_shop(database_url)
    with (
        _feed(database_url) as one,
        _feed(database_url) as other,
        open_store(database_url) as (_, store),
    ):
        store.write([a_visit("a", 3), a_visit("b", 5), a_visit("c", 3)])
        for feed in (one, other):
            assert feed.poll() == _changes(3, 5)
            assert feed.poll() == NOTHING
        store.write([a_visit("a", 3)])
        assert one.poll() == NOTHING
        store.write([a_visit("d", 9)])
        assert one.poll() == _changes(9)


def test_rows_that_others_insert_are_told_from_every_table(database_url: str) -> None:
    make_full_shop(database_url)
    execute(database_url, _insert(1))
    with _feed(database_url) as feed:
        for user, table in enumerate((VISIT, BUY, RATING, REVIEW), start=10):
            execute(
                database_url, f"INSERT INTO {table.name} (user_id, product_id) VALUES ({user}, 7)"
            )
            assert feed.poll() == _changes(user)
            assert feed.poll() == NOTHING


def test_users_of_any_id_are_told(database_url: str) -> None:
    make_full_shop(database_url, text_ids={"user_id"})
    with _feed(database_url) as feed, open_store(database_url) as (_, store):
        store.write([a_visit(id, id) for id in ODD_IDS])
        assert feed.poll() == _changes(*ODD_IDS)


def test_what_is_not_committed_is_told_when_it_is(database_url: str) -> None:
    make_full_shop(database_url)
    with _feed(database_url) as feed, opened(database_url) as engine:
        with engine.begin() as connection:
            connection.exec_driver_sql(_insert(4))
            assert feed.poll() == NOTHING
        assert feed.poll() == _changes(4)
        with engine.connect() as connection:
            connection.exec_driver_sql(_insert(5))
            connection.rollback()
        assert feed.poll() == NOTHING


@SERVERS
def test_a_lower_row_that_is_committed_later_is_still_told(database_url: str) -> None:
    make_full_shop(database_url)
    execute(database_url, *[_insert(1)] * 3)
    with _feed(database_url) as feed, opened(database_url) as engine:
        with engine.connect() as slow, engine.connect() as slower, engine.connect() as fast:
            slow.exec_driver_sql(_insert(21))
            slower.exec_driver_sql(_insert(22))
            fast.exec_driver_sql(_insert(23))
            fast.commit()
            assert feed.poll() == _changes(23)
            assert feed.poll() == NOTHING
            slower.commit()
            assert feed.poll() == _changes(22)
            fast.exec_driver_sql(_insert(24))
            fast.commit()
            assert feed.poll() == _changes(24)
            slow.commit()
            assert feed.poll() == _changes(21)
            assert feed.poll() == NOTHING


@SERVERS
def test_a_lower_sequence_of_the_outbox_that_is_committed_later_is_still_told(
    database_url: str,
) -> None:
    make_full_shop(database_url)
    row = (
        f"INSERT INTO {OUTBOX} (event_id, user_id, product_id, type, written_at) "
        "VALUES ('{0}', '{0}', '7', 'visit', 0)"
    )
    with open_store(database_url) as (_, store):
        store.write([a_visit("a")])
    with _feed(database_url) as feed, opened(database_url) as engine:
        with engine.connect() as slow, engine.connect() as fast:
            slow.exec_driver_sql(row.format(31))
            fast.exec_driver_sql(row.format(32))
            fast.commit()
            assert feed.poll() == _changes(32)
            slow.commit()
        assert feed.poll() == _changes(31)
        assert feed.poll() == NOTHING


@SERVERS
def test_what_was_being_written_at_the_first_look_is_told(database_url: str) -> None:
    make_full_shop(database_url)
    with opened(database_url) as engine, engine.connect() as slow:
        slow.exec_driver_sql(_insert(41))
        execute(database_url, _insert(42))
        with _feed(database_url) as feed:
            assert feed.poll() == NOTHING
            slow.commit()
            assert feed.poll() == _changes(41)


@SERVERS
def test_keys_that_never_appear_are_given_up(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_full_shop(database_url)
    clock = Clock(1_000.0)
    monkeypatch.setattr(feed, "time", clock)
    with _feed(database_url) as told:
        execute(database_url, _insert(1, key=10))
        assert told.poll() == _changes(1)
        execute(database_url, _insert(2, key=9))
        assert told.poll() == _changes(2)
        clock.now += watermarks.HOLE_S + 1
        assert told.poll() == NOTHING
        execute(database_url, _insert(3, key=8))
        assert told.poll() == NOTHING
        assert told._watermarks[VISIT.name]._holes == {}


def test_a_huge_gap_of_keys_costs_nothing(database_url: str) -> None:
    make_full_shop(database_url)
    with _feed(database_url) as feed:
        execute(database_url, _insert(1, key=2**40))
        assert feed.poll() == _changes(1)
        execute(database_url, _insert(2, key=2**62))
        assert feed.poll() == _changes(2)
        assert len(feed._watermarks[VISIT.name]._holes) <= 2 * watermarks.MOST_HOLES


def test_more_rows_than_one_would_name_are_everything(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watermarks, "MOST_NEWS", 20)
    make_full_shop(database_url)
    with _feed(database_url) as feed, open_store(database_url) as (_, store):
        store.write([a_visit(f"{n}", n) for n in range(50)])
        changes = feed.poll()
        assert changes.everything
        assert feed.poll() == NOTHING
        store.write([a_visit("again", 3)])
        assert feed.poll() == _changes(3)


def test_tables_that_begin_anew_are_everything(database_url: str) -> None:
    make_full_shop(database_url)
    execute(database_url, *[_insert(1)] * 3)
    with _feed(database_url) as feed:
        execute(database_url, f"DELETE FROM {VISIT.name}")
        assert feed.poll() == EVERYTHING
        assert feed.poll() == NOTHING
        execute(database_url, _insert(2, key=1))
        assert feed.poll() == _changes(2)


def test_an_erased_user_makes_everybody_forget(database_url: str) -> None:
    make_full_shop(database_url)
    with _feed(database_url) as feed, open_store(database_url) as (shop, store):
        store.write(one_of_each(5))
        assert feed.poll() == _changes(5)
        shop.erase(5)
        assert feed.poll().everything
        assert feed.poll() == NOTHING


def test_a_shop_without_keys_is_followed_through_the_outbox(database_url: str) -> None:
    make_poor_shop(database_url)
    with _feed(database_url) as feed, open_store(database_url, LENIENT) as (_, store):
        store.write(one_of_each(5))
        assert feed.poll() == _changes(5)
        execute(database_url, _insert(6))
        is_sqlite = database_url.startswith("sqlite")
        assert feed.poll() == (_changes(6) if is_sqlite else NOTHING)


@SERVERS
def test_an_indexed_key_is_enough_to_be_followed(database_url: str) -> None:
    make_poor_shop(database_url)
    execute(database_url, f"CREATE INDEX k ON {VISIT.name} ({VISIT.key}, user_id)")
    with _feed(database_url) as feed:
        execute(database_url, _insert(6, key=1))
        assert feed.poll() == _changes(6)


def test_a_shop_of_nothing_but_views_is_followed_through_the_outbox(database_url: str) -> None:
    make_full_shop(database_url)
    for table in (VISIT, BUY, RATING, REVIEW):
        execute(
            database_url,
            f"ALTER TABLE {table.name} RENAME TO t_{table.name}",
            f"CREATE VIEW {table.name} AS SELECT * FROM t_{table.name}",
        )
    with _feed(database_url) as feed:
        execute(database_url, f"INSERT INTO t_{VISIT.name} (user_id, product_id) VALUES (6, 7)")
        assert feed.poll() == NOTHING


@SERVERS
def test_a_lost_connection_is_made_anew_and_nothing_is_lost(database_url: str) -> None:
    make_full_shop(database_url)
    with _feed(database_url) as feed:
        _end_other_sessions(database_url)
        with pytest.raises(DatabaseError, match="Cannot follow the changes of"):
            feed.poll()
        execute(database_url, _insert(5))
        assert feed.poll() == EVERYTHING
        execute(database_url, _insert(6))
        assert feed.poll() == _changes(6)


def _end_other_sessions(url: str) -> None:
    with opened(url) as engine, engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
            return
        query = "SELECT id FROM information_schema.processlist WHERE db = database()"
        for (id,) in connection.exec_driver_sql(f"{query} AND id <> connection_id()").all():
            connection.exec_driver_sql(f"KILL {id}")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_another_file_in_the_same_place_is_everything(database_url: str, tmp_path: Path) -> None:
    make_full_shop(database_url)
    execute(database_url, _insert(1))
    path = tmp_path / "shop.db"
    shutil.copy(path, tmp_path / "copy.db")
    with _feed(database_url) as feed:
        (tmp_path / "copy.db").replace(path)
        assert feed.poll() == EVERYTHING
        assert feed.poll() == NOTHING
        path.rename(tmp_path / "away.db")
        with pytest.raises(DatabaseError, match="no database"):
            feed.poll()
        (tmp_path / "away.db").rename(path)
        assert feed.poll() == EVERYTHING
        execute(database_url, _insert(8))
        assert feed.poll() == _changes(8)


def test_a_feed_gives_its_connections_back(database_url: str) -> None:
    make_full_shop(database_url)
    with open_store(database_url) as (shop, _):
        with closing(shop.change_feed()) as feed:
            feed.poll()
        assert shop._engine.pool.checkedout() == 0  # type: ignore[attr-defined]
