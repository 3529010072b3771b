"""`selera run`: the whole machine, by real processes on a free port."""

import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from selera.contracts.behaviors import BEHAVIOR_SOURCES
from tests.processes import processes_mentioning, running, selera, wait_until

pytestmark = pytest.mark.slow

SMALL = {
    "SELERA_SHOP_N_USERS": "150",
    "SELERA_SHOP_N_PRODUCTS": "80",
    "SELERA_TRAINING_MODEL": "svd",  # one model a training: a blend would follow the first
}
READY_S = 60.0


class Machine:
    """A running `selera run`, its log and its API."""

    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        self.folder = folder
        self.process = process
        self._log = folder / "log"

    def log(self) -> str:
        return self._log.read_text()

    def url(self) -> str:
        """What the invitation says to try, once it is there."""
        found = wait_until(
            lambda: re.search(r"try   curl (http://\S+)", self.log()), "the invitation", READY_S
        )
        return found[1]

    def ask(self, url: str) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(url, trust_env=False).raise_for_status().json()
        return answer

    def version(self, url: str) -> str:
        """The version of the model that answers."""
        return str(self.ask(url)["model"]["version"])

    def next_version(self, url: str, version: str) -> str:
        """The version that replaces `version`, once it does."""
        wait_until(lambda: self.version(url) != version, "a new model", READY_S)
        return self.version(url)

    def change(self, statement: str) -> None:
        with closing(sqlite3.connect(self.folder / "shop.db", timeout=30)) as shop, shop:
            shop.execute(statement)

    def pids(self) -> list[int]:
        """All processes that work in this folder."""
        return [each for each in processes_mentioning(str(self.folder)) if each != os.getpid()]


@contextmanager
def machine(folder: Path, *options: str) -> Iterator[Machine]:
    arguments = ["-m", "selera", "run", "--port", "0", *options]
    # The marker lets us find every process of this machine, however far down.
    environment = {**SMALL, "MACHINE": str(folder)}
    with running(arguments, cwd=folder, log=folder / "log", environment=environment) as process:
        yield Machine(folder, process)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_what_it_invites_to_and_stops_cleanly(
    tmp_path: Path, how: signal.Signals
) -> None:
    with machine(tmp_path) as run:
        answer = run.ask(run.url())
        assert len(answer["recommendations"]) == 10
        assert re.search(r"Selera is ready after \d+\.\d s\.", run.log())

        run.process.send_signal(how)

        assert run.process.wait(8) == 0

    wait_until(lambda: not run.pids(), "no orphan", 5)
    log = run.log()
    for line in ("api   | Served for", "etl   | Watched for", "train | Watched for", "Stopped"):
        assert line in log
    assert "Traceback" not in log


def test_a_change_in_the_database_becomes_a_new_model_by_itself(tmp_path: Path) -> None:
    with machine(tmp_path) as run:
        url = run.url()
        version = run.version(url)
        changes = [
            "INSERT INTO data_product_rating (rating_id, user_id, product_id, rating, rating_date)"
            " VALUES (10000001, 1, 1, 5, '2026-06-30 10:00:00')",
            "INSERT INTO data_product_transaction_buy"
            " (transaction_id, user_id, product_id, transaction_value, transaction_date)"
            " VALUES (10000001, 2, 2, 10, '2026-06-30')",
            "UPDATE data_product_rating SET rating = 1 WHERE rating_id = 10000001",
            "DELETE FROM data_product_rating WHERE rating_id = 10000001",
        ]
        for statement in changes:
            run.change(statement)
            version = run.next_version(url, version)

    assert "Traceback" not in run.log()


def test_a_second_start_needs_no_training(tmp_path: Path) -> None:
    with machine(tmp_path) as run:
        version = run.version(run.url())
        run.process.terminate()
        run.process.wait(10)
    (tmp_path / "log").unlink()

    with machine(tmp_path) as run:
        url = run.url()
        wait_until(lambda: "the same bytes as before" in run.log(), "the ETL")
        assert run.version(url) == version
        assert "sample shop" not in run.log()
        assert "Trained" not in run.log()


def test_a_killed_child_comes_back(tmp_path: Path) -> None:
    with machine(tmp_path) as run:
        url = run.url()
        serving = processes_mentioning("\0serve\0")
        (api,) = [pid for pid in run.pids() if pid in serving]
        os.kill(api, signal.SIGKILL)
        wait_until(lambda: "api   | ended with signal 9" in run.log(), "the notice")

        def answers() -> bool:
            try:
                return bool(run.ask(url)["recommendations"])
            except httpx.HTTPError:
                return False

        wait_until(answers, "the API's return")


def test_nobody_survives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    with machine(tmp_path) as run:
        run.url()
        assert len(run.pids()) >= 4
        run.process.kill()
        run.process.wait()

        wait_until(lambda: not run.pids(), "the end of all children", 15)


def test_stopping_during_the_first_steps_leaves_no_half_shop(tmp_path: Path) -> None:
    with machine(tmp_path) as run:
        wait_until(lambda: "making a sample shop" in run.log(), "the seeding")
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(10) == 0

    wait_until(lambda: not run.pids(), "no orphan", 5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log"]


def test_a_broken_change_keeps_the_old_model(tmp_path: Path) -> None:
    with machine(tmp_path) as run:
        url = run.url()
        version = run.version(url)
        (tmp_path / "data-training.csv").write_text("not,a,training\n1,2,3\n")
        wait_until(lambda: "training failed, the old model stays" in run.log(), "the refusal")
        assert run.version(url) == version

        run.change("UPDATE data_user_profile SET age = 99 WHERE user_id = 1")
        run.next_version(url, version)

    assert run.log().count("Error: ") == 1


def test_a_database_that_cannot_be_used_is_said_at_once(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "shop.db").execute("VACUUM").connection.close()
    (tmp_path / "shop.db").touch()

    done = selera("run", "--port", "0", cwd=tmp_path)

    assert done.returncode == 1
    assert "data_user_profile" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_empty_shop_is_told_that_there_is_nothing_to_learn_from(tmp_path: Path) -> None:
    assert selera("seed", cwd=tmp_path, environment=SMALL).returncode == 0
    with closing(sqlite3.connect(tmp_path / "shop.db")) as shop, shop:
        for source in BEHAVIOR_SOURCES:
            shop.execute(f"DELETE FROM {source.table.name}")

    with machine(tmp_path) as run:
        wait_until(lambda: "has a header but no behaviors" in run.log(), "the refusal", READY_S)

    log = run.log()
    assert "there is no model yet, and nothing to learn one from" in log
    assert "`selera doctor`" in log
