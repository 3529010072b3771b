"""`selera serve`, the program app.py: the REST API."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import rich_click as click

from ..children import child_command
from ..logs import log_to_stderr
from ..options import (
    current_settings,
    database_option,
    model_option,
    setting,
    workers_option,
)
from ..output import say
from ..settings import Settings

if TYPE_CHECKING:
    from ...web import WebConfig


ERASE_PATIENCE_S = 20
"""How long a request to erase a user waits for a training: less than clients and proxies wait."""


@click.command()
@database_option
@model_option
@setting("web.host", "--host", help="The address to listen on.", default="127.0.0.1")
@setting("web.port", "--port", type=int, help="0 takes any free port.", default="5000")
@workers_option
def serve() -> None:
    """Answer requests over HTTP, until stopped.

    A new model is picked up without a restart; before the first one, requests are answered 503.
    """
    settings = current_settings()
    from ...web import serve as run_server

    log = partial(log_to_stderr, "info")
    log()
    started = time.monotonic()
    run_server(
        web_config(settings),
        lambda url: say(f"Selera answers on {url}; its pages are at {url}/docs"),
        prepare=log,
    )
    say(f"Served for {time.monotonic() - started:.0f} s.")


def web_config(settings: Settings) -> WebConfig:
    """The settings of the server, with what it takes from other sections."""
    from ...contracts.events import EventConfig
    from ...etl import EtlConfig
    from ...serving import ServingConfig
    from ...web import WebConfig

    return msgspec.structs.replace(
        settings.section("web", WebConfig),
        database=settings.files.database,
        time_zone=settings.section("etl", EtlConfig).time_zone,
        model=settings.files.model_path,
        state=settings.files.state_path,
        serving=settings.section("serving", ServingConfig),
        events=settings.section("events", EventConfig),
        erase=child_command(
            settings, "erase", "--yes", "--json", "--patience", str(ERASE_PATIENCE_S), "--"
        ),
    )
