"""Run kernels side by side: threads for `nogil` functions, the caller's own among them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

Task = Callable[[], None]


class Workers:
    """Runs batches of independent tasks; a batch ends when all of its tasks have ended."""

    def __init__(self, helpers: ThreadPoolExecutor, n_helpers: int) -> None:
        self._helpers = helpers
        self._n_helpers = n_helpers

    def run(self, tasks: Iterable[Task]) -> None:
        """Run all tasks, in any order; the first error of one of them is raised."""
        waiting = iter(list(tasks))  # a list's iterator may be advanced by any thread
        helping = [self._helpers.submit(_drain, waiting) for _ in range(self._n_helpers)]
        try:
            _drain(waiting)
        finally:
            for helper in helping:
                helper.result()


def _drain(waiting: Iterator[Task]) -> None:
    for task in waiting:
        task()


@contextmanager
def open_workers(n_threads: int | None = None) -> Iterator[Workers]:
    """Workers on `n_threads` threads; None means one for each processor that we may use."""
    n_helpers = (n_threads or usable_processors()) - 1
    with ThreadPoolExecutor(max(n_helpers, 1), thread_name_prefix="selera-kernel") as helpers:
        yield Workers(helpers, n_helpers)


def usable_processors() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
