"""Following the shop: threads that hear of changes, so that memory is never wrong for long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from ..contracts.epoch import CacheEpoch
from ..contracts.errors import DatabaseError, SeleraError
from ..contracts.protocols import ChangeFeed
from . import metrics
from .catalogue import LiveCatalogue
from .line import Line
from .pace import Pace
from .users import LiveUsers

POLL_S = 0.1
"""How often the feed of events is asked: what is new counts in every worker after this long."""

CATALOGUE_POLL_S = 1.0
"""How often the catalogue is looked at; what changed counts after this and the time of reading."""

AHEAD_POLL_S = 0.02
"""How often a piece of a large catalogue's details is read, while some are missing or due."""

_LEAST_PAUSE_AFTER_FAILURE_S = 0.5
_LONGEST_CLOSING_S = 5.0

log = structlog.get_logger(__name__)


class Job(NamedTuple):
    """Something that is done again and again.

    name : as a log line tells it, after "following"
    run : raises SeleraError where it cannot be done now
    every_s : pause between two times
    rest : the pause is at least so many times as long as the job took, to leave time for answers
    """

    name: str
    run: Callable[[], None]
    every_s: float
    rest: float = 10.0


class Follower:
    """Does each job in a thread of its own, so that none waits for another."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = tuple(jobs)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to follow, in threads that end with the process."""
        if self._threads:
            return
        self._stop.clear()
        self._threads = [
            threading.Thread(
                target=self._repeat, args=(job,), name=f"selera-{job.name}", daemon=True
            )
            for job in self._jobs
        ]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Stop following, when what is being done is done, or has taken too long."""
        self._stop.set()
        for thread in self._threads:
            thread.join(_LONGEST_CLOSING_S)
        self._threads = []

    def _repeat(self, job: Job) -> None:
        failed = False
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                job.run()
            except SeleraError as error:
                if not failed:
                    log.warning("not followed, trying again", what=job.name, reason=str(error))
            except Exception:
                if not failed:
                    log.exception("following failed, trying again", what=job.name)
            else:
                if failed:
                    log.info("followed again", what=job.name)
                failed = False
                self._stop.wait(max(job.every_s, job.rest * (time.monotonic() - started)))
                continue
            failed = True
            self._stop.wait(max(job.every_s, _LEAST_PAUSE_AFTER_FAILURE_S))


class ShopFollower:
    """Hears of what changes in the shop's tables, and whether its database answers at all.

    feed : None where nothing tells of changes; then only the age of what is remembered bounds it
    epoch : where it changes, somebody was erased, and everybody is forgotten
    """

    def __init__(
        self,
        feed: ChangeFeed | None,
        epoch: CacheEpoch | None,
        users: LiveUsers,
        catalogue: LiveCatalogue,
        line: Line,
    ) -> None:
        self._feed = feed
        self._epoch = epoch
        self._users = users
        self._catalogue = catalogue
        self._line = line
        self._heard_at = time.monotonic()

    @property
    def lag_s(self) -> float:
        """Seconds since the shop was last heard."""
        return time.monotonic() - self._heard_at

    def jobs(self) -> list[Job]:
        """What has to be done again and again to hear it all."""
        return [
            Job("the feed of events", self.listen, POLL_S, rest=1.0),
            Job("the catalogue", self.look, CATALOGUE_POLL_S),
            Job("the products", self._catalogue.read_ahead, AHEAD_POLL_S),
        ]

    def listen(self) -> None:
        """Forget those of whom something new is told."""
        if self._epoch is not None and self._epoch.has_changed():
            self._users.forget_all()
        if self._feed is None:
            return
        try:
            changes = self._feed.poll()
        except DatabaseError:
            self._line.fell_silent()
            metrics.set_feed_lag(self.lag_s)
            raise
        if changes.everything:
            self._users.outdate()
        self._users.forget(changes.users)
        self._heard()

    def look(self) -> None:
        """Read the catalogue where it has changed."""
        try:
            self._catalogue.refresh(Pace())
        except DatabaseError:
            self._line.fell_silent()
            raise
        if self._feed is None:
            self._heard()

    def _heard(self) -> None:
        self._line.spoke()
        self._heard_at = time.monotonic()
        metrics.set_feed_lag(0.0)
