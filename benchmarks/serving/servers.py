"""Servers under measurement: started in the folder of a shop, ended, and what memory they hold."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

from . import load

_PROBES = 4
"""Of each worker, whether it is ready."""


@contextlib.contextmanager
def shop_folder(name: str, make: Callable[[Path], None]) -> Iterator[Path]:
    """A folder with a shop and its model, made where `BENCH_FOLDER` has not kept it."""
    kept = os.environ.get("BENCH_FOLDER")
    with contextlib.ExitStack() as stack:
        root = Path(kept or stack.enter_context(tempfile.TemporaryDirectory()))
        folder = root / name
        if not (folder / "system-recomendation.pkl").exists():
            folder.mkdir(parents=True, exist_ok=True)
            make(folder)
        yield folder


@contextlib.contextmanager
def server(folder: Path, mode: str) -> Iterator[tuple[int, int]]:
    """One worker, ready, with a route for the constant; its port and its process id."""
    command = [sys.executable, "-m", "benchmarks.serving.server", str(folder), mode]
    with _started(command, folder) as (process, told):
        port = _port(told)
        _await_ready(port, 1)
        yield port, process.pid


@contextlib.contextmanager
def workers(folder: Path, n: int) -> Iterator[tuple[int, list[int]]]:
    """So many workers as `selera serve` starts them, all ready; their port and process ids."""
    command = [sys.executable, "-m", "selera", "serve", "--port", "0", "--workers", str(n)]
    with _started(command, folder, cwd=folder) as (process, told):
        listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        port = _port(told)
        _await_ready(port, n)
        yield port, [int(each) for each in listed.split()]


def _await_ready(port: int, n_workers: int) -> None:
    """Until each of the workers, which share connections evenly, has model and catalogue."""
    n = _PROBES * n_workers
    assert load.closed(port, repeat(load.get("/health/ready")), n, n).failed == 0


@contextlib.contextmanager
def _started(
    command: list[str], folder: Path, cwd: Path | None = None
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    log_path = folder / "server.log"
    with (
        log_path.open("w") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=cwd
        ) as process,
    ):
        assert process.stdout is not None
        try:
            told = next((line for line in process.stdout if "http://" in line), "")
            assert told, log_path.read_text()[-2000:]
            yield process, told
        finally:
            process.terminate()


def _port(line: str) -> int:
    """The port in the first line that tells a URL."""
    found = re.search(r"http://[^:]+:(\d+)", line)
    assert found, line
    return int(found[1])


def shared_mib(pid: int) -> float:
    """What a process alone holds, and its part of what it shares (PSS)."""
    return _mib(pid, "Pss:")


def own_mib(pid: int) -> float:
    """What a process shares with no other."""
    return round(_mib(pid, "Private_Clean:") + _mib(pid, "Private_Dirty:"), 1)


def _mib(pid: int, label: str) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(label):
            return round(int(line.split()[1]) / 1024, 1)
    raise RuntimeError(f"no {label} in smaps_rollup")


def metric(port: int, name: str) -> float:
    """A metric without labels."""
    _, text = load.ask(port, load.get("/metrics"))
    return next(
        float(line.split()[-1])
        for line in text.decode().splitlines()
        if line.startswith(name + " ")
    )
