"""Keep a few processes running: start, prefix what they say, start again, stop all together."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Sequence
from threading import Event, Thread

from ..pipeline.backoff import Backoff
from ..pipeline.children import Command, start_child, stop_children

FIRST_RESTART_S = 1.0
LONGEST_RESTART_S = 30.0
HEALTHY_S = 30.0
"""A child that ran this long and ends is restarted as if it had never ended before."""

STOPPING_S = 8.0
"""How long the children may take to stop before they are ended."""

_LOOK_S = 0.1

Say = Callable[[str, str], None]
"""Told the name of a child and one line."""


class Service:
    """A child that is to run always."""

    def __init__(self, name: str, command: Command, say: Say) -> None:
        self.name = name
        self.process: subprocess.Popen[str] | None = None
        self._command = command
        self._say = say
        self._backoff = Backoff(FIRST_RESTART_S, LONGEST_RESTART_S)
        self._reader: Thread | None = None
        self._started_at = 0.0
        self._start_at = 0.0

    def tend(self) -> None:
        """Start the child if it is time to; notice that it ended."""
        now = time.monotonic()
        if self.process is None:
            if now >= self._start_at:
                self._start(now)
        elif self.process.poll() is not None:
            self._plan_restart(now, self.process.returncode)

    def join_reader(self, timeout_s: float) -> None:
        """Wait until the child's last words have been said."""
        if self._reader is not None:
            self._reader.join(timeout_s)

    def _start(self, now: float) -> None:
        self.process = start_child(self._command, captured=True)
        self._started_at = now
        self._reader = Thread(target=self._read, args=(self.process,), daemon=True)
        self._reader.start()

    def _plan_restart(self, now: float, code: int) -> None:
        assert self.process is not None
        stop_children([self.process])
        self.process = None
        if now - self._started_at >= HEALTHY_S:
            self._backoff.reset()
        pause_s = self._backoff.next_s()
        self._start_at = now + pause_s
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        self._say(self.name, f"ended with {how}; starting it again in {pause_s:.0f} s")

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self._say(self.name, line.rstrip("\n"))


def supervise(services: Sequence[Service], stop: Event) -> None:
    """Keep all services running until `stop` is set, then stop them together."""
    try:
        while not stop.is_set():
            for service in services:
                service.tend()
            stop.wait(_LOOK_S)
    finally:
        running = [service.process for service in services if service.process is not None]
        stop_children(running, STOPPING_S)
        for service in services:
            service.join_reader(timeout_s=1.0)
