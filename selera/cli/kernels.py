"""Where compiled kernels are kept between runs, and whether they have been compiled yet."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

from .. import kernels

VARIABLE = "NUMBA_CACHE_DIR"


def prepare_kernels(environment: MutableMapping[str, str]) -> bool:
    """Tell the compiler to keep its results in the user's cache folder; are they there already?

    To be called before the first import of a trainer. A variable that is set stays as it is. Where
    the cache cannot be written, the results last as long as this process.
    """
    if VARIABLE not in environment:
        environment[VARIABLE] = str(_usable(cache_folder(environment)))
    return _are_compiled(Path(environment[VARIABLE]))


def cache_folder(environment: MutableMapping[str, str]) -> Path:
    """Selera's folder among the user's caches, as the system places them."""
    if sys.platform == "darwin":
        caches = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        caches = Path(environment.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        caches = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "selera" / "kernels"


def _usable(folder: Path) -> Path:
    """The folder, made if need be, or a private one that goes at the end of the process.

    Never a fixed place that others can write: what lies in the cache is loaded and run.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:
        pass
    if os.access(folder, os.W_OK | os.X_OK):
        return folder
    private = tempfile.mkdtemp(prefix="selera-kernels-")
    atexit.register(shutil.rmtree, private, ignore_errors=True)
    return Path(private)


def _are_compiled(folder: Path) -> bool:
    """Whether every kernel file has a compiled result of this Python that is not older."""
    python = f"py{sys.version_info.major}{sys.version_info.minor}"
    compiled: dict[str, float] = {}
    for index in folder.rglob(f"*.{python}*.nbi"):
        compiled[index.name.partition(".")[0]] = index.stat().st_mtime
    sources = [path for path in Path(kernels.__path__[0]).glob("*.py") if path.stem != "__init__"]
    return all(compiled.get(path.stem, 0.0) >= path.stat().st_mtime for path in sources)
