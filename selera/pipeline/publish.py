"""Make a model current: an immutable version first, then one atomic replacement.

`models/<version>.pkl` is written, read back in full, and then hard-linked to a temporary name that
replaces the published file. Whoever has mapped an older version keeps reading it undisturbed; a
publication that is interrupted anywhere leaves the published file as it was. Outputs that stand in
one folder share `models/`, so their publications take turns.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from ..artifact import verify_artifact, write_artifact
from ..contracts.protocols import Arrays
from ..etl.files import sync_folder
from .locks import exclusive

KEPT_VERSIONS = 5
"""How many versions stay under `models/`, the published one included."""

log = structlog.get_logger(__name__)


def publish(
    output: Path,
    metadata: Mapping[str, Any],
    arrays: Arrays,
    *,
    trained_at: datetime,
    seconds: float,
) -> str:
    """Publish a model as `output` and return the name of its version.

    `seconds` is what its training took. The caller holds the lock of `output`. Raises ArtifactError
    where the file does not read back as it was written, DataError where there is no folder to write
    into, OSError where the disk says no; the published file is then as it was before.
    """
    version = version_name(trained_at, content_sha256(metadata, arrays))
    folder = versions_folder(output)
    path = folder / f"{version}.pkl"
    run = {"version": version, "trained_at": _iso(trained_at), "seconds": round(seconds, 3)}
    with exclusive(folder, "publication", wait=True):
        folder.mkdir(exist_ok=True)
        _remove(folder.glob(".*.tmp"))  # of killed publications: whoever lives would hold the lock
        write_artifact(path, metadata, arrays, run=run)
        verify_artifact(path)
        _replace(output, path)
        removed = _prune(folder, keep=path)
    log.info("published", version=version, size_bytes=path.stat().st_size, removed=removed)
    return version


def versions_folder(output: Path) -> Path:
    """Where the versions of the model `output` lie."""
    return output.parent / "models"


def version_name(trained_at: datetime, sha256: str) -> str:
    """A name that sorts by time and tells two models of one second apart."""
    return f"{trained_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{sha256[:6]}"


def content_sha256(metadata: Mapping[str, Any], arrays: Arrays) -> str:
    """SHA-256 of what a model is, whenever it was trained."""
    digest = hashlib.sha256(json.dumps(metadata, sort_keys=True).encode())
    for name, array in sorted(arrays.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(_raw(array))
    return digest.hexdigest()


def _raw(array: NDArray[Any]) -> memoryview:
    """The bytes of an array, which is copied only where it is not contiguous."""
    return memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8))  # type: ignore[arg-type]


def _iso(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _replace(output: Path, version: Path) -> None:
    """Let `output` be a second name of the file `version`, or a copy where links are impossible."""
    temporary = output.with_name(f".{output.name}.tmp")
    try:
        temporary.unlink(missing_ok=True)  # a killed publication may have left it
        try:
            os.link(version, temporary)
        except OSError:
            shutil.copyfile(version, temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        os.replace(temporary, output)
        sync_folder(output.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _prune(folder: Path, *, keep: Path) -> int:
    """Remove all but the newest versions; return how many."""
    versions = sorted((path for path in folder.glob("*.pkl") if path != keep), reverse=True)
    return _remove(versions[KEPT_VERSIONS - 1 :])


def _remove(paths: Iterable[Path]) -> int:
    """Remove files as far as the system lets go of them; return how many went."""
    n_removed = 0
    for path in paths:
        with suppress(OSError):  # Windows keeps a file that somebody has mapped
            path.unlink()
            n_removed += 1
    return n_removed
