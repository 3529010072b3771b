"""Connections that are not kept waiting: uvicorn's protocol with a time and a size for requests.

By itself uvicorn waits without end for the rest of a request that has begun, and collects headers
without end. A few thousand connections that send a byte now and then would take all of its files.

What is refused here never becomes a request of the app, so it has a line of the log of its own.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import ClassVar

import httptools
import msgspec
import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..contracts.errors import SeleraError
from .problems import (
    PROBLEM_MEDIA_TYPE,
    HeadersTooLarge,
    Problem,
    ProblemKind,
    RequestTimeout,
    UnreadableBody,
    problem_kind,
)
from .request_ids import request_id_of

log = structlog.get_logger(__name__)

MOST_HEADER_BYTES = 64 * 1024
_LOOK_EVERY_S = 1.0
_LOOK_AGAIN_S = 0.2
_GRACE_S = 2.0
"""The app tells a slow body itself; only what it does not read ends here, this much later."""


class PunctualProtocol(HttpToolsProtocol):
    """A connection whose requests arrive in time, and with headers of a decent size.

    header_timeout_s : from the beginning of a request, or connection, to the end of its headers
    body_timeout_s : from there to the end of its body
    """

    header_timeout_s: ClassVar[float]
    body_timeout_s: ClassVar[float]

    _due: float | None
    _overdue: float | None = None
    _watch: asyncio.TimerHandle
    _in_headers = False
    _n_header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._due = self.loop.time() + self.header_timeout_s
        self._watch = self.loop.call_later(_LOOK_EVERY_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, as long as it is HTTP with headers of a decent size."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
            if self._in_headers:
                self._n_header_bytes += len(data)
                _check_size(self._n_header_bytes)
        except httptools.HttpParserUpgrade:
            pass  # nothing else is spoken here: it is answered as any request is
        except httptools.HttpParserError as error:
            cause = error.__context__  # what `on_headers_complete` raised meanwhile
            unreadable = UnreadableBody("This is no HTTP that can be read.")
            self._refuse(cause if isinstance(cause, HeadersTooLarge) else unreadable)
            return
        except HeadersTooLarge as error:
            self._refuse(error)
            return
        if self._due is None and (self.cycle is None or self.cycle.response_complete):
            # Line ends between requests: they begin none, but they must lead to one.
            self._due = self.loop.time() + self.header_timeout_s

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_headers, self._n_header_bytes = True, 0
        self._due = self.loop.time() + self.header_timeout_s

    def on_headers_complete(self) -> None:
        """Its body begins; raises HeadersTooLarge, which ends the reading, before it may."""
        self._in_headers = False
        _check_size(len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers))
        self._due = self.loop.time() + self.body_timeout_s + _GRACE_S
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It is there."""
        self._due = None
        super().on_message_complete()

    def _look(self) -> None:
        """End the connection where what is due is not there, unless it is us who do not read."""
        if self.transport.is_closing():
            return
        is_overdue = self._due is not None and self.loop.time() >= self._due
        if not is_overdue or self.flow.read_paused:
            self._watch = self.loop.call_later(_LOOK_EVERY_S, self._look)
        elif self._overdue != self._due:
            # Where we are busy, it may be there and not be read yet: look again after reading.
            self._overdue = self._due
            self._watch = self.loop.call_later(_LOOK_AGAIN_S, self._look)
        else:
            if self._in_headers:
                self._refuse(RequestTimeout("The headers were not complete in time."))
            self.transport.close()

    def _refuse(self, error: SeleraError) -> None:
        """Answer with a problem where nothing was answered yet, and end the connection."""
        cycle = self.cycle
        is_between = cycle is None or cycle.response_complete
        if is_between or self._waits_for_body():
            kind, request_id = problem_kind(error), request_id_of(dict(self.headers or ()))
            self.transport.write(_answer(kind, str(error), request_id))
            log.info(
                "request refused", status=kind.status, reason=str(error), request_id=request_id
            )
        if not is_between:
            # Whoever still works on it is told that nobody waits, and does not answer as well.
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()

    def _waits_for_body(self) -> bool:
        """Whether the one request in hand is not all there, and has no answer yet."""
        cycle = self.cycle
        return cycle.more_body and not cycle.response_started and not self.pipeline


def punctual(header_timeout_s: float, body_timeout_s: float) -> type[PunctualProtocol]:
    """The protocol with these times, for uvicorn's setting `http`."""
    times = {"header_timeout_s": header_timeout_s, "body_timeout_s": body_timeout_s}
    return type("PunctualProtocol", (PunctualProtocol,), times)


def _check_size(n_bytes: int) -> None:
    """Raise HeadersTooLarge for the head of a request of so many bytes."""
    if n_bytes > MOST_HEADER_BYTES:
        raise HeadersTooLarge(f"More than {MOST_HEADER_BYTES} bytes of headers.")


def _answer(kind: ProblemKind, detail: str, request_id: str) -> bytes:
    """A whole HTTP answer that tells a problem."""
    body = msgspec.json.encode(
        Problem(
            type=kind.type,
            title=kind.title,
            status=kind.status,
            detail=detail,
            instance="/",
            code=kind.code,
            request_id=request_id,
        )
    )
    head = (
        f"HTTP/1.1 {kind.status} {HTTPStatus(kind.status).phrase}\r\n"
        f"content-type: {PROBLEM_MEDIA_TYPE}\r\n"
        f"content-length: {len(body)}\r\n"
        "cache-control: private, no-store\r\n"
        f"x-request-id: {request_id}\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body
