"""Doing two things at once: the next batch is read while the last one is being worked on."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Self


class OneBehind:
    """Runs one job at a time in a thread, in the order given, while its owner prepares the next.

    At most one job runs and none waits, so that memory holds two batches and never more. An error
    of a job is raised where the next job is handed over, or at the end.
    """

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._last: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._pool.shutdown(wait=True)
        if error is None:
            self._await_last()

    def do(self, job: Callable[..., None], *arguments: Any) -> None:
        """Wait for the last job, then start this one."""
        self._await_last()
        self._last = self._pool.submit(job, *arguments)

    def _await_last(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            last.result()


@contextmanager
def paused_garbage_collection() -> Iterator[None]:
    """Spare the collector from walking through millions of fresh rows, none of which is garbage.

    Reading rows takes half as long; they are freed all the same, by their reference counts.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
