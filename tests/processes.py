"""Real processes in tests: our commands as a shell starts them, and polling with a deadline."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent
Found = TypeVar("Found")

STALL_S = 20.0
"""How long a busy machine may stand still in the middle of a test; figures are in benchmarks/."""


def wait_until(
    look: Callable[[], Found | None], what: str, timeout_s: float = 30.0, every_s: float = 0.05
) -> Found:
    """The first true thing that `look` returns; a failed test where there is none in time."""
    deadline = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited {timeout_s} s in vain for: {what}"
        time.sleep(every_s)
    return found


def parent_of(pid: int) -> int:
    """The process id of the parent of a process, 0 where it has ended (Linux)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])


def clean_environment(**extra: str) -> dict[str, str]:
    """Our environment without any setting of Selera, and `extra`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("SELERA_")}
    return {**kept, "COLUMNS": "200", **extra}


def python(
    *arguments: str, cwd: Path, environment: Mapping[str, str] | None = None, timeout_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run this Python to its end and keep what it said."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=clean_environment(**(environment or {})),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout_s,
        check=False,
    )


def selera(
    *arguments: str, cwd: Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one of our commands to its end."""
    return python("-m", "selera", *arguments, cwd=cwd, environment=environment)


@contextmanager
def running(
    arguments: Sequence[str], *, cwd: Path, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of this Python that runs during the block, what it says going to `log`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=cwd,
            env=clean_environment(**(environment or {})),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def processes_mentioning(text: str) -> list[int]:
    """Ids of the live processes whose command line or environment holds `text` (Linux)."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            known = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
            is_zombie = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        if text.encode() in known and not is_zombie:
            found.append(int(folder.name))
    return found
