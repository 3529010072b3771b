"""Is it alive, can it answer?"""

from __future__ import annotations

from litestar import get
from litestar.datastructures import CacheControlHeader

from ...serving import Health
from ..about import Live, alive
from ..desk import AtDesk
from ..documentation import problems
from .lists import SERVICE_PROBLEMS

_NEVER_KEPT = CacheControlHeader(no_store=True)


@get(
    "/health/live",
    summary="Does the process run?",
    tags=["health"],
    cache_control=_NEVER_KEPT,
    responses=problems("invalid_parameter"),
)
async def live() -> Live:
    """Always answered while the process runs; it says nothing of model and database."""
    return alive()


@get(
    "/health/ready",
    summary="Can it answer?",
    tags=["health"],
    cache_control=_NEVER_KEPT,
    responses=problems("invalid_parameter", *SERVICE_PROBLEMS),
)
async def ready(desk: AtDesk) -> Health:
    """200 where model and catalogue are loaded, 503 with the reason where they are not.

    `degraded` where the shop's database does not respond: lists are answered, events are not taken.
    """
    return await desk.run(desk.service.health)
