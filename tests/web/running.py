"""Real servers for the tests: `serve` in a process of its own, on a free port."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

SERVE = """
import sys
from pathlib import Path
import structlog
from selera.web import WebConfig, serve

# The log has a way of its own: nobody reads the pipe while requests are answered.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
serve(
    WebConfig(database=sys.argv[1], model=Path(sys.argv[2]), port=0),
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
def running_server(database: str, model: Path) -> Iterator[Server]:
    """A server that answers when this yields, and is asked to end afterwards."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, database, str(model)], stdout=subprocess.PIPE, text=True
    ) as process:
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
