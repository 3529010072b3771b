"""The threads in which requests wait for the database, so that the event loop never does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ..contracts.errors import Busy

T = TypeVar("T")


class Workers:
    """A pool of `threads` threads, for which at most `waiting` more calls wait."""

    def __init__(self, threads: int, waiting: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="selera-web")
        self._most = threads + waiting
        self._in_hand = 0

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` returns, or raises, in one of the threads; Busy where too many calls wait."""
        if self._in_hand >= self._most:
            raise Busy(f"{self._in_hand} requests are in hand, and no more can wait; try again")
        self._in_hand += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, call)
        finally:
            self._in_hand -= 1

    def close(self) -> None:
        """Let the calls that run end, and drop those that wait."""
        self._executor.shutdown(wait=True, cancel_futures=True)
