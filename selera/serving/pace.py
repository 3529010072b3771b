"""Pace: long work beside the answers, done in pieces with rests between them."""

from __future__ import annotations

import time

REST = 3.0
MOST_REST_S = 0.2
"""So that a rollback does not take a second, and no writer waits long for a table that is read."""


class Pace:
    """Rests between the pieces of a work, for `rest` times as long as each of them took.

    Whoever answers meanwhile then waits for one piece at most, and not for all of the work, be it
    for the interpreter or for a processor. After `at_most_s` of rest altogether, the work hurries.
    """

    def __init__(self, rest: float = REST, at_most_s: float = MOST_REST_S) -> None:
        self._rest = rest
        self._left_s = at_most_s
        self._began = time.perf_counter()

    def __call__(self) -> None:
        """A piece has ended; the next begins when this returns."""
        rest_s = min(self._rest * (time.perf_counter() - self._began), self._left_s)
        if rest_s > 0:
            time.sleep(rest_s)
            self._left_s -= rest_s
        self._began = time.perf_counter()
