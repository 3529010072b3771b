"""The shop and the model that the tests of `serving` and `web` read."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from selera.database import Shop
from selera.serving import ModelSlot, RecommendationService
from tests.serving.served_shop import make_shop, publish


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "system-recomendation.pkl"
    publish(path)
    return path


@pytest.fixture(scope="session")
def shop_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A shop that no test may write to."""
    return make_shop(tmp_path_factory.mktemp("shop") / "shop.db")


@pytest.fixture
def own_url(shop_url: str, tmp_path: Path) -> str:
    """A copy of the shop for one test to write to."""
    copy = tmp_path / "shop.db"
    shutil.copy(shop_url.removeprefix("sqlite:///"), copy)
    return f"sqlite:///{copy}"


@pytest.fixture
def service(shop_url: str, model_path: Path) -> Iterator[RecommendationService]:
    with contextlib.closing(Shop.open(shop_url)) as shop:
        yield RecommendationService(ModelSlot(model_path), shop)


@pytest.fixture
def own_service(own_url: str, model_path: Path) -> Iterator[RecommendationService]:
    """A service over the shop that the test may write to."""
    with contextlib.closing(Shop.open(own_url)) as shop:
        yield RecommendationService(ModelSlot(model_path), shop)
