"""A shop of a test's own, with everything that the back office needs, and an app around it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from litestar.testing import TestClient

from selera.database import EventConfig, Shop
from selera.serving import ModelSlot, RecommendationService, ServingConfig, Sources
from selera.state import Experiments, Rules, State
from selera.web import WebConfig, create_app
from selera.web.access import open_door
from selera.web.office import Office
from tests.serving.served_shop import engine_of, make_shop, publish
from tests.web.conftest import Client


class BackOffice(NamedTuple):
    """A client of the app, and what lies behind it.

    folder : holds `shop.db`, `model.pkl`, `models/` and `state.db`
    """

    client: Client
    service: RecommendationService
    state: State
    folder: Path

    @property
    def database(self) -> Path:
        return self.folder / "shop.db"


def copy_versions(folder: Path, *versions: str, string_ids: bool = False) -> None:
    """Versions of the model as a training leaves them; the last one is published."""
    (folder / "models").mkdir()
    for version in versions:
        publish(folder / "models" / f"{version}.pkl", version=version, string_ids=string_ids)
    shutil.copy(folder / "models" / f"{versions[-1]}.pkl", folder / "model.pkl")


@cache
def _files(string_ids: bool) -> dict[str, bytes]:
    """The files of a new shop with two model versions, by their paths; made once."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        make_shop(folder / "shop.db", string_ids=string_ids)
        copy_versions(
            folder, "20240106T000000Z-aaaaaa", "20240107T000000Z-bbbbbb", string_ids=string_ids
        )
        files = [each for each in folder.rglob("*") if each.is_file()]
        return {str(each.relative_to(folder)): each.read_bytes() for each in files}


@contextmanager
def back_office(folder: Path, *, string_ids: bool = False, **settings: Any) -> Iterator[BackOffice]:
    """An app over a new shop in `folder`; `settings` are those of its events."""
    for name, content in _files(string_ids).items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    url = f"sqlite:///{folder / 'shop.db'}"
    model = folder / "model.pkl"
    config = WebConfig(database=url, model=model, state=folder / "state.db")
    with (
        contextlib.closing(Shop.open(url)) as shop,
        State.open(config.state) as state,
        contextlib.ExitStack() as stack,
    ):
        sources = Sources(
            rules=Rules(state).all, experiments=Experiments(state), versions=folder / "models"
        )
        events = shop.event_store(EventConfig(**settings))
        service = RecommendationService(ModelSlot(model), shop, ServingConfig(), sources, events)
        door = open_door(config, state, stack)
        app = create_app(service, config, door, Office(model, state))
        with TestClient(
            app, base_url="http://127.0.0.1:5000", raise_server_exceptions=False
        ) as client:
            yield BackOffice(client, service, state, folder)


def n_rows(url: str) -> dict[str, int]:
    """How many rows each table has."""
    with engine_of(url) as engine, engine.connect() as connection:
        names = connection.exec_driver_sql(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        )
        return {
            name: int(connection.exec_driver_sql(f'SELECT count(*) FROM "{name}"').scalar_one())
            for (name,) in names.all()
        }
