import os
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from selera.contracts.errors import DatabaseError
from selera.etl import EtlConfig
from selera.pipeline.children import Command
from selera.pipeline.etl import etl
from selera.pipeline.watch_database import watch_database
from selera.pipeline.watching import WatchConfig, WatchReport
from selera.shop import ShopConfig, seed_shop
from tests.processes import wait_until

FAST = WatchConfig(debounce_s=0.1, poll_s=0.1, longest_debounce_s=1.0, retry_s=0.2)

COUNTING_ETL = """
import sqlite3, sys
from pathlib import Path
journal, fail = Path(sys.argv[2]), Path(sys.argv[3])
connection = sqlite3.connect(sys.argv[1])
count = connection.execute("SELECT count(*) FROM data_product_rating").fetchone()[0]
connection.close()
with journal.open("a") as file:
    print(count, file=file)
sys.exit(1 if fail.exists() else 0)
"""


class Watched:
    """A watcher of a real SQLite shop in a thread; its ETL writes how many ratings it saw."""

    def __init__(self, folder: Path) -> None:
        self.shop = folder / "shop.db"
        self.fail = folder / "fail"
        self.journal_path = folder / "journal"
        self.stop = threading.Event()
        self.report: WatchReport | None = None
        arguments = [str(self.shop), str(self.journal_path), str(self.fail)]
        self.command = Command([sys.executable, "-c", COUNTING_ETL, *arguments], dict(os.environ))
        url = f"sqlite:///{self.shop}"
        seed_shop(url, ShopConfig(n_users=20, n_products=10), overwrite=False)
        self.n = int(self._ask("SELECT count(*) FROM data_product_rating"))

    def run(self) -> None:
        url = f"sqlite:///{self.shop}"
        self.report = watch_database(url, self.command, self.stop, FAST)

    def _ask(self, statement: str) -> str:
        with closing(sqlite3.connect(self.shop, timeout=30)) as connection, connection:
            row = connection.execute(statement).fetchone()
            return str(row[0]) if row else ""

    def rate(self, rating_id: int) -> None:
        columns = "rating_id, user_id, product_id, rating"
        self._ask(f"INSERT INTO data_product_rating ({columns}) VALUES ({rating_id}, 1, 1, 5)")

    def journal(self) -> list[int]:
        path = self.journal_path
        return [int(line) for line in path.read_text().split()] if path.exists() else []


@contextmanager
def watching(watched: Watched) -> Iterator[Watched]:
    thread = threading.Thread(target=watched.run)
    thread.start()
    try:
        yield watched
    finally:
        watched.stop.set()
        thread.join(20)
    assert not thread.is_alive()


def test_the_etl_runs_at_the_start_and_after_each_change(tmp_path: Path) -> None:
    with watching(Watched(tmp_path)) as watched:
        n = watched.n
        wait_until(lambda: watched.journal() == [n], "the first ETL")
        watched.rate(10_000_001)
        wait_until(lambda: watched.journal() == [n, n + 1], "the second ETL")
        threading.Event().wait(0.8)
        assert watched.journal() == [n, n + 1]

    assert watched.report is not None
    assert (watched.report.n_runs, watched.report.n_failed) == (2, 0)


def test_a_burst_of_changes_is_one_etl(tmp_path: Path) -> None:
    with watching(Watched(tmp_path)) as watched:
        n = watched.n
        wait_until(lambda: watched.journal() == [n], "the first ETL")
        for place in range(8):
            watched.rate(10_000_001 + place)
        wait_until(lambda: watched.journal()[-1] == n + 8, "an ETL of all of them")

    assert len(watched.journal()) <= 3


def test_a_database_that_never_rests_is_extracted_all_the_same(tmp_path: Path) -> None:
    with watching(Watched(tmp_path)) as watched:
        n = watched.n
        wait_until(lambda: watched.journal() == [n], "the first ETL")
        ids = iter(range(10_000_001, 10_100_000))

        def keep_writing() -> bool:
            watched.rate(next(ids))
            return len(watched.journal()) >= 2

        wait_until(keep_writing, "an ETL in spite of constant changes", every_s=0.03)


def test_a_failed_etl_is_tried_again(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    watched.fail.touch()
    with watching(watched):
        wait_until(lambda: len(watched.journal()) >= 2, "a second try")
        watched.fail.unlink()
        n_tries = len(watched.journal())
        wait_until(lambda: len(watched.journal()) > n_tries, "a try that succeeds")

    assert watched.report is not None
    assert watched.report.n_failed >= 2


def test_a_database_that_goes_away_and_returns_is_picked_up(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with watching(Watched(tmp_path)) as watched:
        wait_until(lambda: watched.journal() == [watched.n], "the first ETL")
        elsewhere = tmp_path / "elsewhere.db"
        os.replace(watched.shop, elsewhere)
        threading.Event().wait(0.5)
        os.replace(elsewhere, watched.shop)
        watched.rate(10_000_001)
        wait_until(lambda: watched.journal()[-1] == watched.n + 1, "an ETL of the returned shop")


def test_an_impossible_url_is_said_at_once() -> None:
    with pytest.raises(DatabaseError, match="no database URL"):
        watch_database("nonsense", Command(["true"], {}), threading.Event(), FAST)


def test_an_etl_of_an_unchanged_shop_leaves_the_csv_untouched(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    seed_shop(url, ShopConfig(n_users=20, n_products=10), overwrite=False)
    output = tmp_path / "data-training.csv"

    first = etl(url, output, EtlConfig())
    before = output.stat()
    second = etl(url, output, EtlConfig(), wait=True)

    assert first.changed
    assert not second.changed
    assert output.stat().st_mtime_ns == before.st_mtime_ns
    assert output.stat().st_ino == before.st_ino
