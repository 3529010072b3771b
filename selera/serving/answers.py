"""The answers of the service: what the REST API and `--json` say, field by field."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ..contracts.behaviors import Behavior
from ..contracts.events import EventOutcome
from ..contracts.ids import Id

ReasonType = Literal[
    "because_you_visited",
    "because_you_bought",
    "because_you_rated",
    "because_you_reviewed",
    "boosted_by_rule",
]
Fallback = Annotated[
    Literal["popular"] | None,
    Meta(description="`popular` where the list is not personal but what most users like."),
]
UserFallback = Annotated[
    Literal["profile", "popular"] | None,
    Meta(
        description="`profile` where the list is what users of a like profile like, `popular` where"
        " it is what most users like; null where it is of the user's own history."
    ),
]


class UserProfile(msgspec.Struct, frozen=True):
    """A user as the shop knows them.

    A field that the database does not know is null; one that may not leave the service is absent.
    """

    user_id: Id
    name: str | UnsetType | None = UNSET
    gender: str | UnsetType | None = UNSET
    age: int | UnsetType | None = UNSET
    location: str | UnsetType | None = UNSET


class Product(msgspec.Struct, frozen=True, gc=False):
    """A product with its details; null where the database knows none.

    Absent are fields that were not asked for and, after `brand`, those for which the shop's table
    has no column.
    """

    product_id: Id
    product_name: str | UnsetType | None = UNSET
    category: str | UnsetType | None = UNSET
    tag: str | UnsetType | None = UNSET
    source_country: str | UnsetType | None = UNSET
    price: float | UnsetType | None = UNSET
    brand: str | UnsetType | None = UNSET
    currency: str | UnsetType | None = UNSET
    stock: int | UnsetType | None = UNSET
    image_url: str | UnsetType | None = UNSET


class Reason(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What put a product there, and how much of the score is due to it.

    A product of the user's own history, or, with `rule`, a rule of the shop.
    """

    type: ReasonType
    product_id: Id | None = None
    product_name: str | None = None
    contribution: Annotated[float, Meta(description="What it adds to the score.")] = 0.0
    rule: str | None = None


class Recommendation(msgspec.Struct, frozen=True, gc=False):
    """One place of a recommended list."""

    rank: Annotated[int, Meta(ge=1)]
    score: Annotated[float, Meta(description="What the list is ordered by; its scale is free.")]
    predicted_rating: Annotated[
        float | None, Meta(description="Stars on the shop's scale; null where nobody rates.")
    ]
    product: Product
    source: Annotated[
        str,
        Meta(
            description="What put it there: an algorithm, `profile`, `popular`, `new` (a product"
            " without behavior), `rule` (pinned by the shop) or `filler` (outside of"
            " the filters, where `strict` is false)."
        ),
    ]
    reasons: tuple[Reason, ...]
    baseline: Annotated[
        float | None,
        Meta(
            description="What is left of the score without the contributions of `reasons`: they"
            " and it sum to the score exactly. Null where `explain` is false."
        ),
    ] = None
    rule: Annotated[str | UnsetType, Meta(description="The rule that pinned it; else absent.")] = (
        UNSET
    )


class ModelInfo(msgspec.Struct, frozen=True):
    """The model that answered."""

    version: str
    algorithm: str
    trained_at: Annotated[str, Meta(description="ISO 8601, UTC.")]
    data_sha256: Annotated[str, Meta(description="SHA-256 of the data-training.csv behind it.")]


class Assignment(msgspec.Struct, frozen=True):
    """The experiment that the user is part of, and on which side."""

    name: str
    variant: Literal["control", "treatment"]


class RecommendAnswer(msgspec.Struct, frozen=True):
    """The products recommended to a user, best first."""

    user: Annotated[
        UserProfile | None, Meta(description="Null where a basket asked, and not a user.")
    ]
    recommendations: list[Recommendation]
    fallback: UserFallback
    model: ModelInfo
    recommendation_id: Annotated[
        str, Meta(description="New for every answer; send it with the events that it leads to.")
    ]
    degraded: Annotated[
        bool,
        Meta(
            description="True while the database does not answer: made from what was known before."
        ),
    ] = False
    experiment: Assignment | UnsetType = UNSET


class BatchAnswer(msgspec.Struct, frozen=True):
    """Lists for several users, in the order in which they were asked for."""

    answers: list[RecommendAnswer]
    unknown_user_ids: Annotated[
        list[Id], Meta(description="Users whom nobody knows; they have no list.")
    ]


class ScoredProduct(msgspec.Struct, frozen=True):
    """One place of a list that is the same for everybody."""

    rank: Annotated[int, Meta(ge=1)]
    score: float
    product: Product


class SimilarAnswer(msgspec.Struct, frozen=True):
    """The products most like one product, best first."""

    product: Product
    similar: list[ScoredProduct]
    fallback: Fallback
    model: ModelInfo


class PopularAnswer(msgspec.Struct, frozen=True):
    """The products that most users like, best first."""

    popular: list[ScoredProduct]
    model: ModelInfo


class TrendingAnswer(msgspec.Struct, frozen=True):
    """The products that gain most users of late, the steepest rise first."""

    trending: list[ScoredProduct]
    window_days: Annotated[
        float | None,
        Meta(
            description="Days that count as of late, back from the end of what was learnt; null"
            " where the data know no time."
        ),
    ]
    model: ModelInfo


class EventsAnswer(msgspec.Struct, frozen=True):
    """What became of each event, in the order in which they were sent."""

    stored: int
    duplicates: int
    rejected: int
    outcomes: list[EventOutcome]


class UserAnswer(msgspec.Struct, frozen=True):
    """A user's profile, and how many usable behaviors of each kind the database holds."""

    user: UserProfile
    behaviors: dict[Behavior, int]


class UserList(msgspec.Struct, frozen=True):
    """One page of the ids in the profile table, in the order of the ids."""

    user_ids: list[Id]
    limit: int
    offset: int
    total: int


class Health(msgspec.Struct, frozen=True):
    """A service that can answer: its model is loaded.

    `degraded` where its database does not respond: it answers from the model and from what it
    remembers, and takes no events.
    """

    status: Literal["ready", "degraded"]
    model: ModelInfo
    model_age_s: Annotated[
        float | None, Meta(description="Seconds since the training; null where it is not told.")
    ]
    model_is_stale: bool
