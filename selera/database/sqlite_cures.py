"""What to do about a SQLite file that cannot be read or written: a matter of files and folders."""

from __future__ import annotations

import os
from pathlib import Path

_MAGIC = b"SQLite format 3\0"


def sqlite_cure(path: str, error_name: str) -> str | None:
    """The cure for an error of SQLite; None where nothing is wrong with the file.

    `error_name` is SQLite's own name of the error, such as SQLITE_BUSY.
    """
    file = Path(path).absolute()
    if error_name.startswith("SQLITE_BUSY"):
        return f"Another program is writing {file}: try again when it has finished."
    if error_name.startswith("SQLITE_CORRUPT"):
        return f"The file {file} is damaged: put back a copy of it."
    if error_name.startswith("SQLITE_FULL"):
        return f"Make room on the disk of {file.parent}."
    return _cure_of_content(file) or _cure_of_permission(file, error_name)


def _cure_of_content(file: Path) -> str | None:
    try:
        with file.open("rb") as opened:
            head = opened.read(len(_MAGIC))
    except FileNotFoundError:
        return f"There is no file {file}, and none can be made in {file.parent} by this user."
    except OSError as error:
        return f"This user cannot read the file {file} ({error.strerror}): give it the permission."
    if head and head != _MAGIC:
        return f"The file {file} is no SQLite database: name another, or make one: selera seed."
    return None


def _cure_of_permission(file: Path, error_name: str) -> str | None:
    if not error_name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
        return None
    if os.access(file.parent, os.W_OK) and os.access(file, os.W_OK):
        return f"Check the permissions of the file {file} and of its folder."
    return (
        f"This user may not write the file {file} or its folder, where SQLite keeps "
        f"{file.name}-wal and {file.name}-shm: give it the permission, or copy all three to "
        f"another folder."
    )
