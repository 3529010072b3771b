"""The fixtures of this room's tests: the app in this process, and a server in one of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from selera.serving import RecommendationService
from selera.web import WebConfig, create_app
from selera.web.auth import Door
from tests.serving.fixtures import model_path, own_service, own_url, service, shop_url
from tests.web.running import running_server

__all__ = ["model_path", "own_service", "own_url", "service", "shop_url"]

Client = TestClient[Litestar]
CONFIG = WebConfig()


@pytest.fixture
def client(service: RecommendationService) -> Iterator[Client]:
    with client_of(service) as client:
        yield client


def client_of(
    service: RecommendationService, config: WebConfig = CONFIG, door: Door | None = None
) -> Client:
    """A client of an app around this service; a failure is an answer, as in a server."""
    return TestClient(
        create_app(service, config, door),
        base_url="http://127.0.0.1:5000",
        raise_server_exceptions=False,
    )


@pytest.fixture(scope="session")
def server_url(shop_url: str, model_path: Path) -> Iterator[str]:
    """A real server of the shop that no test may write to."""
    with running_server(shop_url, model_path) as server:
        yield server.url
