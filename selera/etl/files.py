"""Files: told apart, and written so that they appear whole or not at all."""

from __future__ import annotations

import glob
import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple, Self, cast

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    import polars as pl
    from _typeshed import ReadableBuffer

Signature = tuple[int, int, int]
"""Inode, size in bytes and time of the last change in nanoseconds: equal until somebody writes."""

_LOCK = ".lock"


class OutputPaths(NamedTuple):
    """The three files of one ETL; they stand beside each other."""

    csv: Path
    rejected: Path
    manifest: Path

    @classmethod
    def beside(cls, csv: Path) -> Self:
        """`data-training.csv` has `data-rejected.csv` and `data-training.manifest.json` beside it.

        A CSV of another name, say `shop.csv`, has `shop-rejected.csv` and `shop.manifest.json`.
        """
        stem = csv.stem.removesuffix("-training")
        return cls(
            csv, csv.with_name(f"{stem}-rejected.csv"), csv.with_name(f"{csv.stem}.manifest.json")
        )


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """A hidden folder beside a file, on its file system, that is gone afterwards.

    What a killed process left of its own scratch folder is removed first: nobody holds its lock.
    """
    prefix = f".{beside.name}-"
    for leftover in beside.parent.glob(f"{glob.escape(prefix)}*"):
        try:
            with FileLock(leftover / _LOCK, timeout=0):
                shutil.rmtree(leftover)
        except (Timeout, OSError):
            continue
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=beside.parent))
    try:
        with FileLock(folder / _LOCK):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class NewFile(io.RawIOBase):
    """A file that is written under a temporary name, hashed on the way, and then published."""

    def __init__(self, path: Path, scratch: Path) -> None:
        super().__init__()
        self._path = path
        self._temporary = scratch / f"{path.name}.new"
        self._file = self._temporary.open("wb")
        self._digest = hashlib.sha256()

    def write(self, content: ReadableBuffer, /) -> int:
        """Append `content`; returns its number of bytes."""
        self._digest.update(content)
        return self._file.write(content)

    def append(self, frame: pl.DataFrame, *, header: bool = False) -> None:
        """Append the rows of `frame` as CSV."""
        frame.write_csv(cast("IO[bytes]", self), include_header=header)

    def close(self) -> None:
        """Close the file; what is not published is lost."""
        self._file.close()
        super().close()

    @property
    def sha256(self) -> str:
        """SHA-256 of everything written so far, in hexadecimal digits."""
        return self._digest.hexdigest()

    def publish(self) -> bool:
        """Put the file in its place, or leave the file there untouched if it has the same bytes.

        Returns whether the place holds other bytes than before.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self.close()
        if self._path.exists() and self._path.stat().st_size == size:
            if sha256_of(self._path) == self.sha256:
                return False
        os.replace(self._temporary, self._path)
        sync_folder(self._path.parent)
        return True


def signature(path: Path) -> Signature | None:
    """The file's signature; None where there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal digits; OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make a rename survive a power cut, where the system can open folders."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
