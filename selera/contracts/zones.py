"""The zone that a shop's times are in where they bear no offset of their own."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from .errors import ConfigError


def find_zone(name: str) -> ZoneInfo:
    """The zone that `etl.time_zone` names; ConfigError where there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise ConfigError(
            f"etl.time_zone must be an IANA name such as Asia/Jakarta, got {name!r}"
        ) from error
