"""A change of any of the six tables is noticed, whatever it was."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from selera.contracts.errors import DatabaseError
from selera.contracts.tables import BUY, RATING, TABLES
from selera.database import ChangeProbe
from selera.database import change_tokens as sources
from tests.shops import execute, insert, make_minimal_shop, opened

DEADLINE_S = 20.0


@pytest.fixture
def probe(database_url: str) -> Iterator[ChangeProbe]:
    rows = [(n, n, n, 5) for n in range(1, 6)]
    make_minimal_shop(database_url, {RATING: rows})
    with opened(database_url) as engine, ChangeProbe(engine) as probe:
        _settled(probe)
        yield probe


def _settled(probe: ChangeProbe) -> str:
    """The token once it has stayed equal for a while: servers count with a delay."""
    deadline = time.monotonic() + DEADLINE_S
    token, since = probe.token(), time.monotonic()
    while time.monotonic() - since < 0.3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
        if (newer := probe.token()) != token:
            token, since = newer, time.monotonic()
    return token


def _notices(probe: ChangeProbe, before: str) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while probe.token() == before:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_every_kind_of_change_is_noticed(probe: ChangeProbe, database_url: str) -> None:
    for statement in (
        "INSERT INTO data_product_rating VALUES (9, 9, 9, 9)",
        "UPDATE data_product_rating SET rating = 4 WHERE rating_id = 3",
        "DELETE FROM data_product_rating WHERE rating_id = 3",
        "DELETE FROM data_product_rating",
    ):
        before = _settled(probe)
        execute(database_url, statement)
        assert _notices(probe, before), statement


def test_every_table_is_watched(probe: ChangeProbe, database_url: str) -> None:
    for table in TABLES:
        before = _settled(probe)
        insert(database_url, {table: [(1,) + (None,) * (len(table.required) - 1)]})
        assert _notices(probe, before), table.name


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True)
def test_a_truncated_table_is_noticed(probe: ChangeProbe, database_url: str) -> None:
    before = _settled(probe)
    execute(database_url, "TRUNCATE data_product_rating")
    assert _notices(probe, before)


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True)
def test_tables_of_others_do_not_matter(probe: ChangeProbe, database_url: str) -> None:
    before = _settled(probe)
    execute(database_url, "CREATE TABLE carts (v INTEGER)", "INSERT INTO carts VALUES (1)")
    assert _settled(probe) == before


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True)
def test_a_view_changes_with_the_tables_that_it_may_read(
    database_url: str, probe: ChangeProbe
) -> None:
    execute(
        database_url,
        "CREATE TABLE stars AS SELECT * FROM data_product_rating",
        "DROP TABLE data_product_rating",
        "CREATE VIEW data_product_rating AS SELECT * FROM stars",
    )
    before = _settled(probe)
    execute(database_url, "UPDATE stars SET rating = 1 WHERE rating_id = 1")
    assert _notices(probe, before)


def test_what_is_not_committed_is_not_noticed_before_it_is(
    probe: ChangeProbe, database_url: str
) -> None:
    before = _settled(probe)
    with opened(database_url) as engine, engine.begin() as connection:
        connection.exec_driver_sql("UPDATE data_product_rating SET rating = 1")
        assert probe.token() == before
    assert _notices(probe, before)


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True)
def test_a_later_probe_of_a_server_goes_on_with_the_same_token(
    probe: ChangeProbe, database_url: str
) -> None:
    before = _settled(probe)
    with opened(database_url) as engine, ChangeProbe(engine) as later:
        assert later.token() == before


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_sqlite_file_that_is_replaced_is_noticed_and_watched_on(
    probe: ChangeProbe, database_url: str, tmp_path: Path
) -> None:
    before = _settled(probe)
    other = tmp_path / "other.db"
    make_minimal_shop(f"sqlite:///{other}", {BUY: [(1, 1, 1, 1, None)]})
    other.replace(tmp_path / "shop.db")
    assert _notices(probe, before)
    before = _settled(probe)
    execute(database_url, "DELETE FROM data_product_transaction_buy")
    assert _notices(probe, before)


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_probe_recovers_when_the_database_comes_back(
    probe: ChangeProbe, database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "shop.db"
    before = _settled(probe)
    path.rename(tmp_path / "away.db")
    with pytest.raises(DatabaseError, match="no database"):
        probe.token()
    (tmp_path / "away.db").rename(path)
    execute(database_url, "DELETE FROM data_product_rating")
    assert _notices(probe, before)


@pytest.mark.parametrize("database_kind", ["mariadb"], indirect=True)
def test_tables_outside_the_redo_log_are_always_summed(
    probe: ChangeProbe, database_url: str
) -> None:
    execute(database_url, "ALTER TABLE data_product_rating ENGINE = MyISAM")
    before = _settled(probe)
    execute(database_url, "UPDATE data_product_rating SET rating = 1 WHERE rating_id = 1")
    assert _notices(probe, before)


@pytest.mark.parametrize("database_kind", ["mariadb"], indirect=True)
def test_checksums_wait_where_they_would_take_too_much_of_the_time(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_minimal_shop(database_url)
    monkeypatch.setattr(sources, "CHECKSUM_SHARE", 1e9)
    with opened(database_url) as engine, ChangeProbe(engine) as probe:
        before = probe.token()
        execute(database_url, "INSERT INTO data_product_rating VALUES (1, 1, 1, 1)")
        assert probe.token() == before
