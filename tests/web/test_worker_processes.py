"""Several workers on one port: as real processes, killed and stopped as real ones are."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from selera.web.processes import STOPPING_S, handling, heard, held_back
from tests.processes import ROOT, python, wait_until
from tests.serving.served_shop import FIRST_PRODUCT, FIRST_USER
from tests.web.large_model import write_large_model

pytestmark = pytest.mark.slow

SERVE = """
import sys
from functools import partial
from pathlib import Path
from selera.cli.logs import log_to_stderr
from selera.contracts.errors import SeleraError
from selera.web import WebConfig, serve

database, model, state = sys.argv[1:]
config = WebConfig(
    database=database, model=Path(model), state=Path(state), port=0, workers=2
)
log = partial(log_to_stderr, "info")
log()
try:
    serve(config, started=lambda url: print("serving at", url, flush=True), prepare=log)
except SeleraError as error:
    print("refused:", error, flush=True)
    sys.exit(1)
print("closed", flush=True)
"""


class Workers:
    """A server of two workers."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self._address = urlsplit(url)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return str(self._address.hostname), int(self._address.port or 0)

    def n_files(self) -> int:
        """Open files and connections of both workers (Linux)."""
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in self.pids())

    def memory_bytes(self) -> int:
        """Memory that is resident in both workers (Linux)."""
        pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.pids()]
        return sum(pages) * os.sysconf("SC_PAGE_SIZE")

    def status(self, path: str = "/popular?limit=3") -> int:
        """The status of one request on a connection of its own."""
        return self.get(path)[0]

    def version(self) -> str:
        """The version of the model of whichever worker answers."""
        return str(json.loads(self.get("/popular?limit=3")[1])["model"]["version"])

    def metric(self, name: str) -> float:
        """A metric without labels, of all workers."""
        lines = self.get("/metrics")[1].decode().splitlines()
        return sum(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of one request on a connection of its own."""
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def post(self, path: str, body: object) -> int:
        """The status of one request with a body, on a connection of its own."""
        connection = http.client.HTTPConnection(*self.address, timeout=10)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", path, json.dumps(body), headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def pids(self) -> set[int]:
        """The process ids of the workers."""
        return children_of(self.process.pid)


def children_of(parent: int) -> set[int]:
    """The process ids of the children of a process (Linux)."""
    listed = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return {int(each) for each in listed.split()}


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def start(database: str, model: Path, state: Path) -> subprocess.Popen[str]:
    """A server whose log goes to a file: a pipe that nobody reads stops who writes into it."""
    arguments = [sys.executable, "-c", SERVE, database, str(model), str(state)]
    with state.with_suffix(".log").open("a") as log:
        return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=log, text=True)


@contextmanager
def two_workers(database: str, model: Path, state: Path) -> Iterator[Workers]:
    with start(database, model, state) as process:
        assert process.stdout is not None
        try:
            while not (told := process.stdout.readline()).startswith("serving at"):
                assert told, "the server ended before it could answer"
            yield Workers(process, told.split()[-1])
        finally:
            process.terminate()
            process.wait(20)


def test_both_answer_when_it_is_told_and_both_stop(
    shop_url: str, model_path: Path, tmp_path: Path
) -> None:
    with two_workers(shop_url, model_path, tmp_path / "state.db") as server:
        pids = server.pids()
        assert len(pids) == 2
        assert {server.status() for _ in range(20)} == {200}

        server.process.terminate()

        assert server.process.wait(10) == 0
        assert server.process.stdout is not None
        assert server.process.stdout.read().endswith("closed\n")
    assert [pid for pid in pids if command_of(pid)] == []


def test_a_worker_adds_less_than_a_hundred_megabytes(
    shop_url: str, model_path: Path, tmp_path: Path
) -> None:
    with two_workers(shop_url, model_path, tmp_path / "state.db") as server:
        for _ in range(40):
            assert server.status() == 200
        added = [own_bytes(pid) for pid in server.pids()]

    assert len(added) == 2
    assert max(added) < 100e6


def own_bytes(pid: int) -> int:
    """Memory that a process shares with no other (Linux)."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def test_a_model_of_a_gigabyte_is_mapped_and_not_read(shop_url: str, tmp_path: Path) -> None:
    model = tmp_path / "model.pkl"
    write_large_model(model, n_items=1_000_000, n_factors=128, n_users=1_000_000)
    with two_workers(shop_url, model, tmp_path / "state.db") as server:
        assert json.loads(server.get("/health/ready")[1])["model"]["version"] == "large"
        rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in server.pids()]
    kib = [
        int(line.split()[1])
        for each in rollups
        for line in each.splitlines()
        if line.startswith("Pss:")
    ]
    assert 1 << 30 < model.stat().st_size
    assert 1024 * sum(kib) < model.stat().st_size


def test_a_killed_worker_fails_only_what_it_had_and_is_replaced(
    shop_url: str, model_path: Path, tmp_path: Path
) -> None:
    with two_workers(shop_url, model_path, tmp_path / "state.db") as server:
        statuses: list[int] = []
        broken: list[OSError | http.client.HTTPException] = []
        stop = threading.Event()

        def keep_asking() -> None:
            while not stop.is_set():
                try:
                    statuses.append(server.status())
                except (OSError, http.client.HTTPException) as error:
                    broken.append(error)

        askers = [threading.Thread(target=keep_asking) for _ in range(4)]
        for each in askers:
            each.start()
        try:
            for _ in range(3):
                before = server.pids()
                os.kill(min(before), signal.SIGKILL)
                at_kill = len(statuses)
                wait_until(
                    lambda before=before: len(server.pids() - before) == 1,  # type: ignore[misc]
                    "the replacement",
                )
                wait_until(lambda at=at_kill: len(statuses) > at + 20, "answers")  # type: ignore[misc]
        finally:
            stop.set()
            for each in askers:
                each.join()
        assert set(statuses) == {200}
        assert len(broken) <= 3 * len(askers)
        wait_until(lambda: len(server.pids()) == 2, "both workers")


def test_an_event_is_in_the_very_next_answer_of_both_workers(
    shop_url: str, model_path: Path, tmp_path: Path
) -> None:
    def visits(answer: tuple[int, bytes]) -> int:
        assert answer[0] == 200
        return int(json.loads(answer[1])["behaviors"]["visit"])

    path = f"/users/{FIRST_USER}"
    event = {"type": "visit", "user_id": FIRST_USER, "product_id": FIRST_PRODUCT}
    with two_workers(shop_url, model_path, tmp_path / "state.db") as server:
        before = max(visits(server.get(path)) for _ in range(20))
        for told in range(1, 21):
            assert server.post("/events", {"events": [event]}) == 200
            # Each on a connection of its own: whichever worker takes it.
            assert [visits(server.get(path)) for _ in range(6)] == [before + told] * 6


def test_nobody_survives_a_parent_that_is_killed(
    shop_url: str, model_path: Path, tmp_path: Path
) -> None:
    with two_workers(shop_url, model_path, tmp_path / "state.db") as server:
        pids = children_of(server.process.pid)
        server.process.kill()
        server.process.wait()

        wait_until(lambda: not any(map(command_of, pids)), "the end of all workers", 15)


def test_what_a_killed_server_counted_is_removed_by_the_next(
    shop_url: str, model_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    with two_workers(shop_url, model_path, tmp_path / "state.db") as server:
        pids = children_of(server.process.pid)
        server.process.kill()
        server.process.wait()
        wait_until(lambda: not any(map(command_of, pids)), "the end of all workers", 15)
    (left,) = folder.glob("*selera-metrics-*")

    with two_workers(shop_url, model_path, tmp_path / "state.db") as server:
        (own,) = folder.glob("*selera-metrics-*")
        assert own != left
        with two_workers(shop_url, model_path, tmp_path / "other.db"):
            assert len(list(folder.glob("*selera-metrics-*"))) == 2
        assert server.metric("selera_model_loaded") == 1
    assert list(folder.iterdir()) == []


WAIT_FOR_EACH_OTHER = """
import signal, sys, time
from functools import partial
from pathlib import Path
from selera.cli.logs import log_to_stderr
from selera.web.processes import keep_answering

def work(ready):
    def end(number, frame):
        (folder / str(time.monotonic_ns())).touch()
        while len(list(folder.iterdir())) < 3:
            time.sleep(0.02)
        sys.exit(0)
    signal.signal(signal.SIGTERM, end)
    ready()
    while True:
        time.sleep(0.02)

folder = Path(sys.argv[1])
log_to_stderr("info")
keep_answering(work, 3, started=partial(print, "ready", flush=True), prepare=int)
"""


def test_workers_whose_parent_is_killed_stop_together(tmp_path: Path) -> None:
    """None of them waits for a sibling to be gone."""
    arguments = [sys.executable, "-c", WAIT_FOR_EACH_OTHER, str(tmp_path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        pids = children_of(process.pid)
        process.kill()
        process.wait()

        wait_until(lambda: len(list(tmp_path.iterdir())) == 3, "all three to be told", 5)
        wait_until(lambda: not any(map(command_of, pids)), "the end of all workers", 5)


STOP_SOON = """
import os, signal, sys, time
from selera.cli.logs import log_to_stderr
from selera.web.processes import keep_answering

def work(ready):
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    ready()
    while True:
        time.sleep(1)

log_to_stderr("info")
signal.signal(signal.SIGALRM, lambda number, frame: os.kill(os.getpid(), signal.SIGTERM))
signal.signal(signal.SIGTERM, lambda number, frame: None)  # it may come before anybody listens
for delay_s in (0.001, 0.003, 0.006, 0.01, 0.02, 0.03):
    signal.setitimer(signal.ITIMER_REAL, delay_s, 0.5)
    started = time.monotonic()
    keep_answering(work, 4, started=int, prepare=int)
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(time.monotonic() - started, flush=True)
"""


def test_workers_that_are_stopped_while_they_start_stop_at_once() -> None:
    done = python("-c", STOP_SOON, cwd=ROOT)

    seconds = [float(line) for line in done.stdout.splitlines()]
    assert len(seconds) == 6, done.stderr
    assert max(seconds) < STOPPING_S, "else they did not hear, and were killed"


FORKED_AND_TOLD = """
import os, signal, sys
from functools import partial
from selera.cli.logs import log_to_stderr
from selera.contracts.errors import SeleraError
from selera.web.processes import keep_answering

log_to_stderr("info")
os.register_at_fork(after_in_child=lambda: os.kill(os.getpid(), signal.SIGTERM))
try:
    keep_answering(
        lambda ready: ready(), 1, started=partial(sys.exit, "it was not heard"), prepare=int
    )
except SeleraError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")
def test_a_worker_that_is_told_to_stop_before_it_can_hear_does_so() -> None:
    done = python("-c", FORKED_AND_TOLD, cwd=ROOT, timeout_s=60)

    assert done.stdout.startswith("a worker ended with signal 15 before it could answer"), done


def test_where_no_signal_can_be_held_back_none_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, which forks nothing."""
    monkeypatch.delattr(signal, "pthread_sigmask")
    came: list[int] = []
    with handling([signal.SIGTERM], lambda number, _: came.append(number)):
        with held_back([signal.SIGTERM]):
            os.kill(os.getpid(), signal.SIGTERM)
            assert came == [signal.SIGTERM]
        heard([signal.SIGTERM])


def test_workers_that_cannot_start_end_everything_with_one_sentence(
    model_path: Path, tmp_path: Path
) -> None:
    started = time.monotonic()
    missing = f"sqlite:///{tmp_path}/none.db"
    with start(missing, model_path, tmp_path / "state.db") as process:
        output, _ = process.communicate(timeout=60)

    assert process.returncode == 1
    assert output.count("refused: ") == 1
    assert "none.db" in output
    assert time.monotonic() - started < 40
