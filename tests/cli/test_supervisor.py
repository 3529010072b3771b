import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selera.cli.supervisor import Service, supervise
from selera.pipeline.children import Command
from tests.processes import STALL_S, wait_until

TALKER = """
import os, sys, time
print("pid", os.getpid(), flush=True)
print("to stderr", file=sys.stderr, flush=True)
time.sleep(60)
"""
QUITTER = "print('bye'); raise SystemExit(7)"


class Heard:
    """What children said, in order."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def __call__(self, name: str, line: str) -> None:
        self.lines.append((name, line))

    def of(self, name: str, beginning: str) -> list[str]:
        return [line for who, line in self.lines if who == name and line.startswith(beginning)]


@contextmanager
def supervising(heard: Heard, **codes: str) -> Iterator[list[Service]]:
    stop = threading.Event()
    services = [
        Service(name, Command([sys.executable, "-c", code], dict(os.environ)), heard)
        for name, code in codes.items()
    ]
    thread = threading.Thread(target=supervise, args=(services, stop))
    thread.start()
    try:
        yield services
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


def test_lines_of_both_streams_are_said_under_the_childs_name() -> None:
    heard = Heard()

    with supervising(heard, one=TALKER, two=TALKER):
        for name in ("one", "two"):
            wait_until(lambda name=name: heard.of(name, "pid "), "the first line")  # type: ignore[misc]
            wait_until(lambda name=name: heard.of(name, "to stderr"), "the second")  # type: ignore[misc]


def test_a_killed_child_is_started_again_and_that_is_said() -> None:
    heard = Heard()

    with supervising(heard, api=TALKER):
        first = int(wait_until(lambda: heard.of("api", "pid "), "the child")[0].split()[1])
        os.kill(first, signal.SIGKILL)
        pids = wait_until(lambda: heard.of("api", "pid ")[1:], "another child")

    assert int(pids[0].split()[1]) != first
    assert heard.of("api", "ended with signal 9; starting it again in 1 s")


def test_pauses_grow_while_a_child_keeps_dying() -> None:
    heard = Heard()

    with supervising(heard, api=QUITTER):
        wait_until(lambda: len(heard.of("api", "ended")) >= 2, "two ends")

    assert heard.of("api", "ended") == [
        "ended with exit code 7; starting it again in 1 s",
        "ended with exit code 7; starting it again in 2 s",
    ]
    assert heard.of("api", "bye")


def test_all_are_stopped_together() -> None:
    heard = Heard()

    with supervising(heard, one=TALKER, two=TALKER, three=TALKER) as services:
        wait_until(lambda: len(heard.lines) == 6, "all lines")
        started = time.monotonic()

    assert time.monotonic() - started < STALL_S
    assert [service.process is not None for service in services] == [True] * 3
    for service in services:
        assert service.process is not None
        assert service.process.returncode == -signal.SIGTERM


def test_nothing_is_left_in_proc(tmp_path: Path) -> None:
    heard = Heard()

    with supervising(heard, api=TALKER):
        pid = int(wait_until(lambda: heard.of("api", "pid "), "the child")[0].split()[1])

    assert not Path(f"/proc/{pid}").exists()
