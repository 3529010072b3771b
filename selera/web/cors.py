"""Which pages of other origins a browser lets read our answers (the Fetch standard, CORS).

Nothing here depends on cookies: a key or a token is sent in a header, so that answers never allow
credentials, and `*` opens no more than what the key opens.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..contracts.errors import ConfigError

ANY = "*"

_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:]+\])(:[0-9]{1,5})?")
_EXPOSED = b"ETag, Retry-After, RateLimit-Remaining, RateLimit-Reset, X-Request-ID"
_PREFLIGHT = [
    (b"access-control-allow-methods", b"GET, POST, DELETE, PUT"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, If-None-Match, X-API-Key, X-Request-ID",
    ),
    (b"access-control-max-age", b"600"),
]

_Headers = list[tuple[bytes, bytes]]


class Origins:
    """The origins whose pages may read answers; none by default."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._any = ANY in origins
        self._allowed = frozenset(each.encode() for each in origins)

    @property
    def varies(self) -> bool:
        """Whether what is answered depends on the origin, so that caches must know it."""
        return bool(self._allowed) and not self._any

    def headers(self, origin: bytes | None) -> _Headers:
        """What an answer says to a page of this origin; nothing where it may not read."""
        allowed = self._allow(origin)
        if allowed is None:
            return []
        return [allowed, (b"access-control-expose-headers", _EXPOSED)]

    def preflight(self, method: str, given: Mapping[bytes, bytes]) -> _Headers | None:
        """The headers that answer a browser's question before its request.

        None where the request is no such question, or its origin is not allowed: it is then
        answered like any other, and the browser understands.
        """
        if method != "OPTIONS" or b"access-control-request-method" not in given:
            return None
        allowed = self._allow(given.get(b"origin"))
        return None if allowed is None else [allowed, *_PREFLIGHT]

    def _allow(self, origin: bytes | None) -> tuple[bytes, bytes] | None:
        if origin is None or not (self._any or origin in self._allowed):
            return None
        return (b"access-control-allow-origin", b"*" if self._any else origin)


def check_origins(origins: tuple[str, ...]) -> None:
    """Raise ConfigError for what no browser would send as an origin."""
    for each in origins:
        if each != ANY and not _ORIGIN.fullmatch(each):
            raise ConfigError(
                f"web.cors_origins must hold origins such as https://shop.example (lower case, no "
                f'path, no slash at the end) or "*", got {each!r}'
            )
