"""How far a long work is: a bar on a terminal, plain lines elsewhere, always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .output import note

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

    from ..contracts.protocols import Progress

LINE_EVERY_S = 5.0
"""A stage that goes on says so in a plain line this often."""


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """A `Progress` that shows what it is told while the block runs."""
    if not sys.stderr.isatty():
        yield PlainProgress()
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as RichProgress

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with RichProgress(*columns, console=Console(file=sys.stderr), transient=True) as bars:
        yield BarProgress(bars)


class PlainProgress:
    """One line when a stage ends, and one every few seconds while it goes on.

    A stage whose end cannot be told, its total being unknown, is said when it begins.
    """

    def __init__(self) -> None:
        self._stage = ""
        self._said_at = 0.0
        self._is_over = False

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Say the stage if it is over now, or if nothing was said for a while."""
        now = time.monotonic()
        is_new = stage != self._stage
        if is_new:
            self._stage, self._said_at, self._is_over = stage, now, False
        was_over, self._is_over = self._is_over, total is not None and done >= total
        is_due = now - self._said_at >= LINE_EVERY_S
        if total is None:
            if is_new or is_due:
                self._say(f"{stage}: {done:,}" if done else f"{stage} ...", now)
        elif not was_over and (self._is_over or is_due):
            self._say(f"{stage}: {done:,} of {total:,}", now)

    def _say(self, line: str, now: float) -> None:
        self._said_at = now
        note(f"  {line}")


class BarProgress:
    """One bar for the stage that goes on; the stages before it have gone."""

    def __init__(self, bars: RichProgress) -> None:
        self._bars = bars
        self._stage = ""
        self._task: TaskID | None = None

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Move the bar, or begin a new one where the stage is a new one."""
        if self._task is None or stage != self._stage:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._task = self._bars.add_task(stage, total=total)
            self._stage = stage
        self._bars.update(self._task, completed=done, total=total)
