"""Processes in which the heavy work is done: spawned, niced, ended together with their parent."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Event

import msgspec

from .lifeline import GRACE_S

NICENESS = 19
"""How far the ETL and a training step back behind those who answer requests: all the way."""

_LEAST_URGENT = 19
_LOOK_S = 0.05


class Command(msgspec.Struct, frozen=True):
    """A program to run in a child, with the whole environment that it gets."""

    arguments: Sequence[str]
    environment: Mapping[str, str]


def start_child(
    command: Command, *, niceness: int = 0, captured: bool = False
) -> subprocess.Popen[str]:
    """Start `command` in a session of its own, its standard input being the lifeline.

    In a session of its own it does not get the terminal's Ctrl-C: its parent decides when it stops.
    Where `captured`, what it prints arrives in one pipe, `stdout`; else it goes where ours goes.
    """
    process = subprocess.Popen(
        command.arguments,
        env=command.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if captured else None,
        stderr=subprocess.STDOUT if captured else None,
        start_new_session=True,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    if niceness and hasattr(os, "setpriority"):
        _step_back(process.pid, niceness)
    return process


def _step_back(pid: int, niceness: int) -> None:
    """Make a process nicer than this one; the threads that it will start inherit it."""
    with suppress(ProcessLookupError):
        nicer = min(_LEAST_URGENT, os.getpriority(os.PRIO_PROCESS, 0) + niceness)
        os.setpriority(os.PRIO_PROCESS, pid, nicer)
        # Linux may share the processors between sessions first (sched(7), "The autogroup feature"):
        # then niceness counts within a session only, and the child has one of its own.
        with suppress(OSError):
            Path(f"/proc/{pid}/autogroup").write_text(str(nicer), encoding="ascii")


def run_child(command: Command, stop: Event, *, niceness: int = 0) -> int | None:
    """Run `command` to its end and return its exit code; negative is the signal that ended it.

    None where `stop` was set meanwhile: the child is then stopped too.
    """
    return await_child(start_child(command, niceness=niceness), stop)


def await_child(process: subprocess.Popen[str], stop: Event) -> int | None:
    """Wait for the end of a child, as `run_child` does."""
    try:
        while not stop.is_set():
            with suppress(subprocess.TimeoutExpired):
                return process.wait(timeout=_LOOK_S)
        return None
    finally:
        stop_children([process])


def stop_children(processes: Sequence[subprocess.Popen[str]], grace_s: float = GRACE_S) -> None:
    """Ask all of them to stop, together; end those that have not within `grace_s` seconds."""
    deadline = time.monotonic() + grace_s
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin:
            process.stdin.close()
