"""What a watcher needs to know about a file: has it come to rest, and what does it hold."""

from __future__ import annotations

import hashlib
from pathlib import Path
from threading import Event

Signature = tuple[int, int, int]
"""Inode, size in bytes and time of the last change in nanoseconds: equal until somebody writes."""


def signature(path: Path) -> Signature | None:
    """The file's signature; None where there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def sha256(path: Path) -> str | None:
    """SHA-256 of the file's bytes in hexadecimal; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def settled_signature(path: Path, quiet_s: float, stop: Event) -> Signature | None:
    """Wait until the file has not changed for `quiet_s` seconds; return its signature.

    None where the file is missing or `stop` was set while waiting.
    """
    before = signature(path)
    while before is not None and not stop.wait(quiet_s):
        now = signature(path)
        if now == before:
            return now
        before = now
    return None
