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

LINE_EVERY_S = 2.0
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
    """One line when a stage begins, and one every two seconds while it goes on."""

    def __init__(self) -> None:
        self._stage = ""
        self._said_at = 0.0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Say the stage if it is a new one, or if nothing was said for a while."""
        now = time.monotonic()
        if stage == self._stage and now - self._said_at < LINE_EVERY_S:
            return
        self._stage, self._said_at = stage, now
        if total is None:
            note(f"  {stage} ..." if not done else f"  {stage}: {done:,}")
        else:
            note(f"  {stage}: {done:,} of {total:,}")


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
