"""The settings of the recommendation service."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

DEFAULT_LIMIT = 10
MAX_LIMIT = 100
"""How many products one answer holds: unless asked otherwise, and at most."""

OnUnknown = Literal["error", "popular"]
ProfileField = Literal["name", "gender", "age", "location"]


class ServingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What answers hold.

    profile_fields : the fields of a user's profile that may leave the service; `user_id`, which the
        asker knows already, always does
    max_reasons : how many products of the user's own history explain one recommendation
    """

    profile_fields: tuple[ProfileField, ...] = ("name", "gender", "age", "location")
    max_reasons: Annotated[int, Meta(ge=0, le=20)] = 3
