"""Write a model file: atomic, aligned, the same bytes for the same content."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import secrets
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ..contracts.errors import ArtifactError
from .format import ALIGNMENT_BYTES, DTYPES, FOOTER, FORMAT_NAME, FORMAT_VERSION, MAGIC

Pieces = Sequence[NDArray[Any]]
"""An array as one or more pieces of one type that follow each other along the first axis."""


def write_artifact(
    path: Path,
    metadata: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
    *,
    run: Mapping[str, Any],
) -> None:
    """Write `metadata` and `arrays` to `path`, and `run` into the trailer.

    `metadata` and `run` hold what JSON can say: dicts with string keys, lists, strings, numbers,
    booleans, None. The arrays are written in the order of the mapping; those of users come last by
    convention (names beginning with `users.`), so that they can be rewritten. The file appears
    under its name complete or not at all, and is on the disk when this returns.

    Raises ArtifactError where a value or a dtype cannot be kept, OSError where the disk says no.
    """
    write_pieces(path, metadata, {name: (array,) for name, array in arrays.items()}, run=run)


def write_pieces(
    path: Path,
    metadata: Mapping[str, Any],
    arrays: Mapping[str, Pieces],
    *,
    run: Mapping[str, Any],
) -> None:
    """`write_artifact` of arrays that are given as pieces, and never put together in memory."""
    _check(metadata, run, arrays)
    directory = path.resolve().parent
    temporary = directory / f".{path.name}.{secrets.token_hex(8)}.tmp"
    # Not by `tempfile`, whose files are their owner's alone: who may read this one, the umask says.
    file = temporary.open("xb")
    try:
        with file:
            _write(file, metadata, arrays, run)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink()
        raise
    sync_folder(directory)


def _check(
    metadata: Mapping[str, Any], run: Mapping[str, Any], arrays: Mapping[str, Pieces]
) -> None:
    for name, value in (("metadata", metadata), ("run", run)):
        try:
            text = json.dumps(value, allow_nan=False, ensure_ascii=False)
            same = json.loads(text.encode("utf-8")) == value
        except (TypeError, ValueError, RecursionError) as error:
            raise ArtifactError(f"model {name} cannot be kept in the file: {error}") from error
        if not same:
            raise ArtifactError(f"model {name} must hold only what JSON can say, got {value!r}")
    for name, pieces in arrays.items():
        dtypes = {piece.dtype.str for piece in pieces}
        if len(dtypes) != 1 or not dtypes <= DTYPES:
            raise ArtifactError(
                f"array {name!r} has dtype {', '.join(sorted(dtypes))}; "
                f"a model holds {sorted(DTYPES)}"
            )


def _write(
    file: BinaryIO,
    metadata: Mapping[str, Any],
    arrays: Mapping[str, Pieces],
    run: Mapping[str, Any],
) -> None:
    body = _PickleWriter(file)
    body.put(pickle.PROTO + bytes([5]) + pickle.EMPTY_DICT + pickle.MARK)
    body.put(_fragment("format") + _fragment(FORMAT_NAME))
    body.put(_fragment("format_version") + _fragment(FORMAT_VERSION))
    body.put(_fragment("metadata") + _fragment(dict(metadata)))
    body.put(_fragment("arrays") + pickle.EMPTY_DICT + pickle.MARK)
    places = {name: body.put_array(name, array) for name, array in arrays.items()}
    body.put(pickle.SETITEMS + pickle.SETITEMS + pickle.STOP)
    trailer = json.dumps(
        {
            "run": run,
            "metadata": metadata,
            "arrays": places,
            "pickle_size_bytes": body.size_bytes,
            "pickle_sha256": body.hash.hexdigest(),
        },
        ensure_ascii=False,
        allow_nan=False,
    ).encode("utf-8")
    file.write(trailer)
    file_size_bytes = body.size_bytes + len(trailer) + FOOTER.size
    checksum = zlib.crc32(trailer)
    file.write(FOOTER.pack(MAGIC, FORMAT_VERSION, checksum, len(trailer), file_size_bytes))


def _fragment(value: Any) -> bytes:
    """The opcodes that push `value`: a protocol 3 pickle (no frames) less its PROTO and STOP.

    Without a memo: it would go by the identity of objects, and equal values make equal bytes.
    """
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, protocol=3)
    pickler.fast = True
    pickler.dump(value)
    return buffer.getvalue()[2:-1]


class _PickleWriter:
    """Writes opcodes, knowing how many bytes there are and what their hash is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size_bytes = 0
        self.hash = hashlib.sha256()

    def put(self, opcodes: bytes | memoryview) -> None:
        """Write some opcodes or payload."""
        self._file.write(opcodes)
        self.hash.update(opcodes)
        self.size_bytes += len(opcodes)

    def put_array(self, name: str, pieces: Pieces) -> dict[str, Any]:
        """Write one item of the dict of arrays; tell where its raw bytes lie."""
        first, shape = pieces[0], pieces[0].shape
        if len(pieces) > 1:
            shape = (sum(map(len, pieces)), *shape[1:])
        self.put(_fragment(name))
        self.put(pickle.MARK + _fragment(first.dtype.str) + _fragment(shape))
        size_bytes = sum(piece.nbytes for piece in pieces)
        opcode = pickle.BINBYTES8 + size_bytes.to_bytes(8, "little")
        self.put(_padding(-(self.size_bytes + len(opcode)) % ALIGNMENT_BYTES))
        self.put(opcode)
        place = {"dtype": first.dtype.str, "shape": list(shape), "offset": self.size_bytes}
        for piece in pieces:
            self.put(memoryview(np.ascontiguousarray(piece).reshape(-1).view(np.uint8)))  # type: ignore[arg-type]
        self.put(pickle.TUPLE)
        return place


def _padding(size_bytes: int) -> bytes:
    """Opcodes of this many bytes that leave the stack as it is."""
    return pickle.MEMOIZE * (size_bytes % 2) + (pickle.NONE + pickle.POP) * (size_bytes // 2)


def sync_folder(folder: Path) -> None:
    """Make a rename outlast a power cut, where the system lets a folder be synced."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
