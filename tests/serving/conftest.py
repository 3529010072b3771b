"""The fixtures of this room's tests."""

from tests.serving.fixtures import model_path, own_service, own_url, service, shop_url

__all__ = ["model_path", "own_service", "own_url", "service", "shop_url"]
