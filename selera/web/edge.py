"""The outermost layer of the app: what holds for every request, whatever it asks for.

It answers to our own names only, lets no page of another origin change anything, gives a request
its id, keeps the ids in its path encoded until a route reads them, gives its body a time to arrive,
answers HEAD as GET without the body, answers a browser's preflights, finishes every answer, counts
it, and writes one line into the log that tells no user's id.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import structlog
from litestar import Request
from litestar.types import ASGIApp, Message, Receive, Send

from ..contracts.errors import SeleraError
from .bodies import has_body, in_time
from .config import WebConfig
from .cors import Origins
from .error_handler import to_response
from .finishing import Finisher
from .hosts import Hosts, only_host
from .levels import log_level
from .metrics import request_begins, request_ends
from .request_ids import request_id_of

_SAFE_IN_SEGMENT = "-._~!$&'()*+,;=:@"
_PLAIN_PATH = re.compile(rb"[A-Za-z0-9\-._~!$&'()*+,;=:@/]*")

log = structlog.get_logger(__name__)


class Edge:
    """An ASGI app around another; the server hands it HTTP requests and nothing else."""

    def __init__(self, app: ASGIApp, config: WebConfig) -> None:
        self._app = app
        self._hosts = Hosts(config.host, config.allowed_hosts)
        self._origins = Origins(config.cors_origins)
        self._body_timeout_s = config.body_timeout_s

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        method: str = scope["method"]
        given: dict[bytes, bytes] = dict(scope["headers"])
        request_id = request_id_of(given)
        sending = _Sending(send, Finisher(method, given, request_id.encode(), self._origins))
        inner: Any = {**scope, "path": encoded_path(scope)}
        inner["method"] = "GET" if method == "HEAD" else method
        inner["state"] = {
            **scope["state"],
            "request_id": request_id,
            "headers": given,
            "identity": None,
        }
        if has_body(given):
            receive = in_time(receive, self._body_timeout_s)
        request_begins()
        try:
            await self._answer(inner, given, receive, sending)
        finally:
            seconds = time.perf_counter() - started
            route = inner.get("path_template")
            request_ends(route, method, sending.status, seconds)
            identity = inner["state"]["identity"]
            log.log(
                log_level(inner, logging.INFO),
                "request",
                method=method,
                route=route,
                status=sending.status,
                ms=round(seconds * 1000, 2),
                key=identity and identity.key_id,
                request_id=request_id,
            )

    async def _answer(
        self, inner: Any, given: Mapping[bytes, bytes], receive: Receive, sending: _Sending
    ) -> None:
        try:
            self._hosts.check(only_host(inner["headers"]))
            self._origins.check(inner["method"], given)
        except SeleraError as error:
            request: Request[Any, Any, Any] = Request(inner, receive, sending)
            refusal = to_response(request, error).to_asgi_response(app=None, request=request)
            await refusal(inner, receive, sending)
            return
        preflight = self._origins.preflight(inner["method"], given)
        if preflight is None:
            await self._app(inner, receive, sending)
        else:
            start: Any = {"type": "http.response.start", "status": 204, "headers": preflight}
            await sending(start)
            await sending({"type": "http.response.body", "body": b"", "more_body": False})


class _Sending:
    """A `send` that holds the beginning of an answer back until its body says how to finish it.

    status : of the answer; None before there is one
    """

    __slots__ = ("_finisher", "_send", "_start", "status")

    def __init__(self, send: Send, finisher: Finisher) -> None:
        self._send = send
        self._finisher = finisher
        self._start: Any = None
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start, self.status = message, message["status"]
            return
        start = self._start
        if start is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        self._start = None
        more_body = message.get("more_body", False)
        answer = await self._finisher.finish(
            start["status"], start["headers"], message["body"], whole=not more_body
        )
        self.status = answer.status
        headers = list(answer.headers.items())
        start["status"], start["headers"] = answer.status, headers
        message["body"] = answer.body
        await self._send(start)
        await self._send(message)


def encoded_path(scope: Any) -> str:
    """The path as it was sent, every segment percent-encoded the same way.

    The server's own `path` is decoded, and in it the slash of an id is a slash of the path.
    """
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    if _PLAIN_PATH.fullmatch(raw):
        return raw.decode()
    segments = raw.partition(b"?")[0].split(b"/")
    return "/".join(quote(unquote_to_bytes(each), safe=_SAFE_IN_SEGMENT) for each in segments)
