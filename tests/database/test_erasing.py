"""An erased user is gone: from every table, and from the bytes of SQLite's files."""

import resource
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from selera.contracts.errors import DatabaseError
from selera.contracts.ids import Id
from selera.contracts.tables import BUY, PRODUCT, RATING, REVIEW, USER_PROFILE, VISIT
from selera.database import erasing, insert_rows
from selera.database.erasing import ERASED_TABLES, erase_user, leave_no_copies
from selera.database.layout import read_layout
from selera.database.outbox import OUTBOX
from tests.database.stores import count, make_full_shop, make_poor_shop, one_of_each, open_store
from tests.database.test_shop import ODD_IDS
from tests.shops import execute, insert, insert_as_shops_do, make_minimal_shop, opened

NAME = "Sri Wahyuningsih-Erasmus"


def _fill(url: str, user_ids: list[Id]) -> None:
    rows: dict[str, list[Any]] = {"user_id": user_ids, "name": [f"name of {id}" for id in user_ids]}
    with opened(url) as engine, engine.begin() as connection:
        insert_rows(connection, USER_PROFILE, rows)
    with open_store(url) as (_, store):
        for number, id in enumerate(user_ids):
            outcomes = store.write(one_of_each(id, prefix=f"{number}-"))
            assert {each.status for each in outcomes} == {"stored"}


def test_the_rows_of_a_user_are_counted_and_gone(database_url: str) -> None:
    make_full_shop(database_url)
    _fill(database_url, [1, 2])
    with open_store(database_url) as (shop, _):
        assert shop.erase(1) == {
            VISIT.name: 1,
            BUY.name: 1,
            RATING.name: 1,
            REVIEW.name: 1,
            USER_PROFILE.name: 1,
            OUTBOX: 4,
        }
        assert shop.profile(1) is None
        assert shop.history(1) == []
        assert shop.profile(2) is not None
        assert len(shop.history(2)) == 4
        assert set(shop.erase(1).values()) == {0}
    with opened(database_url) as engine, engine.connect() as connection:
        told = connection.exec_driver_sql(f"SELECT user_id, type FROM {OUTBOX}").all()
        assert sorted(map(tuple, told)) == [("", "erasure")] * 2 + sorted(
            ("2", type) for type in ("visit", "purchase", "rating", "review")
        )


def test_only_the_very_id_is_erased(database_url: str) -> None:
    make_full_shop(database_url, text_ids={"user_id"})
    _fill(database_url, list(ODD_IDS))
    left = set(ODD_IDS)
    with open_store(database_url) as (shop, _):
        for id in ["a", "007", "ä", "a ", "x' OR '1'='1", "50%_%s", "?", ":id"]:
            erased = shop.erase(id)
            left.discard(id)
            assert erased[USER_PROFILE.name] == erased[REVIEW.name] == 1, id
            assert shop.profile(id) is None
            assert set(map(str, shop.user_ids(0, 100))) == left
        assert count(database_url, VISIT.name) == len(left)


@pytest.mark.parametrize("database_kind", ["mariadb"], indirect=True)
def test_a_collation_that_finds_more_erases_no_more(database_url: str) -> None:
    make_poor_shop(database_url, id_type="VARCHAR(20) CHARACTER SET latin1")
    rows = [(id, "x", None, None, None) for id in ("é", "É", "e", "é ")]
    insert(database_url, {USER_PROFILE: rows})
    with open_store(database_url) as (shop, _):
        assert shop.erase("é")[USER_PROFILE.name] == 1
    assert count(database_url, USER_PROFILE.name) == 3


def test_a_shop_that_never_had_an_outbox_is_erased_from(database_url: str) -> None:
    make_poor_shop(database_url)
    insert(database_url, {RATING: [(1, 5, 7, 4), (2, 5, 8, 4), (3, 6, 8, 4)]})
    with open_store(database_url) as (shop, _):
        erased = shop.erase(5)
    assert erased == {table.name: 2 if table is RATING else 0 for table in ERASED_TABLES}
    assert count(database_url, RATING.name) == 1


@pytest.mark.parametrize("id", ["5", "x' OR '1'='1", 2**63, True])
def test_ids_that_nobody_can_bear_erase_nothing(database_url: str, id: Id) -> None:
    make_poor_shop(database_url)
    insert(database_url, {RATING: [(1, 5, 7, 4), (2, 1, 7, 4)]})
    with open_store(database_url) as (shop, _):
        assert set(shop.erase(id).values()) == {0}
    assert count(database_url, RATING.name) == 2


def test_a_view_that_cannot_be_deleted_from_is_named_and_nothing_is_deleted(
    database_url: str,
) -> None:
    make_full_shop(database_url)
    _fill(database_url, [1, 2])
    execute(
        database_url,
        f"ALTER TABLE {USER_PROFILE.name} RENAME TO people",
        f"CREATE VIEW {USER_PROFILE.name} AS SELECT DISTINCT * FROM people",
    )
    with open_store(database_url) as (shop, _):
        with pytest.raises(DatabaseError, match=f"view {USER_PROFILE.name} .*erase again"):
            shop.erase(1)
        assert len(shop.history(1)) == 4
        assert count(database_url, OUTBOX) == 8
        assert set(shop.erase(77).values()) == {0}, "nobody's rows: the view is not asked"


@pytest.mark.parametrize("database_kind", ["postgresql", "sqlite"], indirect=True)
def test_a_view_that_passes_deletions_on_is_erased_from(database_url: str) -> None:
    make_full_shop(database_url)
    _fill(database_url, [1, 2])
    execute(
        database_url,
        f"ALTER TABLE {RATING.name} RENAME TO stars",
        f"CREATE VIEW {RATING.name} AS SELECT * FROM stars",
    )
    if database_url.startswith("sqlite"):
        execute(
            database_url,
            f"CREATE TRIGGER pass_on INSTEAD OF DELETE ON {RATING.name} "
            "BEGIN DELETE FROM stars WHERE user_id = old.user_id; END",
        )
    with open_store(database_url) as (shop, _):
        assert shop.erase(1)[RATING.name] == 1
    assert count(database_url, "stars") == 1


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_no_byte_of_the_user_stays_in_the_files(
    database_url: str, tmp_path: Path, journal: str
) -> None:
    unique = "user-f81d4fae-7dec"
    make_full_shop(database_url, text_ids={"user_id"})
    with opened(database_url) as engine, engine.raw_connection() as raw:
        raw.cursor().execute("PRAGMA secure_delete = OFF")
    _use_journal(database_url, journal)
    others: list[Id] = [f"user-{n}" for n in range(300)]
    _fill(database_url, [*others[:150], unique, *others[150:]])
    with opened(database_url) as engine:
        with engine.begin() as connection:
            connection.execute(
                text(f"UPDATE {USER_PROFILE.name} SET name = :name WHERE user_id = :id"),
                {"name": NAME, "id": unique},
            )
        # Somebody else has the database open, so that its log is not tidied up by the way.
        with engine.connect() as reader:
            reader.exec_driver_sql(f"SELECT count(*) FROM {USER_PROFILE.name}").scalar()
            reader.rollback()
            assert any(_found(tmp_path, unique, NAME))
            with open_store(database_url) as (shop, _):
                assert shop.erase(unique)[USER_PROFILE.name] == 1
                assert _found(tmp_path, unique, NAME) == []
                assert len(shop.history(others[0])) == 4


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
@pytest.mark.parametrize("journal", ["WAL", "DELETE"])
def test_no_copy_stays_on_pages_that_once_held_the_rows_of_a_user(
    database_url: str, tmp_path: Path, journal: str
) -> None:
    ids = [f"user-{n * 7919 % 10_007:05}-{n}" for n in range(150)]
    make_minimal_shop(database_url, id_type="VARCHAR(64)")
    _use_journal(database_url, journal)
    visits = [(f"v{n}", ids[n % 150], f"p{n % 17}", 1) for n in range(3000)]
    people = [(id, f"name of {id}", "f", 30, "Solo") for id in ids]
    insert_as_shops_do(database_url, {USER_PROFILE: people, VISIT: visits})
    gone, kept = ids[:40], ids[40:]
    with opened(database_url) as engine:
        with engine.connect() as connection:
            layout = read_layout(connection)
        for id in gone:
            assert erase_user(engine, layout, id)[VISIT.name] == 20
        assert len(_found(tmp_path, *gone)) > 20, "SQLite leaves copies, else this tests nothing"

        leave_no_copies(engine)

    assert _found(tmp_path, *gone) == []
    assert count(database_url, VISIT.name) == 20 * len(kept)


def _use_journal(url: str, journal: str) -> None:
    with opened(url) as engine, engine.raw_connection() as raw:
        raw.cursor().execute(f"PRAGMA journal_mode = {journal}")


def _found(folder: Path, *texts: str) -> list[tuple[str, str]]:
    """Which of the texts stand in the bytes of which files."""
    return [
        (path.name, text)
        for path in sorted(folder.iterdir())
        for text in texts
        if text.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_reader_that_keeps_the_log_full_is_said_to(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("selera.database.drivers.BUSY_TIMEOUT_S", 0.2)
    make_full_shop(database_url)
    _fill(database_url, [1, 123_456_789])
    with opened(database_url) as engine, open_store(database_url) as (shop, _):
        with engine.connect() as reader:
            reader.exec_driver_sql(f"SELECT count(*) FROM {VISIT.name}").scalar()
            with pytest.raises(DatabaseError, match="rows are deleted, but .*-wal still holds"):
                shop.erase(1)
            assert shop.history(1) == []
        assert set(shop.erase(1).values()) == {0}
        assert (tmp_path / "shop.db-wal").stat().st_size == 0


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_writer_that_keeps_the_file_from_being_written_anew_is_said_to(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("selera.database.drivers.BUSY_TIMEOUT_S", 0.2)
    make_full_shop(database_url)
    _use_journal(database_url, "DELETE")
    _fill(database_url, [1])
    said = r"rows are deleted, but .*copies.*locked\. Another program .*again at a quiet hour"
    with opened(database_url) as engine, opened(database_url) as other, other.begin() as writer:
        writer.exec_driver_sql(f"DELETE FROM {VISIT.name}")
        with pytest.raises(DatabaseError, match=said):
            leave_no_copies(engine)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_disk_without_room_for_the_file_is_said(database_url: str, tmp_path: Path) -> None:
    make_full_shop(database_url, product_ids=range(2000))
    before = (tmp_path / "shop.db").read_bytes()
    _, most = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with opened(database_url) as engine:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, most))
        try:
            with pytest.raises(DatabaseError, match="copies.*VACUUM failed.*room for the file"):
                leave_no_copies(engine)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert count(database_url, PRODUCT.name) == 2000
        leave_no_copies(engine)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_large_file_is_written_anew_only_where_nobody_waits(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_full_shop(database_url)
    monkeypatch.setattr(erasing, "QUICKLY_REWRITTEN_BYTES", 4096)
    with opened(database_url) as engine:
        with pytest.raises(DatabaseError, match=r"copies of them: writing 0\.0 GiB .*selera erase"):
            leave_no_copies(engine, in_haste=True)
        leave_no_copies(engine)
