"""Ctrl-C and SIGTERM: a work ends where it stands, a watcher ends in good order."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130
TERMINATED = 143
"""Exit codes by custom: 128 + the number of SIGINT, of SIGTERM."""

_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


def exit_on_sigterm() -> None:
    """Let SIGTERM unwind the stack, so that temporary files go and locks are released."""

    def leave(_signal: int, _frame: FrameType | None) -> NoReturn:
        sys.exit(TERMINATED)

    signal.signal(signal.SIGTERM, leave)


@contextmanager
def stop_event() -> Iterator[Event]:
    """An event that Ctrl-C, SIGTERM and a closed terminal set while the block runs."""
    stop = Event()

    def ask(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    before = {each: signal.signal(each, ask) for each in _SIGNALS}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
