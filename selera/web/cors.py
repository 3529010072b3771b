"""Which pages of other origins a browser lets read our answers (the Fetch standard, CORS).

Nothing here depends on cookies: a key or a token is sent in a header, so that answers never allow
credentials, and `*` opens no more than what the key opens. Where no key is needed, what a browser
says of its page is all that tells a person's own requests from those of the pages they visit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..contracts.errors import ConfigError, SeleraError

ANY = "*"

_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_DEFAULT_PORTS = {b"http": b":80", b"https": b":443"}
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


class CrossOrigin(SeleraError):
    """A page of an origin that is not allowed wants to change something."""

    code = "cross_origin"


class Origins:
    """The origins whose pages may read answers and change things; by default only our own."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._any = ANY in origins
        self._allowed = frozenset(each.encode() for each in origins)

    @property
    def varies(self) -> bool:
        """Whether what is answered depends on the origin, so that caches must know it."""
        return bool(self._allowed) and not self._any

    def check(self, method: str, given: Mapping[bytes, bytes]) -> None:
        """Raise CrossOrigin where a page that is neither ours nor allowed may change something.

        A browser lets any page send a POST that has no body, or that of a form, but it says whose
        page it is. Who is no browser says nothing of it, and is let in.
        """
        if method not in _CHANGING:
            return
        origin = given.get(b"origin")
        if self._allow(origin) is not None:
            return
        is_ours = origin is None or _is_own(origin, given.get(b"host"))
        if not is_ours or given.get(b"sec-fetch-site") == b"cross-site":
            raise CrossOrigin(
                "A page of another origin may change nothing here. If it should, add its origin to "
                "the setting web.cors_origins."
            )

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


def _is_own(origin: bytes, host: bytes | None) -> bool:
    """Whether an origin is the one that was asked; TLS may have ended at a proxy before us."""
    scheme, _, asked = origin.partition(b"://")
    port = _DEFAULT_PORTS.get(scheme)
    return port is not None and host is not None and host.lower() in (asked, asked + port)


def check_origins(origins: tuple[str, ...]) -> None:
    """Raise ConfigError for what no browser would send as an origin."""
    for each in origins:
        if each != ANY and not _ORIGIN.fullmatch(each):
            raise ConfigError(
                f"web.cors_origins must hold origins such as https://shop.example (lower case, no "
                f'path, no slash at the end) or "*", got {each!r}'
            )
