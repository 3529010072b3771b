"""Many workers write at once, and some of them die: each event is stored once and whole."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.process import BaseProcess

import pytest
from sqlalchemy import Connection, make_url, text
from sqlalchemy.event import listen

from selera.contracts.errors import DatabaseError
from selera.contracts.events import Event
from selera.contracts.tables import BUY, RATING, REVIEW, VISIT
from selera.database import Shop
from selera.database.outbox import OUTBOX, Outbox
from tests.database.stores import (
    NOON,
    a_visit,
    count,
    make_full_shop,
    make_poor_shop,
    one_of_each,
    open_store,
)
from tests.processes import wait_until
from tests.shops import execute, opened

N_WORKERS = 6


def _write(url: str, events: list[Event]) -> list[str]:
    """The statuses of one worker with a shop of its own."""
    with open_store(url) as (_, store):
        return [outcome.status for outcome in store.write(events)]


def test_workers_that_write_the_same_event_store_it_once(database_url: str) -> None:
    make_full_shop(database_url)
    events = [a_visit(f"e{n}") for n in range(20)]
    start = threading.Barrier(N_WORKERS)

    def work(number: int) -> list[str]:
        with open_store(database_url) as (_, store):
            start.wait()
            turned = events[number:] + events[:number]
            return [outcome.status for outcome in store.write(turned)]

    with ThreadPoolExecutor(N_WORKERS) as pool:
        told = [status for statuses in pool.map(work, range(N_WORKERS)) for status in statuses]
    assert told.count("stored") == len(events)
    assert told.count("duplicate") == (N_WORKERS - 1) * len(events)
    assert count(database_url, VISIT.name) == count(database_url, OUTBOX) == len(events)


def test_threads_of_one_store_number_rows_that_nobody_counts(database_url: str) -> None:
    make_poor_shop(database_url)
    with open_store(database_url) as (_, store), ThreadPoolExecutor(N_WORKERS) as pool:
        batches = [[a_visit(f"{n}-{m}") for m in range(3)] for n in range(20)]
        told = [outcome for outcomes in pool.map(store.write, batches) for outcome in outcomes]
    assert {outcome.status for outcome in told} == {"stored"}
    with opened(database_url) as engine, engine.connect() as connection:
        keys = connection.exec_driver_sql(f"SELECT {VISIT.key} FROM {VISIT.name}").scalars().all()
    assert sorted(keys) == list(range(1, 61))


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True)
def test_a_key_that_another_program_takes_is_tried_again(database_url: str) -> None:
    make_poor_shop(database_url)
    execute(database_url, f"CREATE UNIQUE INDEX one_key ON {VISIT.name} ({VISIT.key})")
    with opened(database_url) as engine, engine.connect() as other:
        other.exec_driver_sql(f"INSERT INTO {VISIT.name} VALUES (1, 5, 7, 1)")
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(_write, database_url, [a_visit("a"), a_visit("b")])
            time.sleep(0.3)
            assert not waiting.done()
            other.commit()
            assert waiting.result(20) == ["stored", "stored"]
    assert count(database_url, VISIT.name) == 3


@pytest.mark.slow
def test_processes_that_write_the_same_events_store_them_once(database_url: str) -> None:
    make_poor_shop(database_url)
    events = [event for n in range(25) for event in one_of_each(prefix=f"{n}-")]
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        told = list(pool.map(_write, [database_url] * 4, [events] * 4))
    statuses = [status for each in told for status in each]
    assert statuses.count("stored") == len(events)
    assert statuses.count("duplicate") == 3 * len(events)
    for table in (VISIT, BUY, RATING, REVIEW):
        assert count(database_url, table.name) == 25


@pytest.mark.slow
def test_a_worker_that_is_killed_leaves_nothing_half_written(database_url: str) -> None:
    make_full_shop(database_url)
    _write(database_url, [a_visit("first", user_id=0)])
    for round in range(3):
        process = get_context("spawn").Process(target=_write_for_ever, args=(database_url, round))
        process.start()
        enough = count(database_url, OUTBOX) + 40
        wait_until(partial(_has_more, database_url, enough), "some writes")
        time.sleep(0.013 * round)
        _kill(process)
    n_events = _written(database_url)
    # Nobody is kept waiting by what the dead left behind.
    assert _write(database_url, [a_visit("last", user_id=0)]) == ["stored"]
    assert n_events > 3 * 40


def _write_for_ever(url: str, round: int) -> None:
    with open_store(url) as (_, store):
        for n in range(1_000_000):
            batch = [one_of_each(prefix=f"{round}-{n}-{m}-") for m in range(10)]
            store.write([event for events in batch for event in events])


def _has_more(url: str, n_events: int) -> bool:
    return count(url, OUTBOX) > n_events


def _kill(process: BaseProcess) -> None:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()


def _written(url: str) -> int:
    """Number of events, in the outbox and in the tables the same, each batch whole."""

    def look() -> int | None:
        counts = [count(url, table.name) for table in (BUY, RATING, REVIEW)]
        n_events = count(url, OUTBOX)
        is_whole = set(counts) == {(n_events - 1) // 4} and (n_events - 1) % 40 == 0
        return n_events if is_whole and count(url, VISIT.name) == counts[0] + 1 else None

    # A server may notice a moment later that the one who commits has died.
    return wait_until(look, "whole batches", 10)


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True)
def test_a_server_that_stops_in_the_middle_has_stored_nothing(database_url: str) -> None:
    make_full_shop(database_url)
    with open_store(database_url) as (shop, store):
        store.write([a_visit("before")])
        with opened(database_url) as engine, engine.connect() as other:
            _hold(other, BUY.name)
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(store.write, one_of_each())
                _kill_the_one_that_waits(other)
                with pytest.raises(DatabaseError, match="Cannot write events into"):
                    waiting.result(20)
            other.rollback()
            if engine.dialect.name != "postgresql":
                other.exec_driver_sql("UNLOCK TABLES")
        assert count(database_url, OUTBOX) == count(database_url, VISIT.name) == 1
        assert {each.status for each in store.write(one_of_each())} == {"stored"}
        assert len(shop.history(1)) == 5


def _hold(connection: Connection, table: str) -> None:
    """Let nobody else write a table."""
    mode = f"{table} IN SHARE MODE" if connection.dialect.name == "postgresql" else f"{table} READ"
    statement = f"LOCK {'TABLE' if connection.dialect.name == 'postgresql' else 'TABLES'} {mode}"
    connection.exec_driver_sql(statement)


def _kill_the_one_that_waits(connection: Connection) -> None:
    """End the session of another that waits for the lock which this connection holds."""
    if connection.dialect.name == "postgresql":
        query = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
            "AND datname = current_database()"
        )
        wait_until(lambda: connection.execute(query).scalar(), "a session that waits")
        return
    query = text(
        "SELECT id FROM information_schema.processlist WHERE state LIKE 'Waiting for table%' "
        "AND db = database()"
    )
    waiting = wait_until(lambda: connection.execute(query).scalar(), "a session that waits")
    connection.exec_driver_sql(f"KILL {waiting}")


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_workers_on_one_file_wait_for_each_other(database_url: str) -> None:
    make_full_shop(database_url)
    with opened(database_url) as engine, engine.connect() as other:
        other.exec_driver_sql(f"INSERT INTO {VISIT.name} (user_id, product_id) VALUES (5, 7)")
        with ThreadPoolExecutor(3) as pool:
            waiting = [
                pool.submit(_write, database_url, [a_visit(f"{n}", at=NOON)]) for n in range(3)
            ]
            time.sleep(0.3)
            assert not any(each.done() for each in waiting)
            other.commit()
            assert [each.result(20) for each in waiting] == [["stored"]] * 3


def test_workers_may_make_the_outbox_at_the_same_time(database_url: str) -> None:
    make_full_shop(database_url)
    for _ in range(3):
        start = threading.Barrier(N_WORKERS)

        def make(start: threading.Barrier = start) -> None:
            with opened(database_url) as engine:
                start.wait()
                Outbox(engine.dialect).make(engine)

        with ThreadPoolExecutor(N_WORKERS) as pool:
            for each in [pool.submit(make) for _ in range(N_WORKERS)]:
                each.result()
        assert count(database_url, OUTBOX) == 0
        execute(database_url, f"DROP TABLE {OUTBOX}")


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True)
def test_who_may_make_no_tables_is_told_the_statement(database_url: str) -> None:
    make_full_shop(database_url)
    user = f"reader_{os.getpid()}"
    with _user(database_url, user) as url, opened(url) as engine:
        with pytest.raises(DatabaseError, match=f"CREATE TABLE IF NOT EXISTS {OUTBOX}") as told:
            Outbox(engine.dialect).make(engine)
        cure = str(told.value).split(" run: ")[1]
        assert f"TO {user};" in cure
        assert "secret" not in str(told.value)
        statement, _ = cure.split("; GRANT")
        execute(database_url, statement)
        Outbox(engine.dialect).make(engine)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_file_that_may_not_be_written_is_said_to_be_so(database_url: str) -> None:
    make_full_shop(database_url)
    with opened(database_url) as engine:
        engine.dispose()
        listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only=1"))
        with pytest.raises(DatabaseError, match=f"Cannot make the table {OUTBOX} in"):
            Outbox(engine.dialect).make(engine)


@contextmanager
def _user(url: str, name: str) -> Iterator[str]:
    """The URL of a user who may read, and make no tables."""
    is_postgresql = url.startswith("postgresql")
    quoted = name if is_postgresql else f"{name}@'%%'"
    made_with = "PASSWORD" if is_postgresql else "IDENTIFIED BY"
    execute(
        url,
        f"CREATE USER {quoted} {made_with} 'secret'",
        f"GRANT {'USAGE ON SCHEMA public' if is_postgresql else 'SELECT ON *.*'} TO {quoted}",
    )
    try:
        theirs = make_url(url).set(username=name, password="secret")
        yield theirs.render_as_string(hide_password=False)
    finally:
        if is_postgresql:
            execute(url, f"DROP OWNED BY {quoted}")
        execute(url, f"DROP USER {quoted}")


def test_a_closed_shop_leaves_no_connection_behind(database_url: str) -> None:
    make_full_shop(database_url)
    with open_store(database_url) as (shop, store):
        assert isinstance(shop, Shop)
        store.write([a_visit("a")])
        assert shop._engine.pool.checkedout() == 0  # type: ignore[attr-defined]
