"""What the body of a request may say, field by field."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from ..contracts.events import MOST_EVENTS, Event, EventType
from ..contracts.ids import Id, IdKind
from ..contracts.rules import Rule
from ..serving import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Filters,
    Question,
    RecommendationService,
)
from .auth import Identity
from .parameters import read_id, wrong_id
from .problems import FieldError, invalid_fields
from .questions import checked_filters, known_fields
from .reading import MOST_FAULTS

MOST_USERS = 100
MOST_PRODUCTS = 200

_Texts = Annotated[list[str], Meta(max_length=50)]
_Price = Annotated[float, Meta(ge=0)]


class Asking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lists for `user_ids`, or one list for who met `product_ids`; exactly one of the two."""

    user_ids: Annotated[list[int | str], Meta(max_length=MOST_USERS)] | None = None
    product_ids: (
        Annotated[
            list[int | str],
            Meta(max_length=MOST_PRODUCTS, description="What was met, the latest last."),
        ]
        | None
    ) = None
    behavior: Annotated[
        Literal["visit", "purchase"],
        Meta(description="How `product_ids` were met: looked at, by default."),
    ] = "visit"
    limit: Annotated[int, Meta(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    category: _Texts = []
    tag: _Texts = []
    source_country: _Texts = []
    brand: _Texts = []
    min_price: _Price | None = None
    max_price: _Price | None = None
    in_stock: bool = False
    exclude: Annotated[list[int | str], Meta(max_length=10_000)] = []
    strict: bool = True
    diversity: Annotated[float, Meta(ge=0, le=1)] | None = None
    include_seen: bool = False
    explain: bool = True
    fields: list[str] | None = None
    on_unknown: Literal["error", "popular"] = "error"

    def question(self, service: RecommendationService, identity: Identity) -> Question:
        """The question that the service is asked; a 422 where a field cannot be used."""
        filters = Filters(
            category=tuple(self.category),
            tag=tuple(self.tag),
            source_country=tuple(self.source_country),
            brand=tuple(self.brand),
            min_price=self.min_price,
            max_price=self.max_price,
            in_stock=self.in_stock,
            exclude=tuple(self.exclude),
        )
        return Question(
            limit=self.limit,
            filters=checked_filters(filters, service.product_id_kind),
            strict=self.strict,
            include_seen=self.include_seen,
            diversity=service.diversity if self.diversity is None else self.diversity,
            explain=self.explain,
            profile=identity.may("profiles"),
            fields=None if self.fields is None else known_fields(self.fields),
            on_unknown=self.on_unknown,
        )


_Count = Annotated[int, Meta(ge=1, le=1_000_000)]
_Name = Annotated[str, Meta(min_length=1, max_length=200)]
_IdGiven = Annotated[
    int | str, Meta(description="As the shop has it; an integer may be written as a text.")
]


class ToldEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One behavior, as it is told."""

    type: EventType
    user_id: _IdGiven
    product_id: _IdGiven
    event_id: Annotated[
        _Name | None,
        Meta(
            description="Your own name of it. A second event of this name is a duplicate and"
            " changes nothing, so that sending again is safe. Without one, nothing is recognised."
        ),
    ] = None
    at: (
        Annotated[
            datetime,
            Meta(tz=True, description="ISO 8601 with an offset; this moment where not given."),
        ]
        | None
    ) = None
    visit_count: _Count = 1
    quantity: _Count = 1
    transaction_value: Annotated[
        Annotated[float, Meta(ge=0, le=1e15)] | None, Meta(description="Paid for all pieces.")
    ] = None
    currency: Annotated[str, Meta(min_length=1, max_length=10)] | None = None
    rating: Annotated[float, Meta(ge=-1e6, le=1e6)] | None = None
    review_text: Annotated[str, Meta(min_length=1, max_length=20_000)] | None = None
    recommendation_id: Annotated[
        _Name | None, Meta(description="Of the answer that led to it, if one did.")
    ] = None


class ToldEvents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Some events."""

    events: Annotated[list[ToldEvent], Meta(min_length=1, max_length=MOST_EVENTS)]


_ONLY_OF: dict[str, tuple[EventType, ...]] = {
    "visit_count": ("visit",),
    "quantity": ("purchase",),
    "transaction_value": ("purchase",),
    "currency": ("purchase",),
    "rating": ("rating", "review"),
    "review_text": ("review",),
}
"""The fields that only some types of events have; of another type they would be lost in silence."""


def checked_events(told: list[ToldEvent], service: RecommendationService) -> list[Event]:
    """The events typed; a 422 that names every field that is wrong."""
    user_kind, product_kind = service.user_id_kind, service.product_id_kind
    wrong = [
        FieldError(f"events[{place}].{field}", message)
        for place, each in enumerate(told)
        for field, message in _faults(each, user_kind, product_kind)
    ]
    if wrong:
        raise invalid_fields(wrong[:MOST_FAULTS])
    now = int(time.time())
    return [
        Event(
            event_id=each.event_id or uuid.uuid4().hex,
            type=each.type,
            user_id=read_id("user_id", str(each.user_id), user_kind),
            product_id=read_id("product_id", str(each.product_id), product_kind),
            at=now if each.at is None else int(each.at.timestamp()),
            visit_count=each.visit_count,
            quantity=each.quantity,
            transaction_value=each.transaction_value,
            currency=each.currency,
            rating=each.rating,
            review_text=each.review_text,
            recommendation_id=each.recommendation_id,
        )
        for each in told
    ]


def read_ids(field: str, given: Sequence[Id], kind: IdKind) -> list[Id]:
    """Ids as the shop has them; a 422 that names those which can be none."""
    wrong = [
        FieldError(f"{field}[{place}]", reason)
        for place, id in enumerate(given)
        if (reason := wrong_id(str(id), kind)) is not None
    ]
    if wrong:
        raise invalid_fields(wrong[:MOST_FAULTS])
    return [read_id(field, str(id), kind) for id in given]


def _faults(event: ToldEvent, user_kind: IdKind, product_kind: IdKind) -> Iterator[tuple[str, str]]:
    """What is wrong with an event beyond its types: fields, and why."""
    for field, id, kind in (
        ("user_id", event.user_id, user_kind),
        ("product_id", event.product_id, product_kind),
    ):
        reason = wrong_id(str(id), kind)
        if reason is not None:
            yield field, reason
    for field, types in _ONLY_OF.items():
        if event.type not in types and getattr(event, field) != _DEFAULTS[field]:
            yield field, f"is of a {' or '.join(types)} only, and this is a {event.type}"
    if event.type == "rating" and event.rating is None:
        yield "rating", "is required for a rating"
    if event.type == "review" and event.review_text is None and event.rating is None:
        yield "review_text", "or rating is required for a review"


_DEFAULTS = {each.name: each.default for each in msgspec.structs.fields(ToldEvent)}

BODIES: tuple[type[msgspec.Struct], ...] = (Asking, ToldEvents, Rule)
"""Every body that a route takes."""
