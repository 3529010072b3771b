"""Several processes that answer on one port: started, watched, replaced, stopped together.

They accept on one listening socket that all of them inherit: what a dead one has not accepted yet,
the others take. A process whose parent is gone stops by itself.

On Linux they are forked: what the parent has imported is in memory once. The parent has no threads
and computes nothing, so nothing is forked half-way. Elsewhere system libraries may have threads of
their own, and the processes are spawned.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from types import FrameType

import structlog

from ..contracts.errors import SeleraError
from ..pipeline.backoff import Backoff

FIRST_RESTART_S = 0.1
LONGEST_RESTART_S = 30.0
HEALTHY_S = 30.0
"""A process that ran this long and ends is replaced as if none had ended before."""

STOPPING_S = 7.0
"""How long the processes may take to stop before they are killed."""

_LOOK_S = 0.1
_FAILURE = 1
_CONTEXT = (
    multiprocessing.get_context("fork")
    if sys.platform == "linux"
    else multiprocessing.get_context("spawn")
)

Work = Callable[[Callable[[], None]], None]
"""What a process does: it is handed what to call when it can answer, and returns at SIGTERM."""

log = structlog.get_logger(__name__)


def stop_signals() -> list[signal.Signals]:
    """The signals that end a server: SIGINT, SIGTERM, and SIGHUP where nohup does not hide it."""
    signals = [signal.SIGINT, signal.SIGTERM]
    hang_up = getattr(signal, "SIGHUP", None)
    if hang_up is not None and signal.getsignal(hang_up) is not signal.SIG_IGN:
        signals.append(hang_up)
    return signals


@contextmanager
def handling(
    signals: Sequence[signal.Signals], handler: Callable[[int, FrameType | None], None]
) -> Iterator[None]:
    """Let `handler` take these signals during the block; in another thread than the main, do not.

    They are not raised again afterwards: the caller has things to close.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, handler) for each in signals}
    try:
        yield
    finally:
        for each, handler_before in before.items():
            signal.signal(each, handler_before)


@contextmanager
def held_back(signals: Sequence[signal.Signals]) -> Iterator[None]:
    """Let these signals wait until the end of the block, in this thread and in what it starts.

    Whoever is started takes them by `heard`. Windows holds nothing back, and forks nothing.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def heard(signals: Sequence[signal.Signals]) -> None:
    """Take these signals from now on, and those that were held back meanwhile."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)


def keep_answering(
    work: Work,
    n_workers: int,
    *,
    started: Callable[[], None],
    prepare: Callable[[], None],
    ended: Callable[[int], None] = lambda pid: None,
) -> None:
    """Run `work` in `n_workers` processes until a signal ends them all.

    Each process calls `prepare` first; where it is spawned, that is pickled, and so is `work`.
    `started` is called here when all of them can answer, `ended` with the process id of one that is
    gone. It is replaced after a pause that doubles from `FIRST_RESTART_S` to `LONGEST_RESTART_S`.
    Raises what a process raised as SeleraError, or says how it ended, where it could not answer at
    the first start, or later while no other could.
    """
    workers = [_Worker(number, work, prepare, ended) for number in range(1, n_workers + 1)]
    stopping: list[int] = []
    is_told = False
    with handling(stop_signals(), lambda number, _: stopping.append(number)):
        try:
            while not stopping:
                for worker in workers:
                    failure = worker.tend()
                    nobody_answers = not any(each.is_ready for each in workers)
                    if failure is not None and (nobody_answers or not is_told):
                        raise failure
                if not is_told and all(each.is_ready for each in workers):
                    started()
                    is_told = True
                wait([fact for each in workers for fact in each.awaited()], _LOOK_S)
        finally:
            _stop(workers)


class _Worker:
    """One of the processes, and whoever replaces it."""

    def __init__(
        self,
        number: int,
        work: Work,
        prepare: Callable[[], None],
        ended: Callable[[int], None],
    ) -> None:
        self.is_ready = False
        self.process: multiprocessing.process.BaseProcess | None = None
        self._number = number
        self._work = work
        self._prepare = prepare
        self._ended = ended
        self._backoff = Backoff(FIRST_RESTART_S, LONGEST_RESTART_S)
        self._started_at = 0.0
        self._start_at = 0.0
        self._reports: Connection | None = None
        self._reason: SeleraError | None = None

    def tend(self) -> SeleraError | None:
        """Start the process if it is time to; notice that it can answer, or that it ended.

        Returns why, where it ended before it could answer.
        """
        now = time.monotonic()
        if self.process is None:
            if now >= self._start_at:
                self._start(now)
            return None
        is_alive = self.process.is_alive()
        self._hear(now)
        return None if is_alive else self._plan_restart(now)

    def awaited(self) -> list[int | Connection]:
        """What becomes readable when there is something to tend to."""
        ends = [] if self.process is None else [self.process.sentinel]
        return [*ends, *([] if self._reports is None else [self._reports])]

    def _start(self, now: float) -> None:
        self._reports, told = _CONTEXT.Pipe(duplex=False)
        self._reason = None
        self._started_at = now
        self.process = _CONTEXT.Process(
            target=_be_worker,
            args=(self._work, self._prepare, told),
            name=f"selera-worker-{self._number}",
            daemon=True,
        )
        # Until it has handlers of its own, a forked process would give a signal to those of ours.
        with told, held_back(stop_signals()):
            self.process.start()

    def _hear(self, now: float) -> None:
        """Take the one thing that a process tells: that it can answer, or why it never will."""
        if self._reports is None or not self._reports.poll():
            return
        with self._reports:
            try:
                self._reason = self._reports.recv()
            except EOFError:
                self._reports = None
                return
        self._reports = None
        if self._reason is None:
            self.is_ready = True
            seconds = round(now - self._started_at, 2)
            pid = self.process.pid if self.process else None
            log.info("worker answers", worker=self._number, pid=pid, seconds=seconds)

    def _plan_restart(self, now: float) -> SeleraError | None:
        assert self.process is not None
        code = self.process.exitcode or 0
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        was_ready, self.is_ready = self.is_ready, False
        self._ended(self.process.pid or 0)
        self.process = None
        if was_ready and now - self._started_at >= HEALTHY_S:
            self._backoff.reset()
        pause_s = self._backoff.next_s()
        self._start_at = now + pause_s
        reason = None if self._reason is None else str(self._reason)
        log.warning(
            "worker ended", worker=self._number, how=how, reason=reason, restart_in_s=pause_s
        )
        if was_ready:
            return None
        return self._reason or SeleraError(
            f"a worker ended with {how} before it could answer: the lines above say more. "
            "Where there are none, the system may have had too little memory"
        )


def _be_worker(work: Work, prepare: Callable[[], None], told: Connection) -> None:
    """The life of one process; only its parent, or its parent's end, stops it."""
    signals = stop_signals()
    for each in signals:
        ends = each is signal.SIGTERM
        signal.signal(each, signal.SIG_DFL if ends else signal.SIG_IGN)
    heard(signals)
    threading.Thread(target=_end_with_parent, name="lifeline", daemon=True).start()
    prepare()
    try:
        work(lambda: told.send(None))
    except SeleraError as error:
        told.send(error)
        sys.exit(_FAILURE)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    # Siblings that were forked later hold the other end of what a join waits for.
    while parent.is_alive() and os.getppid() == parent.pid:
        parent.join(_LOOK_S)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOPPING_S)
    os._exit(_FAILURE)


def _stop(workers: Sequence[_Worker]) -> None:
    """Ask all of them to stop, together; kill those that do not in time."""
    processes = [each.process for each in workers if each.process is not None]
    deadline = time.monotonic() + STOPPING_S
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()
