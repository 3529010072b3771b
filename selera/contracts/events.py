"""What a shop tells while it happens: one behavior of one user, on its way into its tables."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from .behaviors import NO_TIME, Behavior
from .ids import Id

EventType = Literal["visit", "purchase", "rating", "review"]

BEHAVIOR_OF: dict[EventType, Behavior] = {
    "visit": "visit",
    "purchase": "buy",
    "rating": "rating",
    "review": "review",
}

MOST_EVENTS = 1000
"""How many events one request may bring."""

EventStatus = Literal["stored", "duplicate", "rejected"]
Fate = Literal["reject", "accept"]


class Event(msgspec.Struct, frozen=True):
    """One behavior, checked and typed.

    event_id : the teller's own name of it; a second event of that name is a duplicate
    at : UTC seconds, `NO_TIME` if unknown
    visit_count, quantity : at least 1
    transaction_value : what was paid for all pieces, at least 0; None if unknown
    rating : stars, of a rating or a review; None if there are none
    recommendation_id : of the answer that led to it, if any
    """

    event_id: str
    type: EventType
    user_id: Id
    product_id: Id
    at: int = NO_TIME
    visit_count: int = 1
    quantity: int = 1
    transaction_value: float | None = None
    currency: str | None = None
    rating: float | None = None
    review_text: str | None = None
    recommendation_id: str | None = None


class EventOutcome(msgspec.Struct, frozen=True):
    """What became of one event.

    reason : why it was rejected; None where it was not
    """

    event_id: str
    status: Annotated[
        EventStatus,
        Meta(
            description="`stored`: it is in the shop's tables; `duplicate`: it already was;"
            " `rejected`: it cannot be used, and `reason` says why."
        ),
    ]
    reason: str | None = None


class EventConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of events that name somebody or something that the shop's tables do not.

    unknown_products : events of products that have no row; recommended they could not be shown
    unknown_users : events of users who have no profile, such as visitors without an account
    """

    unknown_products: Fate = "reject"
    unknown_users: Fate = "accept"


class Changes(msgspec.Struct, frozen=True):
    """What changed in the shop's tables since the last look.

    users : who did something new
    everything : whether more may have changed than is told here
    """

    users: frozenset[Id] = frozenset()
    everything: bool = False
