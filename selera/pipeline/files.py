"""What a watcher needs to know about a file: has it come to rest, and what does it hold."""

from __future__ import annotations

from pathlib import Path
from threading import Event

from ..etl.files import Signature, sha256_of, signature


def sha256(path: Path) -> str | None:
    """SHA-256 of the file's bytes in hexadecimal; None where it cannot be read."""
    try:
        return sha256_of(path)
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
