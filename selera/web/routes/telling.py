"""Telling the shop what happens: events."""

from __future__ import annotations

from functools import partial
from typing import Any

from litestar import Request, post

from ...serving import EventsAnswer
from ..auth import require_user
from ..desk import AtDesk
from ..documentation import problems
from ..reading import read_body
from ..requests import ToldEvents, checked_events


@post(
    "/events",
    summary="Tell what happened",
    tags=["events"],
    opt={"scope": "events", "user_token": True, "body": ToldEvents},
    status_code=200,
    responses=problems("invalid_parameter", "database_unavailable", "busy"),
)
async def record_events(desk: AtDesk, request: Request[Any, Any, Any]) -> EventsAnswer:
    """Write visits, purchases, ratings and reviews into the shop's tables, all or none.

    They count in the next answer. An event that cannot be used is `rejected` with its reason, and
    the others are stored nevertheless; where the database does not answer none is, and all may be
    sent again.
    """
    told = await read_body(request, ToldEvents)
    events = checked_events(told.events, desk.service)
    for event in events:
        require_user(desk.asker, event.user_id)
    return await desk.run(partial(desk.service.record, events))
