"""The answers of the service: what the REST API and `--json` say, field by field."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ..contracts.behaviors import Behavior
from ..contracts.ids import Id

ReasonType = Literal[
    "because_you_visited", "because_you_bought", "because_you_rated", "because_you_reviewed"
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


class Product(msgspec.Struct, frozen=True):
    """A product with its details; null where the database knows none.

    The fields after `brand` are absent where the shop's table has no such column.
    """

    product_id: Id
    product_name: str | None
    category: str | None
    tag: str | None
    source_country: str | None
    price: float | None
    brand: str | None
    currency: str | UnsetType | None = UNSET
    stock: int | UnsetType | None = UNSET
    image_url: str | UnsetType | None = UNSET


class Reason(msgspec.Struct, frozen=True):
    """A product of the user's own history, and how much of the score is due to it."""

    type: ReasonType
    product_id: Id
    product_name: str | None
    contribution: Annotated[
        float, Meta(description="What this product adds to the score, exactly; above 0.")
    ]


class Recommendation(msgspec.Struct, frozen=True):
    """One place of a recommended list."""

    rank: Annotated[int, Meta(ge=1)]
    score: Annotated[float, Meta(description="What the list is ordered by; its scale is free.")]
    predicted_rating: Annotated[
        float | None, Meta(description="Stars on the shop's scale; null where nobody rates.")
    ]
    product: Product
    source: Annotated[
        str, Meta(description="What put it there: an algorithm, `profile` or `popular`.")
    ]
    reasons: list[Reason]


class ModelInfo(msgspec.Struct, frozen=True):
    """The model that answered."""

    version: str
    algorithm: str
    trained_at: Annotated[str, Meta(description="ISO 8601, UTC.")]
    data_sha256: Annotated[str, Meta(description="SHA-256 of the data-training.csv behind it.")]


class RecommendAnswer(msgspec.Struct, frozen=True):
    """The products recommended to a user, best first."""

    user: UserProfile
    recommendations: list[Recommendation]
    fallback: UserFallback
    model: ModelInfo
    recommendation_id: Annotated[str, Meta(description="New for every answer.")]


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
    """A service that can answer: its model is loaded and its database responds."""

    status: Literal["ready"]
    model: ModelInfo
    model_age_s: Annotated[
        float | None, Meta(description="Seconds since the training; null where it is not told.")
    ]
