"""The only place that configures logging: plain lines on standard error."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

Level = Literal["debug", "info", "warning", "error"]


def log_to_stderr(level: Level) -> None:
    """Let every room's log lines of `level` and above appear on standard error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.processors.format_exc_info,
            _line,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=lambda *_: _StderrLogger(),
    )


class _StderrLogger:
    """Looks standard error up at every line: a progress bar may stand in its place by then."""

    def msg(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    debug = info = warning = error = critical = exception = msg


def _line(_: object, __: str, entry: MutableMapping[str, Any]) -> str:
    """`14:03:07 trained  model=svd seconds=2.1`; warnings and worse say so."""
    at, level, event = entry.pop("timestamp"), entry.pop("level"), entry.pop("event")
    trace = entry.pop("exception", None)
    marked = event if level in ("debug", "info") else f"{level}: {event}"
    facts = " ".join(f"{key}={_value(value)}" for key, value in entry.items() if value is not None)
    line = f"{at} {marked}  {facts}".rstrip()
    return f"{line}\n{trace}" if trace else line


def _value(value: object) -> str:
    text = str(value)
    return repr(text) if not text or any(each.isspace() for each in text) else text
