"""Marks of change: what one process wrote of a user, all others of the machine notice at once.

A mapped file holds 65,536 marks of eight bytes, and each user's id leads to one of them. Who has
written something of a user puts another random number there, after the commit. Who remembers a user
keeps the mark of before it began to read: as long as it is the same, nothing was written since.
Users who share a mark are read again for each other's sake, which does no harm. A process that is
killed between commit and mark leaves the news to the feed of changes.
"""

from __future__ import annotations

import os
import random
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from ..contracts.ids import Id
from .mapped import open_mapped

_N_MARKS = 1 << 16
_MARK = struct.Struct("=Q")


def marks_path(state_path: Path) -> Path:
    """Where the marks lie: beside the state file."""
    return state_path.with_name(f"{state_path.name}-marks")


class ChangeMarks:
    """The marks of all users; threads share one, and processes share the file."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it; StateError where that cannot be."""
        file, self._map = open_mapped(path, _N_MARKS * _MARK.size, "follow changes by")
        os.close(file)  # the map holds the file itself

    def mark(self, user_id: Id) -> int:
        """A number that is another one when something of the user was written."""
        mark: int = _MARK.unpack_from(self._map, _offset(user_id))[0]
        return mark

    def change(self, user_ids: Iterable[Id]) -> None:
        """Tell all processes that something of these users was written."""
        for user_id in user_ids:
            _MARK.pack_into(self._map, _offset(user_id), random.getrandbits(64))

    def close(self) -> None:
        """Let go of the file."""
        self._map.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _offset(user_id: Id) -> int:
    name = str(user_id).encode("utf-8", "surrogatepass")
    return zlib.crc32(name) % _N_MARKS * _MARK.size
