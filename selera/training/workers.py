"""Run kernels side by side: a thread pool for `nogil` functions, BLAS kept to one thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

Task = Callable[[], None]


class Workers:
    """Runs batches of independent tasks; a batch ends when all of its tasks have ended."""

    def __init__(self, executor: ThreadPoolExecutor | None) -> None:
        self._executor = executor

    def run(self, tasks: Iterable[Task]) -> None:
        """Run all tasks, in any order; the first error of one of them is raised."""
        if self._executor is None:
            for task in tasks:
                task()
            return
        futures = [self._executor.submit(task) for task in tasks]
        wait(futures)
        for future in futures:
            future.result()


@contextmanager
def open_workers(n_threads: int | None = None) -> Iterator[Workers]:
    """Workers on `n_threads` threads; None means one for each processor that we may use.

    Meanwhile BLAS computes on one thread, so that its sums round the same way on every machine
    and our own threads have the processors to themselves.
    """
    n_threads = n_threads or usable_processors()
    with threadpool_limits(1, user_api="blas"):
        if n_threads == 1:
            yield Workers(None)
            return
        with ThreadPoolExecutor(n_threads, thread_name_prefix="selera-kernel") as executor:
            yield Workers(executor)


def usable_processors() -> int:
    """Processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
