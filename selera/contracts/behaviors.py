"""The four behaviors, and where in the shop's tables each of them is written.

A behavior's code (uint8) is its position in `BEHAVIORS`; it is part of the model file's format.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from .ids import Id
from .tables import BUY, RATING, REVIEW, VISIT, Table

Behavior = Literal["visit", "buy", "rating", "review"]

BEHAVIORS: tuple[Behavior, ...] = ("visit", "buy", "rating", "review")
VISIT_CODE, BUY_CODE, RATING_CODE, REVIEW_CODE = range(4)

NO_TIME = -(2**63)
"""The timestamp of a behavior whose time is unknown."""


class BehaviorSource(msgspec.Struct, frozen=True):
    """The table of one behavior, its time column, and the column that gives its value."""

    behavior: Behavior
    table: Table
    time_column: str
    value_column: str


BEHAVIOR_SOURCES: tuple[BehaviorSource, ...] = (
    BehaviorSource("visit", VISIT, "visit_date", "visit_count"),
    BehaviorSource("buy", BUY, "transaction_date", "quantity"),
    BehaviorSource("rating", RATING, "rating_date", "rating"),
    BehaviorSource("review", REVIEW, "review_date", "rating"),
)


class BehaviorRow(msgspec.Struct, frozen=True, gc=False):
    """One behavior of one user, as the database tells it.

    `value` is the visit count or the quantity (1 if unknown), the stars, or a review's own stars
    (NaN if it has none).
    `timestamp` is in UTC seconds, `NO_TIME` if unknown.
    `text` is the beginning of a review's text, empty for everything else.
    """

    product_id: Id
    behavior: Behavior
    value: float
    timestamp: int
    text: str = ""
