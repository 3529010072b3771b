"""Experiments at work: which version answers a user, and what is told of exposures afterwards."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import structlog

from ..contracts.epoch import CacheEpoch
from ..contracts.errors import ArtifactError, SeleraError
from ..contracts.events import Event
from ..contracts.ids import Id
from ..models import Recommender
from ..state.experiments import (
    VARIANTS,
    Conversion,
    Experiment,
    Exposure,
    Variant,
    assign,
    hash_of_user,
)
from .answers import Assignment
from .slot import VersionShelf

MOST_WAITING = 100_000
"""Exposures that wait to be written at most; more of them push out others."""

CONVERSIONS_WAIT_S = 5
"""A conversion is written after the exposure that it names, which another worker may have noted."""

REFUSED_FOR_S = 30.0
"""After so long a version that could not be used is tried again."""

PRUNE_EVERY_S = 60.0
"""How often what no conversion can name any more is dropped."""

_Noted = TypeVar("_Noted")

log = structlog.get_logger(__name__)


class ExperimentBook(Protocol):
    """Where experiments are kept; `selera.state.Experiments` is one."""

    def running(self) -> Experiment | None:
        """The experiment that runs, if one does."""
        ...

    def record_exposures(self, batch: Sequence[Exposure]) -> None:
        """Count who was exposed."""
        ...

    def record_conversions(self, batch: Sequence[Conversion]) -> None:
        """Count who converted."""
        ...

    def prune(self, now: int) -> bool:
        """Drop some of what is too old to be converted; whether there may be more."""
        ...


class Side(NamedTuple):
    """The side of an experiment that a user is on, and the model that answers there."""

    experiment: Experiment
    variant: Variant
    model: Recommender

    def told(self) -> Assignment:
        """As an answer says it."""
        return Assignment(self.experiment.name, self.variant)


class Trials:
    """Assigns users, gathers what happened, and writes it down when `flush` is called.

    Safe between threads. Exposures of the last moments before a crash are lost; they are no one's
    data but the experiment's.

    epoch : a file that changes when somebody was erased, from the versions too: they are opened
        anew. Exposures that have yet to be written are dropped then: one may be of that user
    """

    def __init__(
        self,
        book: ExperimentBook | None,
        versions: VersionShelf | None,
        epoch: Path | None = None,
    ) -> None:
        self._book = book
        self._versions = versions
        self._epoch_of_versions = None if epoch is None else CacheEpoch(epoch)
        self._epoch_of_exposures = None if epoch is None else CacheEpoch(epoch)
        self._prune_at = 0.0
        self._running: tuple[Experiment, Mapping[Variant, Recommender]] | None = None
        self._refused: tuple[Experiment, float] | None = None
        self._lock = threading.Lock()
        self._exposures: deque[Exposure] = deque(maxlen=MOST_WAITING)
        self._conversions: deque[Conversion] = deque(maxlen=MOST_WAITING)

    def refresh(self) -> None:
        """Ask which experiment runs, and open its versions; StateError where nobody can tell.

        Where one of the versions cannot be used, nobody is in the experiment: one side alone would
        be counted, and compared with nothing.
        """
        if self._book is None or self._versions is None:
            return
        experiment = self._book.running()
        is_outdated = _has_changed(self._epoch_of_versions)
        if is_outdated:
            self._versions.drop()
        if experiment is None:
            self._running = None
        elif is_outdated or self._running is None or self._running[0] != experiment:
            self._running = self._opened(experiment, self._versions)

    def _opened(
        self, experiment: Experiment, versions: VersionShelf
    ) -> tuple[Experiment, Mapping[Variant, Recommender]] | None:
        now = time.monotonic()
        was_refused = self._refused is not None and self._refused[0] == experiment
        if self._refused is not None and was_refused and now < self._refused[1] + REFUSED_FOR_S:
            return None
        try:
            models = {side: versions.get(experiment.version_of(side)) for side in VARIANTS}
        except ArtifactError as error:
            if not was_refused:
                log.warning("experiment without its model", name=experiment.name, reason=str(error))
            self._refused = experiment, now
            return None
        self._refused = None
        return experiment, models

    @property
    def models(self) -> tuple[Recommender, ...]:
        """Those of the experiment that runs; none where none does."""
        running = self._running
        return () if running is None else tuple(running[1].values())

    def side_of(self, user_id: Id) -> Side | None:
        """The user's side; None where no experiment runs, or its versions cannot be used."""
        running = self._running
        if running is None:
            return None
        experiment, models = running
        variant = assign(experiment, user_id)
        return Side(experiment, variant, models[variant])

    def expose(self, recommendation_id: str, side: Side, user_id: Id) -> None:
        """Note that this user got this answer because of an experiment."""
        self._exposures.append(
            Exposure(
                recommendation_id,
                side.experiment.name,
                side.variant,
                hash_of_user(user_id),
                int(time.time()),
            )
        )

    def convert(self, events: Sequence[Event]) -> None:
        """Note the purchases among these stored events that name a recommendation."""
        if self._book is None:
            return
        self._conversions.extend(
            Conversion(
                event.recommendation_id,
                event.event_id,
                hash_of_user(event.user_id),
                int(time.time()),
            )
            for event in events
            if event.recommendation_id and event.type == "purchase"
        )

    def flush(self, *, everything: bool = False) -> None:
        """Write down what was noted; it stays noted where the book cannot be written.

        Conversions wait for a moment, unless `everything` is to be written now.
        """
        if self._book is None:
            return
        with self._lock:
            if _has_changed(self._epoch_of_exposures):
                self._exposures.clear()
            _write(self._exposures, len(self._exposures), self._book.record_exposures)
            latest = int(time.time()) - CONVERSIONS_WAIT_S
            due = sum(everything or each.at <= latest for each in tuple(self._conversions))
            _write(self._conversions, due, self._book.record_conversions)
            if time.monotonic() >= self._prune_at:
                has_more = self._book.prune(int(time.time()))
                self._prune_at = time.monotonic() + (0.0 if has_more else PRUNE_EVERY_S)


def _has_changed(epoch: CacheEpoch | None) -> bool:
    return epoch is not None and epoch.has_changed()


def _write(noted: deque[_Noted], n: int, record: Callable[[Sequence[_Noted]], None]) -> None:
    """Take the first n and record them; put them back where that fails."""
    batch = [noted.popleft() for _ in range(min(n, len(noted)))]
    try:
        record(batch)
    except SeleraError:
        noted.extendleft(reversed(batch))
        raise
