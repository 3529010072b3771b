"""Where an evaluation was made."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import Any

from .. import __version__


def environment() -> dict[str, Any]:
    """Versions, and the processors that we may use."""
    libraries = {name: version(name) for name in ("numpy", "scipy", "numba")}
    return {
        "selera": __version__,
        "python": platform.python_version(),
        **libraries,
        "processors": os.cpu_count(),
    }
