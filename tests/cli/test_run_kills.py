"""Everything that `selera run` keeps running, killed at random moments: it comes back, files whole.

SELERA_TEST_KILLS is how many kills there are (8 unless given, 50 at most), of each kind of process
about as many.
"""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from selera.artifact import verify_artifact
from selera.etl import load_training_csv
from tests.cli.test_run import READY_S, Machine, machine
from tests.processes import parent_of, processes_mentioning, wait_until

pytestmark = pytest.mark.slow

KILLS = min(50, int(os.environ.get("SELERA_TEST_KILLS", "8")))
N_WORKERS = 2

MARKS = {"api": "\0serve\0", "worker": "\0serve\0", "etl": "\0etl\0--watch", "train": "\0watch\0"}
"""What tells the processes apart, in the command by which they were started."""

BACK_S = 60.0
"""The longest pause before a restart is half of it."""


LONGEST_WAIT_S = 4.0
"""After a purchase; ETL and training are done by then, or were killed on the way."""


class Killable(Machine):
    """A machine whose processes can be found by what they do."""

    def of(self, role: str) -> list[int]:
        """The processes that do this; a worker is forked from the API that it belongs to."""
        found = [pid for pid in self.pids() if pid in processes_mentioning(MARKS[role])]
        if role == "worker":
            return [pid for pid in found if parent_of(pid) in found]
        return [pid for pid in found if parent_of(pid) not in found]

    def kill(self, role: str) -> None:
        """Kill one of them, once there is one."""
        victim = wait_until(lambda: self.of(role), f"the return of: {role}", BACK_S)[0]
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)

    def await_all(self) -> None:
        """Wait until everything runs."""
        for role in MARKS:
            least = N_WORKERS if role == "worker" else 1
            wait_until(lambda: len(self.of(role)) >= least, f"the return of: {role}", BACK_S)  # noqa: B023

    def answers(self, url: str) -> bool:
        try:
            return len(self.ask(url)["recommendations"]) == 10
        except httpx.HTTPError:
            return False

    def buy(self, turn: int) -> None:
        """One purchase more: there is something to do for the ETL, and then for the training."""
        self.change(
            "INSERT INTO data_product_transaction_buy"
            " (user_id, product_id, transaction_value, transaction_date)"
            f" VALUES (1, {1 + turn % 80}, 10, '2026-06-30')"
        )


def test_whatever_is_killed_comes_back_and_all_files_stay_whole(tmp_path: Path) -> None:
    rng = random.Random(3)
    data, model = tmp_path / "data-training.csv", tmp_path / "system-recomendation.pkl"
    with machine(tmp_path, "--workers", str(N_WORKERS)) as started:
        run = Killable(tmp_path, started.process)
        url = run.url()
        n_rows = load_training_csv(data).n_rows
        for turn in range(KILLS):
            run.buy(turn)
            time.sleep(rng.uniform(0, LONGEST_WAIT_S))
            run.kill(list(MARKS)[turn % len(MARKS)])

            assert verify_artifact(model).run["version"]
            assert n_rows <= load_training_csv(data).n_rows <= n_rows + turn + 1
            wait_until(lambda: run.answers(url), "the API", BACK_S)

        run.await_all()
        version = run.version(url)
        run.buy(KILLS)
        wait_until(lambda: run.version(url) != version, "a new model", READY_S)
        wait_until(
            lambda: load_training_csv(data).n_rows == n_rows + KILLS + 1, "every purchase", READY_S
        )

    assert "Traceback" not in run.log()
