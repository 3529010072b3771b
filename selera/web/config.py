"""The settings of the server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from ..serving import ServingConfig


class WebConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the server listens, what it answers from, and how much it does at once.

    database : SQLAlchemy URL of the shop
    time_zone : IANA name of the zone of its times without an offset, the one of the ETL
    model : the published model file; it may appear, and be replaced, while the server runs
    host : address to listen on; answers hold personal data, so by default only this machine asks
    port : 0 takes any free port
    threads : requests that are worked on at the same time, each with a database connection
    waiting : requests that may wait for a thread; one more is answered 503 at once
    serving : what answers hold
    """

    database: str = "sqlite:///shop.db"
    time_zone: str = "UTC"
    model: Path = Path("system-recomendation.pkl")
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 5000
    threads: Annotated[int, Meta(ge=1, le=256)] = 8
    waiting: Annotated[int, Meta(ge=0)] = 256
    serving: ServingConfig = ServingConfig()
