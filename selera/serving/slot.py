"""The slot of the current model: filled from a file, refilled when the file is replaced."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import msgspec
import structlog

from ..artifact import open_artifact
from ..contracts.errors import ArtifactError
from ..models import Recommender
from .answers import ModelInfo

LOOK_EVERY_S = 0.2
"""A replaced file is noticed at the first request after this many seconds."""

log = structlog.get_logger(__name__)

_Signature = tuple[int, int, int]


class ModelSlot:
    """Holds the model that answers now, and follows the file at `path`.

    A request takes the model once, by `current`, and keeps that object to its end: a swap replaces
    the reference and changes no model, so no request ever sees two of them. Any number of threads
    may ask; one of them looks at the file, the others go on with the model that there is. A new
    file that cannot be used leaves the old model where it is. The mapped bytes of a replaced model
    are freed when the last request that holds it ends.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._model: Recommender | None = None
        self._refusal: ArtifactError | None = None
        self._signature: _Signature | None = None
        self._look_at = 0.0

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

    def _look(self) -> None:
        """Load the file if it is another one than at the last look; the caller holds the lock."""
        self._look_at = time.monotonic() + LOOK_EVERY_S
        signature = _signature(self._path)
        looked_before = self._model is not None or self._refusal is not None
        if looked_before and signature == self._signature:
            return
        self._signature = signature
        started = time.perf_counter()
        try:
            model = _load(self._path)
        except ArtifactError as error:
            self._refusal = error
            kept = None if self._model is None else self._model.version
            log.warning("model refused", reason=str(error), kept_version=kept)
        else:
            self._model = model
            seconds = round(time.perf_counter() - started, 3)
            log.info("model loaded", version=model.version, items=len(model.items), seconds=seconds)


def model_info(model: Recommender) -> ModelInfo:
    """What an answer says of the model that gave it."""
    return ModelInfo(model.version, model.algorithm, model.trained_at, model.data_sha256)


def _signature(path: Path) -> _Signature | None:
    """What differs between two files under one name; None where there is no file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _load(path: Path) -> Recommender:
    """Open the file and put one question of each kind to its model, before any user does.

    Raises ArtifactError (ModelNotReady where there is no file).
    """
    artifact = open_artifact(path)
    try:
        model = Recommender.from_parts(artifact.metadata, artifact.arrays, artifact.run)
        model_info(model)
        model.check()
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
