"""Telling the shop what happens: events."""

from __future__ import annotations

from functools import partial
from typing import Any

from litestar import Request, post
from litestar.di import NamedDependency

from ...serving import EventsAnswer
from ..auth import Identity, require_user
from ..documentation import problems
from ..questions import Service
from ..reading import read_body
from ..requests import ToldEvents, checked_events
from ..workers import Workers

Threads = NamedDependency[Workers]
Asker = NamedDependency[Identity]


@post(
    "/events",
    summary="Tell what happened",
    tags=["events"],
    opt={"scope": "events", "user_token": True, "body": ToldEvents},
    status_code=200,
    responses=problems("invalid_parameter", "database_unavailable", "busy"),
)
async def record_events(
    service: Service, threads: Threads, identity: Asker, request: Request[Any, Any, Any]
) -> EventsAnswer:
    """Write visits, purchases, ratings and reviews into the shop's tables, all or none.

    They count in the next answer. An event that cannot be used is `rejected` with its reason, and
    the others are stored nevertheless; where the database does not answer none is, and all may be
    sent again.
    """
    told = await read_body(request, ToldEvents)
    events = checked_events(told.events, service)
    for event in events:
        require_user(identity, event.user_id)
    return await threads.run(partial(service.record, events))
