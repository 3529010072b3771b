"""What is asked at every request, and may be a second old."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")

FRESH_S = 1.0
"""How old an answer may be that one process still trusts: what another changed is seen by then."""


class Remembered(Generic[Value]):
    """One value that is read anew once it is older than `FRESH_S`; threads may share it."""

    def __init__(self, read: Callable[[], Value]) -> None:
        self._read = read
        self._known: tuple[float, Value] | None = None

    def get(self) -> Value:
        """The value, as it was at most `FRESH_S` seconds ago; raises what `read` raises."""
        known, now = self._known, time.monotonic()
        if known is not None and now - known[0] < FRESH_S:
            return known[1]
        value = self._read()
        # The age counts from before the reading: what changed meanwhile may not be in it.
        self._known = (now, value)
        return value

    def forget(self) -> None:
        """Read anew at the next call."""
        self._known = None
