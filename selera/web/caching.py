"""ETag and If-None-Match: an answer that the asker has already is not sent again (RFC 9110, 13).

What is the same for all has a strong tag, of its bytes. A personal answer has a weak one, of its
bytes without `recommendation_id`, which alone differs between two equal answers. A route that knows
better sends a tag of its own.
"""

from __future__ import annotations

import hashlib
import re

_ID = b'"recommendation_id":"'
"""Cannot be within a text of the JSON: there its quotes are escaped."""

_DIGEST_SIZE = 12
_TAG = re.compile(rb'(?:W/)?("[^"]*")')
_GZIP = b"-gzip"

KEPT_WHEN_UNCHANGED = (
    b"cache-control",
    b"content-location",
    b"etag",
    b"expires",
    b"vary",
    b"last-modified",
)
"""The headers of an answer that its 304 has too; those that the edge adds come on top."""


def entity_tag(body: bytes, *, same_for_all: bool) -> bytes:
    """The tag of an answer with this body: strong where all askers get the same."""
    if same_for_all:
        return b'"' + _digest(body) + b'"'
    before, found, after = body.partition(_ID)
    if found:
        body = before + after[after.find(b'"') :]
    return b'W/"' + _digest(body) + b'"'


def is_known(if_none_match: bytes, tag: bytes) -> bool:
    """Whether the asker has the answer of this tag, by the weak comparison of RFC 9110, 8.8.3.2.

    A tag of the same answer in gzip counts: it is the same answer.
    """
    if if_none_match.strip() == b"*":
        return True
    opaque = _opaque(tag)
    return any(_opaque(each) == opaque for each in _TAG.findall(if_none_match))


def gzip_tag(tag: bytes) -> bytes:
    """The tag of the same answer in gzip: a strong tag names the very bytes that are sent."""
    return tag if tag.startswith(b"W/") else tag[:-1] + _GZIP + b'"'


def _opaque(tag: bytes) -> bytes:
    return tag.removeprefix(b"W/").strip(b'"').removesuffix(_GZIP)


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_SIZE).hexdigest().encode()
