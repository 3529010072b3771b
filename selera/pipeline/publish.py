"""Make a model current: an immutable version first, then one atomic replacement.

`models/<version>.pkl` is written, read back in full, and then hard-linked to a temporary name that
replaces the published file. Whoever has mapped an older version keeps reading it undisturbed; a
publication that is interrupted anywhere leaves the published file as it was. Outputs that stand in
one folder share `models/`, so their publications take turns. A model that is kept aside becomes a
version, too, and nothing else.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from ..artifact import open_artifact, verify_artifact, write_artifact
from ..artifact.writing import sync_folder
from ..contracts.errors import ArtifactError
from ..contracts.protocols import Arrays
from .locks import exclusive

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
    run = _run_of(metadata, arrays, trained_at, seconds)
    with exclusive(versions_folder(output), "publication", wait=True):
        path = _write(output, metadata, arrays, run)
        replace_published(output, path)
    log.info("published", version=path.stem, size_bytes=path.stat().st_size)
    return path.stem


def keep_aside(
    output: Path,
    metadata: Mapping[str, Any],
    arrays: Arrays,
    *,
    trained_at: datetime,
    seconds: float,
) -> str:
    """Write a model as a version that is not published; its name. Raises as `publish`."""
    run = _run_of(metadata, arrays, trained_at, seconds)
    with exclusive(versions_folder(output), "publication", wait=True):
        return _write(output, metadata, arrays, run).stem


def published_version(output: Path) -> str | None:
    """The name of the published version; None where no model can be opened."""
    try:
        return str(open_artifact(output).run["version"])
    except (ArtifactError, KeyError):
        return None


def versions_folder(output: Path) -> Path:
    """Where the versions of the model `output` lie."""
    return output.parent / "models"


def version_name(trained_at: datetime, sha256: str) -> str:
    """A name that sorts by time, to the millisecond, and tells what is in the model."""
    moment = trained_at.astimezone(UTC)
    return f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}Z-{sha256[:6]}"


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


def iso(moment: datetime) -> str:
    """The moment in UTC, as `2026-03-04T05:06:07Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def replace_published(output: Path, version: Path) -> None:
    """Let `output` be a second name of the file `version`, or a copy where links are impossible.

    The caller holds the lock of `models/`. Whoever opens `output` meanwhile gets the one or the
    other model, whole.
    """
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


def prune(output: Path, *, keep_versions: int, protected: frozenset[str]) -> list[str]:
    """Remove the oldest versions until `keep_versions` are left; return the names of those removed.

    Never removed are the published one and `protected` ones, even where they alone are more. The
    caller holds the lock of `models/`.
    """
    never = protected | {published_version(output)}
    names = {path.stem for path in versions_folder(output).glob("*.pkl")}
    others = sorted(names - never, reverse=True)
    n_left = max(0, keep_versions - len(names & never))
    paths = (versions_folder(output) / f"{name}.pkl" for name in others[n_left:])
    return [path.stem for path in _removed(paths)]


def _run_of(
    metadata: Mapping[str, Any], arrays: Arrays, trained_at: datetime, seconds: float
) -> dict[str, Any]:
    version = version_name(trained_at, content_sha256(metadata, arrays))
    return {"version": version, "trained_at": iso(trained_at), "seconds": round(seconds, 3)}


def _write(
    output: Path, metadata: Mapping[str, Any], arrays: Arrays, run: Mapping[str, Any]
) -> Path:
    """Write the version file and read it back in full; the caller holds the lock of `models/`."""
    folder = versions_folder(output)
    folder.mkdir(exist_ok=True)
    for _ in _removed(folder.glob(".*.tmp")):  # of killed publications: the lock is ours
        pass
    path = folder / f"{run['version']}.pkl"
    write_artifact(path, metadata, arrays, run=run)
    verify_artifact(path)
    return path


def _removed(paths: Iterable[Path]) -> Iterator[Path]:
    """Remove files as far as the system lets go of them; yield those that went."""
    for path in paths:
        with suppress(OSError):  # Windows keeps a file that somebody has mapped
            path.unlink()
            yield path
