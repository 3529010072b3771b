"""One word from a process to all others: forget what you keep of users in memory.

A small file holds a random token. Who erases somebody writes another one; who keeps histories in
memory looks from time to time, and forgets them all where the token is another. The file says that
something was erased, and nothing of whom.
"""

from __future__ import annotations

import os
import secrets
import tempfile
from pathlib import Path

_NAME = ".selera-epoch"


def epoch_path(state: Path) -> Path:
    """Where the token of the shop with the state file `state` lies: in the same folder."""
    return state.with_name(_NAME)


def bump_epoch(path: Path) -> None:
    """Tell everybody who looks at `path` to forget; OSError where it cannot be written."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(16))
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


class CacheEpoch:
    """Looks at the token for one cache; for one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = self._token()

    def has_changed(self) -> bool:
        """Whether the token is another one than at the last look: then everything is forgotten.

        Where the file cannot be read, which is not an erasure, nothing has changed.
        """
        token = self._token()
        changed = bool(token) and token != self._seen
        self._seen = token or self._seen
        return changed

    def _token(self) -> bytes:
        try:
            return self._path.read_bytes()
        except OSError:
            return b""
