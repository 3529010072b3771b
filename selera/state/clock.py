"""How times are written in the state file."""

from __future__ import annotations

from datetime import UTC, datetime


def now_text() -> str:
    """The present moment, ISO 8601 in UTC, to the second: `2026-11-23T07:20:04+00:00`."""
    return datetime.now(UTC).isoformat(timespec="seconds")
