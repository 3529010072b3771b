"""Merchandising rules: what the shop's people want to see in lists, or not, whatever users like."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .ids import Id

Action = Literal["hide", "pin", "boost"]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One rule; it concerns the products that meet all of its conditions.

    name : what it is known by; a second rule of that name replaces it
    action : `hide` keeps products out of every list, `pin` puts them first, `boost` lifts them
    product_ids, category, tag, brand : the conditions; at least one is given
    strength : of a boost, in standard deviations of the user's own scores; below 0 it sinks them
    starts_at, ends_at : when the rule holds, ISO 8601 with an offset; open where not given
    """

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    action: Action
    product_ids: tuple[Id, ...] = ()
    category: str | None = None
    tag: str | None = None
    brand: str | None = None
    strength: Annotated[float, Meta(ge=-10, le=10)] = 1.0
    starts_at: Annotated[datetime, Meta(tz=True)] | None = None
    ends_at: Annotated[datetime, Meta(tz=True)] | None = None

    def __post_init__(self) -> None:
        """Refuse a rule that would concern every product, or that never holds."""
        if not (self.product_ids or self.category or self.tag or self.brand):
            raise ValueError("a rule needs product_ids, category, tag or brand")
        if self.starts_at and self.ends_at and self.starts_at >= self.ends_at:
            raise ValueError("starts_at must be before ends_at")

    def holds_at(self, now: datetime) -> bool:
        """Whether the rule is in force at `now`, which has an offset."""
        return not (
            (self.starts_at is not None and now < self.starts_at)
            or (self.ends_at is not None and now >= self.ends_at)
        )
