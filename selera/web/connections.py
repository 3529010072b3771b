"""Connections that are not kept waiting: uvicorn's protocol with a time and a size for requests.

By itself uvicorn waits without end for the rest of a request that has begun, and collects headers
without end. A few thousand connections that send a byte now and then would take all of its files.
"""

from __future__ import annotations

import asyncio
import uuid
from http import HTTPStatus
from typing import ClassVar

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .problems import (
    PROBLEM_MEDIA_TYPE,
    PROBLEMS,
    HeadersTooLarge,
    Problem,
    ProblemKind,
    RequestTimeout,
    UnreadableBody,
)

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
        """Read on, as long as the headers are of a decent size."""
        super().data_received(data)
        if self._in_headers:
            self._n_header_bytes += len(data)
            if self._n_header_bytes > MOST_HEADER_BYTES and not self.transport.is_closing():
                self._refuse(HeadersTooLarge, f"More than {MOST_HEADER_BYTES} bytes of headers.")
        elif self._due is None and (self.cycle is None or self.cycle.response_complete):
            # Line ends between requests: they begin none, but they must lead to one.
            self._due = self.loop.time() + self.header_timeout_s

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_headers, self._n_header_bytes = True, 0
        self._due = self.loop.time() + self.header_timeout_s

    def on_headers_complete(self) -> None:
        """Its body begins."""
        self._in_headers = False
        self._due = self.loop.time() + self.body_timeout_s + _GRACE_S
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It is there."""
        self._due = None
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Tell as a problem what no app could have read."""
        self._refuse(UnreadableBody, msg)

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
                self._refuse(RequestTimeout, "The headers were not complete in time.")
            self.transport.close()

    def _refuse(self, error: type[Exception], detail: str) -> None:
        """Answer with a problem where nothing was answered yet, and end the connection."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.write(_answer(PROBLEMS[error], detail))
        self.transport.close()


def punctual(header_timeout_s: float, body_timeout_s: float) -> type[PunctualProtocol]:
    """The protocol with these times, for uvicorn's setting `http`."""
    times = {"header_timeout_s": header_timeout_s, "body_timeout_s": body_timeout_s}
    return type("PunctualProtocol", (PunctualProtocol,), times)


def _answer(kind: ProblemKind, detail: str) -> bytes:
    """A whole HTTP answer that tells a problem."""
    request_id = uuid.uuid4().hex
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
