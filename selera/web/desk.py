"""The desk: what a route needs at hand to answer a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from litestar.di import NamedDependency

from ..serving import RecommendationService
from .auth import Identity
from .office import Office
from .workers import Workers

T = TypeVar("T")


class Desk(NamedTuple):
    """Everything that does not stand in the request itself.

    One dependency rather than one for each: the router starts a task for every one of those that
    it could resolve side by side, at every request.

    service : what is asked
    office : does what the admin scope asks for
    threads : where calls wait for the database
    erasers : where erasures do, one after the other, so that nobody else waits for them
    asker : who asks; for a route that needs a scope
    """

    service: RecommendationService
    office: Office
    threads: Workers
    erasers: Workers
    asker: Identity

    async def run(self, call: Callable[[], T]) -> T:
        """What `call` returns, or raises, in one of the threads; Busy where too many wait."""
        return await self.threads.run(call)


AtDesk = NamedDependency[Desk]
