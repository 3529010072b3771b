"""`selera run`, what `make run` calls: everything at once, kept running."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock, Thread

import rich_click as click

from ...contracts.errors import SeleraError
from ...pipeline.children import run_child
from ..children import child_command
from ..invitation import Address, await_recommendation, invitation
from ..options import (
    current_settings,
    data_option,
    database_option,
    model_output_option,
    setting,
    workers_option,
)
from ..output import say
from ..ports import free_port, require_free
from ..settings import Settings
from ..stopping import stop_event
from ..supervisor import Service, supervise


@click.command()
@database_option
@data_option
@model_output_option
@setting("web.host", "--host", help="The address to listen on.", default="127.0.0.1")
@setting("web.port", "--port", type=int, help="0 takes any free port.", default="5000")
@workers_option
def run() -> None:
    """Do all of it: sample shop if there is none, ETL, training, API, and keep them turning.

    Whatever changes in the database goes through ETL and training to the API by itself. Stop with
    Ctrl-C.
    """
    started = time.monotonic()
    settings = current_settings()
    from .serve import web_config

    web = web_config(settings)
    port = web.port or free_port(web.host)
    require_free(web.host, port)
    settings = settings.with_flag(("web", "port"), port, "--port")
    with stop_event() as stop:
        if _seed_missing_shop(settings, stop):
            _look_at_shop(settings)
            _keep_running(settings, Address(web.host, port), started, stop)
    say(f"Stopped after {time.monotonic() - started:.0f} s.")


def _seed_missing_shop(settings: Settings, stop: Event) -> bool:
    """Make a sample shop where SQLite has no file yet; False where `stop` was set meanwhile.

    It is made under another name, so that half a shop is never taken for a whole one.
    """
    from ...database.engine import parse_url

    url = parse_url(settings.files.database)
    shop = Path(str(url.database))
    if url.get_backend_name() != "sqlite" or shop.exists():
        return True
    say(f"There is no database at {shop} yet: making a sample shop.")
    unfinished = shop.with_name(f".{shop.name}.seeding")
    _remove_sqlite(unfinished)
    seeding = settings.with_flag(("database",), f"sqlite:///{unfinished}", "--database")
    code = run_child(child_command(seeding, "seed"), stop)
    if code == 0:
        unfinished.replace(shop)
        return True
    _remove_sqlite(unfinished)
    if code is None:
        return False
    raise SeleraError(f"the sample shop could not be made at {shop}: see the lines above")


def _remove_sqlite(path: Path) -> None:
    """Remove a SQLite file and what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _look_at_shop(settings: Settings) -> None:
    """Raise DatabaseError, with the cure, for a database that no child could work with.

    Where there is no model yet, and nothing to learn one from, say so.
    """
    from ...database import Shop

    files = settings.files
    Shop.open(files.database).close()
    if not files.model_path.exists() and _nobody_did_anything(files.database):
        say(
            "All four behavior tables are empty: there is no model yet, and nothing to learn one "
            "from. The first one is trained once they are filled; `selera doctor` tells more."
        )


def _nobody_did_anything(url: str) -> bool:
    from ...contracts.behaviors import BEHAVIOR_SOURCES
    from ...database import open_engine, snapshot

    engine = open_engine(url)
    try:
        with snapshot(engine) as frozen:
            return not any(frozen.count(source.table) for source in BEHAVIOR_SOURCES)
    finally:
        engine.dispose()


def _keep_running(settings: Settings, address: Address, started: float, stop: Event) -> None:
    """Run API and watchers until stopped.

    The watchers do the first ETL and the first training too: a CSV that is missing or stale and a
    model that is missing are to them what any other change is.
    """
    say_line = _prefixing(stop)
    services = [
        Service("api", child_command(settings, "serve"), say_line),
        Service("etl", child_command(settings, "etl", "--watch"), say_line),
        Service("train", child_command(settings, "watch"), say_line),
    ]
    model = settings.files.model_path
    Thread(target=_invite, args=(address, model, started, stop), daemon=True).start()
    supervise(services, stop)


def _prefixing(stop: Event) -> Callable[[str, str], None]:
    """Says a child's line under its name, whole; a reader who has gone ends everything."""
    lock = Lock()

    def say_line(name: str, line: str) -> None:
        with lock:
            try:
                say(f"{name:<5} | {line}")
            except OSError:
                stop.set()

    return say_line


def _invite(address: Address, model: Path, started: float, stop: Event) -> None:
    trial = await_recommendation(address, model, stop)
    if trial is not None:
        say("\n".join(["", *invitation(address, trial, time.monotonic() - started), ""]))
