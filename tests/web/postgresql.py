"""A PostgreSQL server of one test's own, that it may stop and start again."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from selera.cli.ports import free_port

OWNER = "postgres"
"""Who runs it where we are root, as whom PostgreSQL refuses to run."""


class Cluster:
    """A server with one empty database."""

    def __init__(self, programs: Path, folder: Path, port: int) -> None:
        self._programs = programs
        self._folder = folder
        self._port = port

    @property
    def url(self) -> str:
        return f"postgresql://{OWNER}@127.0.0.1:{self._port}/{OWNER}"

    def make(self) -> None:
        self._run("initdb", "--auth=trust", f"--username={OWNER}", "--no-sync")

    def start(self) -> None:
        options = f"-p {self._port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        log = str(self._folder / "log")
        self._run("pg_ctl", "--wait", "--silent", f"--log={log}", f"--options={options}", "start")

    def stop(self) -> None:
        """As if it were killed: what is under way is not finished."""
        self._run("pg_ctl", "--wait", "--silent", "--mode=immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        is_root = os.geteuid() == 0
        done = subprocess.run(
            [str(self._programs / program), f"--pgdata={self._folder / 'data'}", *arguments],
            cwd=self._folder,
            user=OWNER if is_root else None,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A server that runs; the test is skipped where PostgreSQL is not installed."""
    programs = _programs()
    with tempfile.TemporaryDirectory(prefix="selera-postgresql-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, OWNER)
        made = Cluster(programs, folder, free_port("127.0.0.1"))
        made.make()
        made.start()
        try:
            yield made
        finally:
            made.stop()


def _programs() -> Path:
    """The folder of the server's programs; Debian keeps it off the path."""
    found = shutil.which("initdb") or max(glob.glob("/usr/lib/postgresql/*/bin/initdb"), default="")
    if not found:
        pytest.skip("initdb is not installed")
    return Path(found).resolve().parent
