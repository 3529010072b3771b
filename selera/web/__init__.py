"""The REST API: an ASGI app around the recommendation service, and the server that runs it.

Light to import: what answers is loaded by the processes that do, not by one that only watches them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .config import WebConfig
from .starting import serve

if TYPE_CHECKING:
    from .app import create_app

__all__ = ["WebConfig", "create_app", "serve"]


def __getattr__(name: str) -> Any:
    """Import the app when it is first asked for."""
    if name == "create_app":
        from .app import create_app

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
