"""The outermost layer of the app: what holds for every request, whatever it asks for.

It gives a request its id, keeps the ids in its path encoded until a route reads them, answers HEAD
as GET without the body, and writes one line into the log that tells no user's id.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import structlog
from litestar.types import ASGIApp, Message, Receive, Send

_SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")
_SAFE_IN_SEGMENT = "-._~!$&'()*+,;=:@"
_DEFAULT_HEADERS = {
    # Private unless a route says otherwise: a new route that forgets it leaks nothing.
    b"cache-control": b"private, no-store",
    b"x-content-type-options": b"nosniff",
}

log = structlog.get_logger(__name__)


class Edge:
    """An ASGI app around another; the server hands it HTTP requests and nothing else."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        method: str = scope["method"]
        request_id = _request_id(scope["headers"])
        status: int | None = None

        async def send_finished(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _finished(message["headers"], request_id)
            elif method == "HEAD" and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        inner: Any = {**scope, "path": encoded_path(scope)}
        inner["method"] = "GET" if method == "HEAD" else method
        inner["state"] = {**scope["state"], "request_id": request_id.decode()}
        try:
            await self._app(inner, receive, send_finished)
        finally:
            log.log(
                log_level(inner, logging.INFO),
                "request",
                method=method,
                route=inner.get("path_template"),
                status=status,
                ms=round((time.perf_counter() - started) * 1000, 2),
                request_id=request_id.decode(),
            )


def log_level(scope: Any, level: int) -> int:
    """The level of a line about this request: who asks for health asks all the time."""
    is_probe = str(scope.get("path_template")).startswith("/health/")
    return logging.DEBUG if is_probe else level


def encoded_path(scope: Any) -> str:
    """The path as it was sent, every segment percent-encoded the same way.

    The server's own `path` is decoded, and in it the slash of an id is a slash of the path.
    """
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    segments = raw.partition(b"?")[0].split(b"/")
    return "/".join(quote(unquote_to_bytes(each), safe=_SAFE_IN_SEGMENT) for each in segments)


def _request_id(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The asker's X-Request-ID where it is harmless, else a new one."""
    given = next((value for name, value in headers if name == b"x-request-id"), b"")
    return given if _SANE_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex.encode()


def _finished(headers: Any, request_id: bytes) -> list[tuple[bytes, bytes]]:
    """The headers of an answer with what every answer has; GET allows HEAD too."""
    finished = [
        (name, value + b", HEAD" if name.lower() == b"allow" and b"GET" in value else value)
        for name, value in headers
    ]
    present = {name.lower() for name, _ in finished}
    finished += [(name, v) for name, v in _DEFAULT_HEADERS.items() if name not in present]
    return [*finished, (b"x-request-id", request_id)]
