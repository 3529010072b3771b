"""The end of every answer: what of it is sent, and with which headers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .caching import KEPT_WHEN_UNCHANGED, entity_tag, gzip_tag, is_known
from .compression import (
    LARGE_BYTES,
    LEAST_BYTES,
    accepts_gzip,
    compressed,
    compressed_once,
    is_compressible,
)
from .cors import Origins

_NOT_KEPT = b"private, no-store"
_REVALIDATED = b"private, no-cache"
"""Private unless a route says otherwise: a new route that forgets it leaks nothing."""

_Headers = dict[bytes, bytes]


class Answer(NamedTuple):
    """An answer, or its beginning.

    whole : whether `body` is all of it
    """

    status: int
    headers: _Headers
    body: bytes
    whole: bool


class Finisher:
    """Finishes the answers to one request.

    method : as it was asked, HEAD included
    given : the headers of the request
    """

    __slots__ = ("_given", "_method", "_origins", "_request_id")

    def __init__(
        self, method: str, given: Mapping[bytes, bytes], request_id: bytes, origins: Origins
    ) -> None:
        self._method = method
        self._given = given
        self._request_id = request_id
        self._origins = origins

    async def finish(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes, *, whole: bool
    ) -> Answer:
        """The answer as it is sent: with a tag, unchanged, compressed, where that is right."""
        named = {name.lower(): value for name, value in headers}
        answer = Answer(status, named, body, whole)
        if whole and status == 200 and self._method in ("GET", "HEAD"):
            answer = self._tagged(answer)
        if whole and len(answer.body) >= LEAST_BYTES:
            answer = await self._compressed(answer)
        self._complete(answer.headers)
        return answer._replace(body=b"") if self._method == "HEAD" else answer

    def _tagged(self, answer: Answer) -> Answer:
        """With an ETag, or, where the asker has that very answer, 304 instead of it."""
        headers = answer.headers
        control = headers.get(b"cache-control", _REVALIDATED)
        if b"no-store" in control:
            return answer
        headers.setdefault(b"cache-control", control)
        tag = headers.get(b"etag")
        if tag is None:
            tag = entity_tag(answer.body, same_for_all=b"private" not in control)
            headers[b"etag"] = tag
        known = self._given.get(b"if-none-match")
        if known is None or not is_known(known, tag):
            return answer
        kept = {name: headers[name] for name in KEPT_WHEN_UNCHANGED if name in headers}
        if len(answer.body) >= LEAST_BYTES:
            _vary(kept, b"Accept-Encoding")
        return Answer(304, kept, b"", whole=True)

    async def _compressed(self, answer: Answer) -> Answer:
        """In gzip where the asker takes it; caches learn that it depends on that."""
        headers, body = answer.headers, answer.body
        if b"content-encoding" in headers or not is_compressible(headers[b"content-type"]):
            return answer
        _vary(headers, b"Accept-Encoding")
        if not accepts_gzip(self._given.get(b"accept-encoding", b"")):
            return answer
        if len(body) < LARGE_BYTES:
            body = compressed(body)
        else:
            same_for_all = b"private" not in headers.get(b"cache-control", _NOT_KEPT)
            work = compressed_once if same_for_all else compressed
            body = await asyncio.to_thread(work, body)
        headers[b"content-encoding"] = b"gzip"
        headers[b"content-length"] = str(len(body)).encode()
        if b"etag" in headers:
            headers[b"etag"] = gzip_tag(headers[b"etag"])
        return answer._replace(body=body)

    def _complete(self, headers: _Headers) -> None:
        """Add what every answer says; where GET is allowed, HEAD is too."""
        headers.setdefault(b"cache-control", _NOT_KEPT)
        headers[b"x-content-type-options"] = b"nosniff"
        headers[b"x-request-id"] = self._request_id
        allow = headers.get(b"allow")
        if allow is not None and b"GET" in allow and b"HEAD" not in allow:
            headers[b"allow"] = allow + b", HEAD"
        headers.update(self._origins.headers(self._given.get(b"origin")))
        if self._origins.varies:
            _vary(headers, b"Origin")


def _vary(headers: _Headers, name: bytes) -> None:
    """Say that the answer depends on this header of the request too."""
    before = headers.get(b"vary")
    headers[b"vary"] = name if before is None else before + b", " + name
