"""A snapshot is one moment, streamed, and made of plain values."""

import uuid
from datetime import date, datetime
from decimal import Decimal

import pytest

from selera.contracts.errors import DatabaseError
from selera.contracts.tables import BUY, RATING, REVIEW, TABLES, USER_PROFILE
from selera.database import snapshot
from tests.shops import execute, insert, make_minimal_shop, opened


def test_only_known_columns_are_told_in_contract_order(database_url: str) -> None:
    make_minimal_shop(database_url)
    execute(
        database_url,
        "ALTER TABLE data_product_transaction_buy ADD COLUMN coupon VARCHAR(20)",
        "ALTER TABLE data_product_transaction_buy ADD COLUMN quantity INTEGER",
    )
    with opened(database_url) as engine, snapshot(engine) as moment:
        for table in TABLES:
            expected = table.required + (("quantity",) if table is BUY else ())
            assert moment.columns(table) == expected
            assert moment.count(table) == 0
            assert list(moment.batches(table)) == []


def test_rows_come_in_batches_of_at_most_the_size(database_url: str) -> None:
    rows = [(n, n % 7, n % 5, n % 6) for n in range(25)]
    make_minimal_shop(database_url, {RATING: rows})
    with opened(database_url) as engine, snapshot(engine) as moment:
        batches = list(moment.batches(RATING, 10))
    assert [len(batch) for batch in batches] == [10, 10, 5]
    assert sorted(row for batch in batches for row in batch) == rows


def test_rows_of_later_commits_are_not_seen(database_url: str) -> None:
    make_minimal_shop(database_url, {RATING: [(n, n, n, 5) for n in range(20)]})
    # SQLite lets others write while it reads in WAL mode only, as in the files that we make.
    with opened(database_url) as engine, snapshot(engine) as moment:
        batches = moment.batches(RATING, 5)
        seen = next(batches)
        execute(database_url, "DELETE FROM data_product_rating WHERE rating_id > 2")
        insert(
            database_url,
            {RATING: [(99, 9, 9, 9)], USER_PROFILE: [(1, "new", None, None, None)]},
        )
        for batch in batches:
            seen += batch
        assert sorted(row[0] for row in seen) == list(range(20))
        assert moment.count(USER_PROFILE) == 0
    with opened(database_url) as engine, snapshot(engine) as moment:
        assert moment.count(RATING) == 4
        assert moment.count(USER_PROFILE) == 1


def test_a_table_can_be_left_half_read(database_url: str) -> None:
    make_minimal_shop(database_url, {RATING: [(n, n, n, 5) for n in range(20)]})
    with opened(database_url) as engine:
        with snapshot(engine) as moment:
            batches = moment.batches(RATING, 5)
            next(batches)
            batches.close()  # type: ignore[attr-defined]
            assert moment.count(RATING) == 20
        with snapshot(engine) as moment:
            next(moment.batches(RATING, 5))
        with snapshot(engine) as moment:
            assert moment.count(RATING) == 20


def test_a_connection_can_write_again_after_a_snapshot(database_url: str) -> None:
    make_minimal_shop(database_url)
    with opened(database_url) as engine:
        with snapshot(engine):
            pass
        insert(database_url, {RATING: [(1, 1, 1, 1)]})
        with engine.begin() as connection:
            connection.exec_driver_sql("DELETE FROM data_product_rating")
        with snapshot(engine) as moment:
            assert moment.count(RATING) == 0


def test_values_are_as_the_driver_tells_them(database_url: str) -> None:
    make_minimal_shop(database_url, {BUY: [(1, 2, 3, 4.5, None)]})
    with opened(database_url) as engine, snapshot(engine) as moment:
        ((row,),) = moment.batches(BUY)
    assert row == (1, 2, 3, Decimal("4.50"), None)


@pytest.mark.parametrize(
    ("database_kind", "time_type", "told"),
    [
        ("postgresql", "TIMESTAMP", datetime(2024, 1, 2, 3, 4, 5)),
        ("mariadb", "DATETIME", datetime(2024, 1, 2, 3, 4, 5)),
        ("mariadb", "TIMESTAMP", "2024-01-02 03:04:05Z"),
    ],
    indirect=["database_kind"],
)
def test_real_times_are_datetimes_and_moments_say_that_they_are(
    database_url: str, time_type: str, told: object
) -> None:
    make_minimal_shop(
        database_url, {BUY: [(1, 2, 3, 4, "2024-01-02 03:04:05")]}, time_type=time_type
    )
    with opened(database_url) as engine, snapshot(engine) as moment:
        ((row,),) = moment.batches(BUY)
    assert row[-1] == told


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    ("time_type", "fine"),
    [
        ("DATE", date(2024, 1, 2)),
        ("TIMESTAMP", datetime(2024, 1, 2)),
        ("TIMESTAMPTZ", datetime.fromisoformat("2024-01-02T00:00:00+00:00")),
    ],
)
def test_times_that_python_cannot_hold_come_as_texts(
    database_url: str, time_type: str, fine: object
) -> None:
    rows = [(1, 1, 1, 1, "infinity"), (2, 1, 1, 1, "2024-01-02"), (3, 1, 1, 1, "20000-01-01")]
    make_minimal_shop(database_url, {BUY: rows}, time_type=time_type)
    with opened(database_url) as engine, snapshot(engine) as moment:
        (batch,) = moment.batches(BUY)
    times = [row[-1] for row in sorted(batch, key=lambda row: row[0])]
    assert times[:2] == ["infinity", fine]
    assert str(times[2]).startswith("20000-01-01")


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_unusual_types_come_as_texts(database_url: str) -> None:
    make_minimal_shop(database_url)
    id = uuid.uuid4()
    execute(
        database_url,
        "DROP TABLE data_user_profile",
        "CREATE TABLE data_user_profile "
        "(user_id UUID, name BYTEA, gender BOOLEAN, age INTEGER, location JSONB)",
        f"INSERT INTO data_user_profile VALUES ('{id}', 'Ayu', true, 3, '[1]'), "
        "(NULL, NULL, NULL, NULL, NULL)",
    )
    with opened(database_url) as engine, snapshot(engine) as moment:
        (batch,) = moment.batches(USER_PROFILE)
    assert batch == [(str(id), "Ayu", True, 3, "[1]"), (None,) * 5]


@pytest.mark.parametrize("database_kind", ["mariadb"], indirect=True)
def test_a_zero_date_comes_as_a_text(database_url: str) -> None:
    make_minimal_shop(database_url, time_type="DATETIME")
    execute(
        database_url,
        "INSERT INTO data_product_transaction_buy VALUES (1, 1, 1, 1, '0000-00-00 00:00:00')",
    )
    with opened(database_url) as engine, snapshot(engine) as moment:
        ((row,),) = moment.batches(BUY)
    assert row[-1] in ("0000-00-00 00:00:00", None)


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True)
def test_a_connection_that_is_lost_while_reading_is_a_database_error(database_url: str) -> None:
    make_long_reviews(database_url)
    with opened(database_url) as engine, opened(database_url) as other:
        postgresql = engine.dialect.name == "postgresql"
        own_id = "pg_backend_pid()" if postgresql else "connection_id()"
        kill = "SELECT pg_terminate_backend(%s)" if postgresql else "KILL %s"

        def read_and_kill() -> None:
            with snapshot(engine) as moment, other.connect() as killer:
                victim = moment._connection.exec_driver_sql(f"SELECT {own_id}").scalar_one()
                batches = moment.batches(REVIEW, 10)
                next(batches)
                killer.exec_driver_sql(kill, (victim,))
                for _ in batches:
                    pass

        with pytest.raises(DatabaseError, match="Cannot read data_product_reviews from"):
            read_and_kill()
        with snapshot(engine) as moment:
            assert moment.count(REVIEW) == 4_000


def make_long_reviews(url: str) -> None:
    """More than the buffers between a server and its client hold."""
    text = "x" * 5_000
    rows = ", ".join(f"({n}, 1, 1, '{text}', NULL)" for n in range(1_000))
    make_minimal_shop(url)
    execute(url, *[f"INSERT INTO data_product_reviews VALUES {rows}"] * 4)


def test_a_failure_in_the_middle_of_a_table_leaves_nothing_behind(database_url: str) -> None:
    make_long_reviews(database_url)
    with opened(database_url) as engine:

        def read_and_fail() -> None:
            with snapshot(engine) as moment:
                for _ in moment.batches(REVIEW, 10):
                    raise RuntimeError("enough")

        with pytest.raises(RuntimeError, match="enough"):
            read_and_fail()
        with snapshot(engine) as moment:
            assert moment.count(REVIEW) == 4_000
