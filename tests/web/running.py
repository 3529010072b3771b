"""Real servers for the tests: `serve` in a process of its own, on a free port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

SERVE = """
import json, sys
import msgspec
from selera.cli.logs import log_to_stderr
from selera.web import WebConfig, serve
from tests.web.echo import add_echo

# The log has a way of its own: nobody reads the pipe while requests are answered.
log_to_stderr("info")
add_echo()
serve(
    msgspec.convert(json.loads(sys.argv[1]), WebConfig, dec_hook=lambda type, text: type(text)),
    started=lambda url: print("serving at", url, flush=True),
)
print("closed", flush=True)
"""


class Server(NamedTuple):
    """A server that runs."""

    url: str
    process: subprocess.Popen[str]

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        return str(parts.hostname), int(parts.port or 0)


@contextmanager
def running_server(
    database: str, model: Path, *, log: Path | None = None, **settings: Any
) -> Iterator[Server]:
    """A server that answers when this yields, and is asked to end afterwards.

    log : where its log goes; `settings` are those of its `WebConfig`
    """
    files = {"database": database, "model": str(model), "state": str(model.parent / "state.db")}
    given = msgspec.json.encode({**files, "port": 0, **settings}).decode()
    with (
        open(log or os.devnull, "ab") as errors,
        subprocess.Popen(
            [sys.executable, "-c", SERVE, given],
            stdout=subprocess.PIPE,
            stderr=errors if log else None,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            told = ""
            while not told.startswith("serving at"):
                told = process.stdout.readline()
                assert told, "the server ended before it could answer"
            yield Server(told.split()[-1], process)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
