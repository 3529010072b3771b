"""The watchdog on the shop's database: whenever its tables change, the ETL runs.

The ETL leaves `data-training.csv` untouched where its bytes would be the same, so that a change
that means nothing for training ends there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

import structlog

from ..contracts.errors import DatabaseError
from ..database import ChangeProbe, open_engine
from .backoff import Backoff
from .children import NICENESS, Command, run_child
from .watching import WatchConfig, WatchReport

log = structlog.get_logger(__name__)


def watch_database(
    database_url: str,
    command: Command,
    stop: Event,
    config: WatchConfig,
) -> WatchReport:
    """Run `command`, the ETL of this database, now and after every change of its tables.

    Returns once `stop` is set, its child being stopped. A database that cannot be reached is said
    once and asked again; an ETL that failed is tried again after a growing pause. Raises
    DatabaseError where the URL is of no use at all.
    """
    started = time.monotonic()
    engine = open_engine(database_url)
    try:
        with ChangeProbe(engine) as probe:
            extractor = _Extractor(probe.token, command, stop, config)
            log.info("watching the database", poll_s=config.poll_s)
            extractor.look()
            while not stop.wait(config.poll_s):
                extractor.look()
    finally:
        engine.dispose()
    return WatchReport(extractor.n_runs, extractor.n_failed, round(time.monotonic() - started, 3))


class _Extractor:
    """Knows the state of the database that the last ETL saw, and runs it on a newer one."""

    def __init__(
        self,
        read_token: Callable[[], str],
        command: Command,
        stop: Event,
        config: WatchConfig,
    ) -> None:
        self._read_token = read_token
        self._command = command
        self._stop = stop
        self._config = config
        self._backoff = Backoff(config.retry_s, config.longest_retry_s)
        self._done: str | None = None
        self._reachable = True
        self._retry_at = 0.0
        self.n_runs = 0
        self.n_failed = 0

    def look(self) -> None:
        """Run the ETL if the tables changed and have come to rest."""
        if time.monotonic() < self._retry_at:
            return
        token = self._token()
        if token is None or token == self._done:
            return
        if self._done is not None:
            token = self._settled(token)
        if token is not None and not self._stop.is_set():
            self._extract(token)

    def _extract(self, token: str) -> None:
        self.n_runs += 1
        # The token is from before the snapshot: what changes during the ETL is seen afterwards.
        code = run_child(self._command, self._stop, niceness=NICENESS)
        if code == 0:
            self._done = token
            self._backoff.reset()
        elif code is not None:
            self.n_failed += 1
            pause_s = self._backoff.next_s()
            self._retry_at = time.monotonic() + pause_s
            log.warning("the ETL failed", code=code, retry_in_s=pause_s)

    def _settled(self, token: str) -> str | None:
        """The newest token, once it stays the same for the debounce or has moved for too long."""
        longest = time.monotonic() + self._config.longest_debounce_s
        while not self._stop.wait(self._config.debounce_s):
            newer = self._token()
            if newer is None or newer == token or time.monotonic() >= longest:
                return newer
            token = newer
        return None

    def _token(self) -> str | None:
        """The database's state; None where it cannot be asked, which is said once."""
        try:
            token = self._read_token()
        except DatabaseError as error:
            if self._reachable:
                log.warning("the database does not answer, asking again", reason=str(error))
            self._reachable = False
            return None
        if not self._reachable:
            log.info("the database answers again")
        self._reachable = True
        return token
