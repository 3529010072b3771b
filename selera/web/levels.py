"""How loud a line of the log about one request is."""

from __future__ import annotations

import logging
from typing import Any


def log_level(scope: Any, level: int) -> int:
    """The level of a line about this request: who asks for health asks all the time."""
    is_probe = str(scope.get("path_template")).startswith("/health/")
    return logging.DEBUG if is_probe else level
