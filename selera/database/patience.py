"""Not waiting for ever: for a server that took a question and fell silent, nor at the end.

A machine that is gone is noticed by the system. What takes every byte and never answers, such as a
proxy whose server hangs, is not; and `statement_timeout` is kept by the very server that is silent.
PyMySQL has a timeout of its own, psycopg gets one here. Whoever has no time left at all cuts the
connections.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import weakref
from collections.abc import Generator
from contextlib import suppress
from typing import Any

from ..contracts.errors import DatabaseError


class OpenConnections:
    """The drivers' connections of one engine; safe between threads."""

    def __init__(self) -> None:
        self._connections: weakref.WeakSet[Any] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._are_cut = False

    def check(self) -> None:
        """To be called before one is made: DatabaseError where all of them were cut."""
        if self._are_cut:
            raise DatabaseError("This process ends, and asks no database any more.")

    def add(self, connection: Any) -> None:
        """Know a new one; it is cut at once where all the others were."""
        with self._lock:
            self._connections.add(connection)
            if self._are_cut:
                _cut(connection)

    def cut(self) -> None:
        """End whatever waits for an answer, now and later: it gets what the driver raises."""
        with self._lock:
            self._are_cut = True
            for connection in tuple(self._connections):
                _cut(connection)


def _cut(connection: Any) -> None:
    """Shut the socket of a connection of PyMySQL or psycopg that another thread may be reading."""
    line = getattr(connection, "_sock", connection)
    if line is None or getattr(line, "closed", False):
        return
    # A copy of the descriptor: the thread that reads still closes its own. Where it does so just
    # now, each driver raises what it likes, and all the other connections are still to be cut.
    with suppress(Exception), socket.socket(fileno=os.dup(line.fileno())) as copy:
        copy.shutdown(socket.SHUT_RDWR)


def impatient_psycopg(silence_s: float) -> type[Any]:
    """psycopg's connection, which closes itself where the server says nothing for `silence_s`.

    Whoever waits then gets an OperationalError.
    """
    from psycopg import Connection, OperationalError

    class ImpatientConnection(Connection[Any]):
        def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
            try:
                return super().wait(_while_heard(gen, silence_s), *arguments, **options)
            except TimeoutError as error:
                self.pgconn.finish()
                raise OperationalError(
                    f"the server has said nothing for {silence_s:g} s"
                ) from error

    return ImpatientConnection


def _while_heard(work: Generator[Any, Any, Any], silence_s: float) -> Generator[Any, Any, Any]:
    """`work`, one of psycopg's generators; TimeoutError where nothing moves for `silence_s`.

    It yields what it waits for, and is sent what is ready: from time to time that nothing is.
    """
    ready = None
    moved_at = time.monotonic()
    while True:
        try:
            wanted = work.send(ready)
        except StopIteration as end:
            return end.value
        ready = yield wanted
        if ready:
            moved_at = time.monotonic()
        elif time.monotonic() > moved_at + silence_s:
            raise TimeoutError
