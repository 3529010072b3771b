"""The slot of the current model: filled from a file, refilled when the file is replaced."""

from __future__ import annotations

import math
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

from ..artifact import open_artifact, verify_artifact
from ..contracts.between import Between, nothing
from ..contracts.errors import ArtifactError, ModelNotReady
from ..models import Recommender
from .answers import ModelInfo
from .metrics import count_refused_model, count_swap
from .pace import Pace

MOST_OPEN_VERSIONS = 4
"""Of a shelf: the two of the running experiment, and those of the one before."""

_SANE_VERSION = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")

LOOK_EVERY_S = 0.2
"""A replaced file is noticed at the first request after this many seconds."""

FOLLOWED_S = 5.0
"""Or, where somebody follows the file, after this many without a look: requests then never load."""

READ_AT_ONCE_BYTES = 64 << 20
"""A file up to this size is read whole, to see that no bit is wrong, in a tenth of a second."""

READ_AFTER_S = 10.0
"""A larger one that answers already is read so long after it began to: starting is in a hurry."""

log = structlog.get_logger(__name__)

_Signature = tuple[int, int, int]


class ModelSlot:
    """Holds the model that answers now, and follows the file at `path`.

    A request takes the model once, by `current`, and keeps that object to its end: a swap replaces
    the reference and changes no model, so no request ever sees two of them. Any number of threads
    may ask; one of them looks at the file, the others go on with the model that there is. A new
    file that cannot be used leaves the old model where it is. The mapped bytes of a replaced model
    are freed when the last request that holds it ends.

    No bit of a file may be other than it was written. Where somebody waits for a large one, it
    answers before it has been read whole, and is given up by `follow` where it then turns out to be
    damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._model: Recommender | None = None
        self._refusal: ArtifactError | None = None
        self._signature: _Signature | None = None
        self._look_at = 0.0
        self._read_at = math.inf

    def current(self) -> Recommender:
        """The model to answer with.

        Raises ModelNotReady where there has not been a model yet, and ArtifactError where the first
        file cannot be used; both name the cure.
        """
        if self._model is None:
            with self._lock:
                self._look()
        elif time.monotonic() >= self._look_at and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()
        model, refusal = self._model, self._refusal
        if model is None:
            assert refusal is not None
            # A new object each time: one that is raised again and again gathers tracebacks.
            raise type(refusal)(str(refusal))
        return model

    def follow(self, prepare: Callable[[Recommender], object]) -> None:
        """Look at the file now, so that no request has to for `FOLLOWED_S`.

        A new model is given to `prepare` before it answers; meanwhile the one that there is does.
        The first one is not: nobody could answer meanwhile.
        """
        with self._lock:
            self._look(prepare)
            if time.monotonic() >= self._read_at:
                self._read()

    def _read(self) -> None:
        """Read the whole file of a model that answers already; without one where it is damaged."""
        self._read_at = math.inf
        try:
            verify_artifact(self._path, Pace())
        except ArtifactError as error:
            if _signature(self._path) == self._signature:
                self._model, self._refusal = None, error
                self._say_refused(error)

    def _say_refused(self, error: ArtifactError) -> None:
        if self._model is None and isinstance(error, ModelNotReady):
            log.info("no model yet", file=str(self._path))
            return
        count_refused_model()
        kept = None if self._model is None else self._model.version
        log.warning("model refused", reason=str(error), kept_version=kept)

    def _look(self, prepare: Callable[[Recommender], object] | None = None) -> None:
        """Load the file if it is another one than at the last look; the caller holds the lock."""
        self._look_at = time.monotonic() + (LOOK_EVERY_S if prepare is None else FOLLOWED_S)
        signature = _signature(self._path)
        looked_before = self._model is not None or self._refusal is not None
        if looked_before and signature == self._signature:
            return
        self._signature = signature
        started = time.perf_counter()
        is_read = self._model is not None or signature is None or signature[1] <= READ_AT_ONCE_BYTES
        between = nothing if prepare is None or self._model is None else Pace()
        try:
            model = _load(self._path, between, is_read=is_read)
        except ArtifactError as error:
            self._refusal = error
            self._say_refused(error)
        else:
            if self._model is not None:
                if prepare is not None:
                    prepare(model)
                count_swap()
            self._model = model
            self._read_at = math.inf if is_read else time.monotonic() + READ_AFTER_S
            seconds = round(time.perf_counter() - started, 3)
            log.info("model loaded", version=model.version, items=len(model.items), seconds=seconds)


class VersionShelf:
    """The versions in one folder, opened when they are asked for; the last few stay open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._models: OrderedDict[str, Recommender] = OrderedDict()

    def get(self, version: str) -> Recommender:
        """The model of this version; ArtifactError where there is none, or none to use."""
        with self._lock:
            model = self._models.get(version)
            if model is None:
                if not _SANE_VERSION.fullmatch(version):
                    raise ArtifactError(f"{version!r} is no name of a version")
                path = self._folder / f"{version}.pkl"
                model = self._models[version] = _load(path, nothing, is_read=True)
                while len(self._models) > MOST_OPEN_VERSIONS:
                    self._models.popitem(last=False)
            return model

    def drop(self) -> None:
        """Open every version anew when it is asked for; who holds one keeps it."""
        with self._lock:
            self._models.clear()


def model_info(model: Recommender) -> ModelInfo:
    """What an answer says of the model that gave it."""
    return ModelInfo(model.version, model.algorithm, model.trained_at, model.data_sha256)


def age_s(trained_at: str) -> float | None:
    """Seconds since `trained_at`, ISO 8601; None where it is not told."""
    try:
        then = datetime.fromisoformat(trained_at)
    except ValueError:
        return None
    return round((datetime.now(UTC) - then).total_seconds(), 1) if then.tzinfo else None


def _signature(path: Path) -> _Signature | None:
    """What differs between two files under one name; None where there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _load(path: Path, between: Between, *, is_read: bool) -> Recommender:
    """Open the file and put one question of each kind to its model, before any user does.

    With `is_read`, all of it is read first. `between` is called after each piece of that. Raises
    ArtifactError (ModelNotReady where there is no file).
    """
    artifact = verify_artifact(path, between) if is_read else open_artifact(path)
    try:
        model = Recommender.from_parts(artifact.metadata, artifact.arrays, artifact.run)
        model_info(model)
        between()
        model.check()
        between()
    except (
        AttributeError,
        IndexError,
        KeyError,
        TypeError,
        ValueError,
        msgspec.MsgspecError,
    ) as error:
        raise ArtifactError(
            f"{path} is a model file, but not one that this release understands "
            f"({type(error).__name__}: {error}). Train a new one with: python training.py"
        ) from error
    return model
