"""Our own commands, run in children that have our settings."""

from __future__ import annotations

import os
import sys

from ..pipeline.children import Command
from .settings import Settings


def child_command(settings: Settings, *arguments: str) -> Command:
    """`selera <arguments>` in this very Python, to be started as a child that ends with us.

    The settings travel in the environment, where a database's password is not seen by others.
    """
    environment = {**os.environ, **settings.as_environment(), "PYTHONUNBUFFERED": "1"}
    return Command([sys.executable, "-m", "selera", "--stop-with-parent", *arguments], environment)
