"""What the server says of itself: what it is, and that it runs."""

from __future__ import annotations

import time
from typing import Literal

import msgspec

from .. import __version__

_STARTED = time.monotonic()


class About(msgspec.Struct, frozen=True):
    """What is here, and where."""

    name: str
    version: str
    description: str
    links: dict[str, str]


class Live(msgspec.Struct, frozen=True):
    """A process that runs, whether or not it can answer."""

    status: Literal["live"]
    version: str
    uptime_s: float


ABOUT = About(
    name="selera",
    version=__version__,
    description="Personal recommendations from the shop's own database.",
    links={
        "recommend": "/recommend/{user_id}",
        "similar": "/similar/{product_id}",
        "popular": "/popular",
        "trending": "/trending",
        "events": "/events",
        "users": "/users",
        "user": "/users/{user_id}",
        "models": "/models",
        "rules": "/rules",
        "experiments": "/experiments",
        "metrics": "/metrics",
        "live": "/health/live",
        "ready": "/health/ready",
        "documentation": "/docs",
        "openapi": "/openapi.json",
    },
)

NOT_TO_CLICK = frozenset({"events", "models", "rules", "experiments", "metrics"})
"""Links that show nothing to who follows one: they need a body, or the scope `admin`."""


def alive() -> Live:
    """The life sign of this process."""
    return Live("live", __version__, round(time.monotonic() - _STARTED, 1))
