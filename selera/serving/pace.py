"""Pace: long work beside the answers, done in pieces with rests between them."""

from __future__ import annotations

import time


class Pace:
    """Rests between the pieces of a work, for `rest` times as long as each of them took.

    Whoever answers meanwhile then waits for one piece at most, and not for all of the work, be it
    for the interpreter or for a processor. After `at_most_s` of rest altogether, the work hurries.
    """

    def __init__(self, rest: float, at_most_s: float) -> None:
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
