"""The line to the shop's database: whether it answered when it was last asked."""

from __future__ import annotations

import math
import time


class Line:
    """Who finds out that the database is silent says so here, and nobody else waits for it.

    That counts while somebody watches the line, who finds out when the database answers again; else
    it is asked every time. Safe between threads.

    silences : how often somebody got no answer
    """

    def __init__(self) -> None:
        self.silences = 0
        self._is_watched = False
        self._is_silent = False
        self._patience_s = math.inf
        self._spoke_at = 0.0

    @property
    def answers(self) -> bool:
        """Whether it makes sense to ask."""
        if not self._is_watched:
            return True
        return not self._is_silent and time.monotonic() - self._spoke_at < self._patience_s

    def watch(self, patience_s: float = math.inf) -> None:
        """Somebody watches from now on, who says at least every `patience_s` that it answered.

        Where that is not said in time, the watcher waits for an answer that does not come.
        """
        self._patience_s = patience_s
        self.spoke()
        self._is_watched = True

    def leave(self) -> None:
        """Nobody watches any more."""
        self._is_watched = False

    def fell_silent(self) -> None:
        """Somebody asked and got no answer."""
        self.silences += 1
        self._is_silent = True

    def spoke(self) -> None:
        """Somebody asked and got an answer."""
        self._spoke_at = time.monotonic()
        self._is_silent = False
