"""One place where what SQLite says about the state file becomes a sentence for a person."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from ..contracts.errors import StateError

_CURES = {
    "SQLITE_FULL": "Make room on the disk.",
    "SQLITE_IOERR": "Look whether the disk is full or failing.",
    "SQLITE_READONLY": "Let this user write the file and its folder.",
    "SQLITE_CANTOPEN": "Let this user read and write the file and its folder, and keep the file.",
    "SQLITE_PERM": "Let this user read and write the file and its folder.",
    "SQLITE_BUSY": "Another process has been writing for long. Look what it does, and try again.",
    "SQLITE_LOCKED": "Another process has been writing for long. Look what it does, and try again.",
    "SQLITE_NOTADB": "Name another file as the setting state_file.",
    "SQLITE_CORRUPT": "Put a backup of the file in its place, or take it away to begin anew.",
}
_SYSTEM_CURES = {
    errno.EACCES: "Let this user read and write the file and its folder.",
    errno.EPERM: "Let this user read and write the file and its folder.",
    errno.EROFS: "Name a file on a disk that can be written as the setting state_file.",
    errno.EISDIR: "It is a folder. Name a file inside it as the setting state_file.",
    errno.ENOSPC: "Make room on the disk.",
}
_OTHER_CURE = "Put a backup of the file in its place, or take it away to begin anew."


def explained(error: Exception, path: Path, doing: str) -> StateError:
    """The error as a sentence; `doing` completes "Cannot ...". No parameter of a query is told."""
    cause = getattr(error, "orig", None) or error
    said = (str(cause).strip() or type(cause).__name__).splitlines()[0].rstrip(".")
    if isinstance(cause, OSError):
        said = cause.strerror or said
        cure = _SYSTEM_CURES.get(cause.errno or 0, "Name another file as the setting state_file.")
    else:
        cure = _cure(cause)
    return StateError(f"Cannot {doing} {path}, Selera's own database: {said}. {cure}")


def _cure(cause: Exception) -> str:
    name = getattr(cause, "sqlite_errorname", "")
    if isinstance(cause, sqlite3.Error):
        for start, cure in _CURES.items():
            if name.startswith(start):
                return cure
    return _OTHER_CURE
