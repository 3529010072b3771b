"""The settings of the recommendation service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

DEFAULT_LIMIT = 10
MAX_LIMIT = 100
"""How many products one answer holds: unless asked otherwise, and at most."""

OnUnknown = Literal["error", "popular"]
ProfileField = Literal["name", "gender", "age", "location"]


class ServingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What answers hold, and how long what they are made of is remembered.

    profile_fields : the fields of a user's profile that may leave the service; `user_id`, which the
        asker knows already, always does
    max_reasons : how many products of the user's own history explain one recommendation
    diversity : where the asker does not say
    rules_file : merchandising rules as TOML, beside those given by the API; none if empty
    cached_users : how many users' histories are remembered
    history_max_age_s : seconds after which a remembered history is read again, for what was changed
        or removed in place; new rows are noticed within a second. 0 reads at every request
    catalogue_max_age_s : seconds after which the catalogue is read again, for what its own marks of
        change do not tell; more where reading it takes more than a 200th of the time
    stale_after_hours : age from which a model counts as stale, in the metrics and in `health`
    """

    profile_fields: tuple[ProfileField, ...] = ("name", "gender", "age", "location")
    max_reasons: Annotated[int, Meta(ge=0, le=20)] = 3
    diversity: Annotated[float, Meta(ge=0, le=1)] = 0.0
    rules_file: str = ""
    cached_users: Annotated[int, Meta(ge=0)] = 20_000
    history_max_age_s: Annotated[float, Meta(ge=0)] = 30.0
    catalogue_max_age_s: Annotated[float, Meta(gt=0)] = 5.0
    stale_after_hours: Annotated[float, Meta(gt=0)] = 168.0

    @property
    def rules_path(self) -> Path | None:
        """`rules_file` as a path; None where there is none."""
        return Path(self.rules_file) if self.rules_file else None
