"""What long work calls between its pieces, so that others are not kept waiting for all of it."""

from __future__ import annotations

from collections.abc import Callable

Between = Callable[[], object]
"""Called when a piece of a few milliseconds has ended, before the next; it may rest, or raise."""


def nothing() -> None:
    """What is done between pieces where nobody else waits."""
