"""The id of a request: the asker's own, or a new one."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

_SANE = re.compile(rb"[A-Za-z0-9._-]{1,128}")


def request_id_of(given: Mapping[bytes, bytes]) -> str:
    """The X-Request-ID among these headers where it is harmless, else a new one."""
    sent = given.get(b"x-request-id", b"")
    return sent.decode() if _SANE.fullmatch(sent) else secrets.token_hex(16)
