"""Rounds: reading many rows again, piece by piece, where nobody says which of them have changed."""

from __future__ import annotations

import math
import time

SHARE_OF_TIME = 200
"""What nobody says to have changed is read for at most one part in so many of the time."""


class Rounds:
    """Which piece is next, and when all of it is due again; the caller keeps threads apart.

    A round goes on where the one before ended: rows may have moved meanwhile, and all come again.
    """

    def __init__(self) -> None:
        self._next = 0
        self._n_due = 0
        self._found_changes = False
        self._began_at = -math.inf
        self._seconds = 0.0

    @property
    def is_over(self) -> bool:
        """Whether nothing is due."""
        return not self._n_due

    def begin(self, n_rows: int) -> None:
        """Let all rows be due, unless reading them has taken too much of the time since then."""
        now = time.monotonic()
        if now - self._began_at > SHARE_OF_TIME * self._seconds:
            self._n_due, self._began_at, self._seconds = n_rows, now, 0.0

    def piece(self, n_rows: int, most: int) -> range:
        """The rows to read next, at most so many."""
        start = self._next % n_rows
        return range(start, min(start + most, n_rows))

    def took(self, piece: range, seconds: float, *, found_changes: bool) -> bool:
        """This piece was read; whether that ends a round which has found changes."""
        self._next = piece.stop
        self._n_due = max(0, self._n_due - len(piece))
        self._seconds += seconds
        self._found_changes |= found_changes
        ends_with_changes = self._found_changes and self.is_over
        self._found_changes &= not ends_with_changes
        return ends_with_changes
