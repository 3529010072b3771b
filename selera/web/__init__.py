"""The REST API: an ASGI app around the recommendation service, and the server that runs it."""

from .app import create_app
from .config import WebConfig
from .server import serve

__all__ = ["WebConfig", "create_app", "serve"]
