"""Small files that all processes of a machine map and write into; they hold nobody's data."""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
from pathlib import Path

from .failures import explained

_OWNER_ONLY = 0o600

THREADS = threading.Lock()
"""Locks on a file hold between processes only, and for all of a process's views of it at once."""


def open_mapped(path: Path, size_bytes: int, doing: str) -> tuple[int, mmap.mmap]:
    """The file's descriptor and the file as memory; both are the caller's to close.

    It is made where it is missing, of zeros and readable for its owner alone. All of it is on the
    disk, so that no later write lacks room. `doing` completes "Cannot ...". Raises StateError where
    the system refuses. Nobody may shorten the file while it is open.
    """
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _OWNER_ONLY)
        try:
            _lengthen(file, size_bytes)
            return file, mmap.mmap(file, size_bytes)
        except BaseException:
            os.close(file)
            raise
    except OSError as error:
        raise explained(error, path, doing) from error


def _lengthen(file: int, size_bytes: int) -> None:
    with THREADS:
        fcntl.lockf(file, fcntl.LOCK_EX)
        try:
            present = os.fstat(file).st_size
            if present < size_bytes:
                os.pwrite(file, bytes(size_bytes - present), present)
        finally:
            fcntl.lockf(file, fcntl.LOCK_UN)
