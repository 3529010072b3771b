"""gzip for the answers that gain by it, where the asker takes it."""

from __future__ import annotations

import gzip
from functools import lru_cache

LEAST_BYTES = 1024
"""Below this a body fits into one packet anyway."""

LARGE_BYTES = 64 * 1024
"""From this on compressing takes a millisecond and more: not while others wait."""

_LEVEL = 1
"""For 3 kB of JSON, level 6 takes twice as long and saves 5 % more."""

_COMPRESSIBLE = (
    b"application/json",
    b"application/problem+json",
    b"image/svg+xml",
    b"text/",
)


def is_compressible(content_type: bytes) -> bool:
    """Whether bodies of this type shrink; images and archives are compressed already."""
    return content_type.startswith(_COMPRESSIBLE)


@lru_cache(maxsize=256)
def accepts_gzip(accept_encoding: bytes) -> bool:
    """Whether Accept-Encoding allows gzip and prefers it to nothing (RFC 9110, 12.5.3)."""
    weights: dict[str, float] = {}
    for each in accept_encoding.decode("latin-1").lower().split(","):
        coding, *parameters = (part.strip() for part in each.split(";"))
        weights[coding] = next(
            (_weight(part[2:]) for part in parameters if part.startswith("q=")), 1.0
        )
    weight = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return weight > 0 and weight >= weights.get("identity", 0.0)


def compressed(body: bytes) -> bytes:
    """The body in gzip, the same bytes each time."""
    return gzip.compress(body, _LEVEL, mtime=0)


@lru_cache(maxsize=32)
def compressed_once(body: bytes) -> bytes:
    """`compressed`, remembered: for files, which are the same as long as the server runs."""
    return compressed(body)


def _weight(text: str) -> float:
    """The weight that a text is; 0 where it is none."""
    try:
        return float(text)
    except ValueError:
        return 0.0
