"""Open a model file: refuse what is not one, map the rest without copying."""

from __future__ import annotations

import hashlib
import json
import mmap
import pickletools
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..contracts.between import Between, nothing
from ..contracts.errors import ArtifactError, ModelNotReady
from .format import ALIGNMENT_BYTES, DTYPES, FOOTER, FORMAT_VERSION, MAGIC, MOST_OPCODES, OPCODES

_CURE = "Train a new one with: python training.py"
_SMALL_READ_BYTES = 1 << 16
_READ_BYTES = 1 << 20
_OPCODES_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Artifact:
    """An open model file.

    metadata : what the model is: algorithm, settings, metrics, data
    arrays : read-only views into the mapped file; they keep it open for as long as they live
    run : version, trained_at, seconds: what differs between two trainings on equal data
    """

    metadata: dict[str, Any]
    arrays: dict[str, NDArray[Any]]
    run: dict[str, Any]


def open_artifact(path: Path) -> Artifact:
    """Map the model file at `path`, in milliseconds whatever its size.

    Checked are the footer, the trailer's checksum, the format version, the sizes, and every opcode
    of the pickle (the arrays' bytes are stepped over): a file that holds anything but builtins and
    bytes is refused, and nothing of it is ever run. `verify_artifact` checks the bytes themselves.

    Raises ModelNotReady where there is no file, ArtifactError where it is damaged, of another
    version, or not to be trusted.
    """
    with _opened(path) as file:
        return _open(path, _map(path, file), nothing)[0]


def verify_artifact(path: Path, between: Between = nothing) -> Artifact:
    """Open the model file and read all of it: every bit is as it was written.

    It is read through a buffer and not through the map, so that what a process holds in memory does
    not grow; `between` is called after each piece. Raises as `open_artifact` does, and
    ArtifactError where the checksum differs.
    """
    with _opened(path) as file:
        artifact, trailer = _open(path, _map(path, file), between)
        try:
            sha256 = _sha256(file, trailer["pickle_size_bytes"], between)
        except OSError as error:
            raise ArtifactError(f"{path} cannot be read: {error.strerror}. {_CURE}") from error
    if sha256 != trailer["pickle_sha256"]:
        raise ArtifactError(f"{path} is damaged: its checksum does not match. {_CURE}")
    return artifact


def _open(path: Path, content: mmap.mmap, between: Between) -> tuple[Artifact, dict[str, Any]]:
    """The artifact in a mapped file, and its trailer."""
    try:
        trailer = _read_trailer(path, content)
        payloads = _scan(path, content, trailer["pickle_size_bytes"], between)
        arrays = {
            name: _array(path, content, name, place, payloads)
            for name, place in trailer["arrays"].items()
        }
        metadata, run = dict(trailer["metadata"]), dict(trailer["run"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ArtifactError(f"{path} is damaged: its trailer is not as written. {_CURE}") from error
    return Artifact(metadata, arrays, run), trailer


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise ModelNotReady(f"there is no model at {path}. {_CURE}") from error
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}. {_CURE}") from error


def _sha256(file: BinaryIO, size_bytes: int, between: Between) -> str:
    """Of the first bytes of a file."""
    digest, left = hashlib.sha256(), size_bytes
    while left and (chunk := file.read(min(left, _READ_BYTES))):
        digest.update(chunk)
        left -= len(chunk)
        between()
    return digest.hexdigest()


def _map(path: Path, file: BinaryIO) -> mmap.mmap:
    try:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError as error:
        raise ArtifactError(f"{path} is empty. {_CURE}") from error
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}. {_CURE}") from error


def _read_trailer(path: Path, content: mmap.mmap) -> dict[str, Any]:
    if len(content) < FOOTER.size:
        raise ArtifactError(f"{path} is no model file: it has only {len(content)} bytes. {_CURE}")
    footer = content[-FOOTER.size :]
    magic, version, checksum, trailer_size, file_size = FOOTER.unpack(footer)
    if magic != MAGIC:
        raise ArtifactError(f"{path} is no model file of Selera, or it was cut off. {_CURE}")
    if version != FORMAT_VERSION:
        raise ArtifactError(
            f"{path} has model format {version}; this release reads {FORMAT_VERSION}. {_CURE}"
        )
    if file_size != len(content) or trailer_size > len(content) - FOOTER.size:
        raise ArtifactError(f"{path} should have {file_size} bytes and has {len(content)}. {_CURE}")
    raw = content[len(content) - FOOTER.size - trailer_size : len(content) - FOOTER.size]
    if zlib.crc32(raw) != checksum:
        raise ArtifactError(f"{path} is damaged: its trailer has a wrong checksum. {_CURE}")
    trailer: dict[str, Any] = json.loads(raw)
    if trailer["pickle_size_bytes"] + trailer_size + FOOTER.size != len(content):
        raise ArtifactError(f"{path} is damaged: its parts do not add up. {_CURE}")
    return trailer


class _SteppingReader:
    """A file over mapped bytes that hands out large payloads as views, so that none is copied."""

    def __init__(self, content: mmap.mmap, size_bytes: int) -> None:
        self._content = content
        self._end = size_bytes
        self._position = 0

    def tell(self) -> int:
        return self._position

    def read(self, size: int) -> bytes | memoryview:
        start = self._position
        self._position = end = min(start + size, self._end)
        if end - start > _SMALL_READ_BYTES:
            return memoryview(self._content)[start:end]
        return self._content[start:end]

    def readline(self) -> bytes:
        """The argument of a text opcode; none of those is allowed, but the refusal names it."""
        end = self._content.find(b"\n", self._position, self._end) + 1
        return bytes(self.read((end or self._end) - self._position))


def _scan(path: Path, content: mmap.mmap, size_bytes: int, between: Between) -> dict[int, int]:
    """Look at every opcode; return offset -> size of the byte strings.

    Raises ArtifactError for an opcode that is not in `OPCODES`, or where STOP is not the end.
    """
    payloads: dict[int, int] = {}
    reader = _SteppingReader(content, size_bytes)
    try:
        opcodes = pickletools.genops(reader)  # type: ignore[arg-type]
        for n_opcodes, (opcode, argument, position) in enumerate(opcodes):
            if n_opcodes == MOST_OPCODES:
                raise ArtifactError(f"{path} is refused: its pickle is no model's. {_CURE}")
            if opcode.name not in OPCODES:
                raise ArtifactError(
                    f"{path} is refused: it holds the pickle opcode {opcode.name} at byte "
                    f"{position}, and a model holds only builtins and bytes. {_CURE}"
                )
            if isinstance(argument, bytes | memoryview):
                payloads[reader.tell() - len(argument)] = len(argument)
            if not n_opcodes % _OPCODES_AT_ONCE:
                between()
    except (ValueError, UnicodeDecodeError) as error:
        raise ArtifactError(f"{path} is damaged: {error}. {_CURE}") from error
    if reader.tell() != size_bytes:
        raise ArtifactError(f"{path} is refused: bytes follow the end of its pickle. {_CURE}")
    return payloads


def _array(
    path: Path, content: mmap.mmap, name: str, place: dict[str, Any], payloads: dict[int, int]
) -> NDArray[Any]:
    """A read-only view of one array; its place must be one of the pickle's byte strings."""
    offset, shape = place["offset"], tuple(place["shape"])
    if place["dtype"] not in DTYPES:
        raise ArtifactError(f"{path} is refused: array {name!r} has dtype {place['dtype']!r}")
    dtype = np.dtype(place["dtype"])
    n_elements = int(np.prod(shape, dtype=np.int64))
    if payloads.get(offset) != n_elements * dtype.itemsize or offset % ALIGNMENT_BYTES:
        raise ArtifactError(f"{path} is damaged: array {name!r} is not where it should be. {_CURE}")
    return np.frombuffer(content, dtype=dtype, count=n_elements, offset=offset).reshape(shape)
