"""How long to wait before something that failed is tried again."""

from __future__ import annotations


class Backoff:
    """Pauses in seconds that double from `first_s` up to `longest_s`, until `reset`."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    def next_s(self) -> float:
        """The pause after one more failure."""
        pause_s = self._next_s
        self._next_s = min(self._longest_s, pause_s * 2)
        return pause_s

    def reset(self) -> None:
        """A success: the next failure is a first one."""
        self._next_s = self._first_s
