"""The settings of the server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from ..contracts.events import EventConfig
from ..pipeline.children import Command
from ..serving import ServingConfig
from .cors import check_origins
from .hosts import check_names


class WebConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the server listens, what it answers from, and how much it does at once.

    database : SQLAlchemy URL of the shop
    time_zone : IANA name of the zone of its times without an offset, the one of the ETL
    model : the published model file; it may appear, and be replaced, while the server runs
    state : Selera's own small database, which holds the keys
    host : address to listen on; answers hold personal data, so by default only this machine asks
    port : 0 takes any free port
    workers : processes that answer on the port; more than one answer on more processors
    threads : requests that one worker works on at the same time, each with a database connection;
        more of them fight for the interpreter, and are worth it where the database is far away
    waiting : requests that may wait for a thread of theirs; one more is answered 503 at once
    rate_per_minute : requests a minute of each key that has no limit of its own; 0 is no limit
    rate_burst : requests that a key may send at once after a rest
    max_body_bytes : the largest body of a request
    header_timeout_s, body_timeout_s : how long the head, and then the body, of a request may take
    allowed_hosts : further names that are answered to; needed on this machine alone, see `hosts`
    cors_origins : the origins whose pages may read answers and change things; "*" is all of them
    public_without_keys : whether others may ask though there is no key to tell them apart
    metrics_public : whether `/metrics` needs no key
    serving : what answers hold
    events : the fate of events of users and products that nobody knows
    erase : the command that erases the user whose id follows it; without one nobody is erased
    """

    database: str = "sqlite:///shop.db"
    time_zone: str = "UTC"
    model: Path = Path("system-recomendation.pkl")
    state: Path = Path("selera-state.db")
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 5000
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    threads: Annotated[int, Meta(ge=1, le=256)] = 2
    waiting: Annotated[int, Meta(ge=0)] = 256
    rate_per_minute: Annotated[int, Meta(ge=0, le=1_000_000)] = 6000
    rate_burst: Annotated[int, Meta(ge=1, le=1_000_000)] = 500
    max_body_bytes: Annotated[int, Meta(ge=1)] = 1024 * 1024
    header_timeout_s: Annotated[float, Meta(gt=0)] = 10.0
    body_timeout_s: Annotated[float, Meta(gt=0)] = 10.0
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    public_without_keys: bool = False
    metrics_public: bool = False
    serving: ServingConfig = ServingConfig()
    events: EventConfig = EventConfig()
    erase: Command | None = None

    def __post_init__(self) -> None:
        check_names(self.allowed_hosts)
        check_origins(self.cors_origins)
