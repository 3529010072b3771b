"""How often one key, or one user's token, may ask."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ..contracts.errors import RateLimited
from ..contracts.ids import Id
from ..state import RateLimiter

if TYPE_CHECKING:
    from .auth import Identity


class Limits:
    """The limit of each identity, counted by `limiter` across all processes.

    per_minute : of those that have no limit of their own; 0 is no limit
    burst : how many requests may come at once after a rest
    """

    def __init__(self, limiter: RateLimiter, per_minute: int, burst: int) -> None:
        self._limiter = limiter
        self._per_minute = per_minute
        self._burst = burst

    def take(self, identity: Identity) -> None:
        """Count one request; raises RateLimited where it is one too many."""
        per_minute = identity.rate_per_minute or self._per_minute
        if not per_minute:
            return
        counted = _number(identity.user_id) if identity.key_id is None else identity.key_id
        # A burst is never more than what a minute allows: a key of 10 a minute gets 10 at once.
        wait_s = self._limiter.take(counted, per_minute, min(self._burst, per_minute))
        if wait_s > 0:
            raise RateLimited(
                f"This key may ask {per_minute} times a minute; wait as long as Retry-After says.",
                wait_s,
            )


def _number(user_id: Id | None) -> int:
    """A number of 63 bits that all processes give this user, and no key has."""
    digest = hashlib.blake2b(repr(user_id).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1 | 1 << 62
