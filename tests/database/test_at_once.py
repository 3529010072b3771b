"""Reading at once: the same as ever, or nothing where anybody would have to wait."""

import math
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, make_url, select, table

from selera.contracts.tables import PRODUCT, RATING, REVIEW, USER_PROFILE
from selera.database import Shop, at_once
from selera.database.at_once import SLOW_S, Fetch, ReadsAtOnce
from tests.database.test_shop import ODD_IDS
from tests.shops import execute, make_minimal_shop

N_USERS = 20
SOON_S = 2.0
"""Long before whoever waits for a lock gives up."""


def make_shop(url: str, name: str = "Budi") -> str:
    make_minimal_shop(
        url,
        {
            USER_PROFILE: [(id, name, "male", 31, "Medan") for id in range(N_USERS)],
            PRODUCT: [(id, f"product {id}", None, None, None, None, None) for id in range(N_USERS)],
            RATING: [(n, n % N_USERS, n // N_USERS, 1 + n % 5) for n in range(5 * N_USERS)],
        },
    )
    return url


@pytest.fixture(autouse=True)
def _machine_is_never_too_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else it does meanwhile; tests of slow reads set what these may take."""
    monkeypatch.setattr(at_once, "SLOW_AT_MOST_S", math.inf)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    make_shop(f"sqlite:///{tmp_path}/shop.db")
    return tmp_path / "shop.db"


@pytest.fixture
def reads(path: Path) -> Iterator[ReadsAtOnce]:
    with closing(ReadsAtOnce(make_url(f"sqlite:///{path}"))) as reads:
        yield reads


def test_a_user_is_read_as_by_who_waits_or_by_nobody_from_a_server(database_url: str) -> None:
    with closing(Shop.open(make_shop(database_url))) as shop:
        for user in range(N_USERS + 2):
            told = shop.user(user)
            assert (told[0] is not None) == (len(told[1]) == 5) == (user < N_USERS)
            is_file = make_url(database_url).get_backend_name() == "sqlite"
            assert shop.user_at_once(user) == (told if is_file else None)


def test_odd_ids_and_values_are_read_as_by_who_waits(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    make_minimal_shop(
        url,
        {
            USER_PROFILE: [(id, f"name of {id}", None, "31.0", None) for id in ODD_IDS],
            PRODUCT: [(id, None, None, None, None, None, None) for id in ODD_IDS],
            RATING: [(str(n), id, id, f" {n % 5}e0 ") for n, id in enumerate(ODD_IDS)],
            REVIEW: [(str(n), id, id, "", " 2024-05-31 08:15Z") for n, id in enumerate(ODD_IDS)],
        },
        id_type="VARCHAR(64)",
    )
    execute(
        url,
        "UPDATE data_user_profile SET location = CAST(x'41ff42' AS TEXT), age = x'3331'",
        "UPDATE data_product_reviews SET review_text = CAST(x'ff41' AS TEXT)",
    )
    with closing(Shop.open(url)) as shop:
        for id in [*ODD_IDS, "nobody"]:
            told = shop.user(id)
            assert len(told[1]) == (0 if id == "nobody" else 2)
            assert repr(shop.user_at_once(id)) == repr(told)  # NaN equals nothing


def test_what_was_written_a_moment_ago_is_read(path: Path) -> None:
    with closing(Shop.open(f"sqlite:///{path}")) as shop, closing(sqlite3.connect(path)) as other:
        for stars in (1, 4):
            other.execute("UPDATE data_product_rating SET rating = ? WHERE user_id = 3", (stars,))
            other.commit()
            told = shop.user_at_once(3)
            assert told is not None
            assert {row.value for row in told[1]} == {stars}


@pytest.mark.parametrize("options", ["", "?timeout=30"])
def test_a_lock_is_waited_for_only_by_who_can(path: Path, options: str) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA journal_mode = DELETE")
    with (
        closing(Shop.open(f"sqlite:///{path}{options}")) as shop,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        assert shop.user_at_once(3) is not None
        other.execute("BEGIN EXCLUSIVE")
        began = time.monotonic()
        assert [shop.user_at_once(3) for _ in range(10)] == [None] * 10
        assert time.monotonic() - began < SOON_S
        other.execute("COMMIT")
        assert shop.user_at_once(3) is not None


def test_who_writes_a_file_in_wal_mode_locks_nobody_out(path: Path) -> None:
    with (
        closing(Shop.open(f"sqlite:///{path}")) as shop,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM data_product_rating")
        assert shop.user_at_once(3) == shop.user(3)
        other.execute("COMMIT")
        assert shop.user_at_once(3) == (shop.profile(3), [])


def test_a_file_that_is_gone_is_told_by_who_waits_and_another_one_is_read(path: Path) -> None:
    with closing(Shop.open(f"sqlite:///{path}")) as shop:
        assert shop.user_at_once(3) is not None
        path.unlink()
        assert shop.user_at_once(3) is None
        make_shop(f"sqlite:///{path}", name="Siti")
        told = shop.user_at_once(3)
        assert told is not None
        assert told[0] is not None
        assert told[0]["name"] == "Siti"


def test_a_read_that_fails_is_none_and_the_next_one_is_not(reads: ReadsAtOnce) -> None:
    assert reads.read(lambda fetch: fetch(select(table("no_such_table")), {})) is None
    assert reads.read(_count) == N_USERS


def test_slow_reads_take_no_more_of_the_time_than_they_may(
    reads: ReadsAtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    most_s, share = 0.1, 0.05
    monkeypatch.setattr(at_once, "SLOW_AT_MOST_S", most_s)
    monkeypatch.setattr(at_once, "SLOW_SHARE", share)

    def slow(fetch: Fetch) -> float:
        began = time.monotonic()
        time.sleep(6 * SLOW_S)
        return time.monotonic() - began

    assert reads.read(_count) == N_USERS
    began = time.monotonic()
    taken = [reads.read(slow) for _ in range(1000)]
    slow_reads = [each for each in taken if each is not None]
    assert sum(slow_reads[:-1]) <= most_s + share * (time.monotonic() - began)
    assert 1 < len(slow_reads) < 10
    assert reads.read(_count) is None  # the file is as quick as before, but that is not known
    while (told := reads.read(_count)) is None:
        assert time.monotonic() < began + 30
        time.sleep(0.05)
    assert told == N_USERS


def test_a_read_that_is_slow_now_and_then_does_not_count(
    reads: ReadsAtOnce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_once, "SLOW_AT_MOST_S", 1.0)

    def slow(fetch: Fetch) -> bool:
        time.sleep(2 * SLOW_S)
        return True

    for _ in range(3):
        assert reads.read(slow)
        assert reads.read(_count) == N_USERS


def _count(fetch: Fetch) -> int:
    ((n,),) = fetch(select(func.count()).select_from(table(USER_PROFILE.name)), {})
    return int(n)
