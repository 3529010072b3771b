"""The recommendation service: every question that a shop asks, answered from model and database.

Nothing about a user is kept: the history is read from the database at each request and folded into
the model, so what a user did a second ago counts, and so does a user whom the training never saw.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..contracts.behaviors import BEHAVIORS, BehaviorRow
from ..contracts.errors import ProductNotFound, UserNotFound
from ..contracts.histories import Histories
from ..contracts.ids import UNKNOWN_ROW, Id, IdKind, parse_id
from ..contracts.protocols import Catalogue, HistoryReader
from ..models import Recommender
from .answers import (
    Health,
    PopularAnswer,
    RecommendAnswer,
    Recommendation,
    SimilarAnswer,
    UserAnswer,
    UserList,
)
from .config import DEFAULT_LIMIT, OnUnknown, ServingConfig
from .details import product_of, profile_of
from .lists import Found, fill, ranked, rounded
from .reasons import explain_list
from .slot import ModelSlot, model_info

_POPULAR: Literal["popular"] = "popular"
_PROFILE: Literal["profile"] = "profile"


class ShopReader(HistoryReader, Catalogue, Protocol):
    """What the service reads of a shop; `selera.database.Shop` is one."""

    def user_ids(self, offset: int, limit: int) -> list[Id]:
        """Ids in the profile table, in their order."""
        ...

    def count_users(self) -> int:
        """Number of ids in the profile table."""
        ...

    def ping(self) -> None:
        """Raises DatabaseError where the database does not answer."""
        ...


class RecommendationService:
    """Answers from the current model of `models` and from what `shop` says at this moment.

    Safe to share between threads. Every method raises DatabaseError where the shop does not answer;
    those that need a model raise ModelNotReady or ArtifactError where there is none to use.

    An id may be given typed, or as the text that stands in a URL or a command.
    """

    def __init__(
        self, models: ModelSlot, shop: ShopReader, config: ServingConfig | None = None
    ) -> None:
        self._models = models
        self._shop = shop
        self._config = config or ServingConfig()

    @property
    def user_id_kind(self) -> IdKind:
        """Whether the shop's users have integers or texts as ids."""
        return self._shop.user_id_kind

    @property
    def product_id_kind(self) -> IdKind:
        """Whether the shop's products have integers or texts as ids."""
        return self._shop.product_id_kind

    def recommend(
        self,
        user_id: Id,
        *,
        limit: int = DEFAULT_LIMIT,
        include_seen: bool = False,
        on_unknown: OnUnknown = "error",
        explain: bool = True,
    ) -> RecommendAnswer:
        """The `limit` best products for a user, best first, those already seen left out.

        A user without a usable history (none, or none that says liking) gets what users of a like
        profile like, or, where the profile tells nothing, what most users like; `fallback` says so.
        Raises UserNotFound for an id with neither profile nor behavior, unless `on_unknown` is
        "popular".
        """
        model = self._models.current()
        user_id = self._user_id(user_id)
        profile, behaviors = self._shop.profile(user_id), self._shop.history(user_id)
        if profile is None and not behaviors and on_unknown == "error":
            raise _unknown_user(user_id)
        history = model.history(behaviors)
        scores = model.score(history)
        personal = bool(model.knows(history, scores)[0])
        telling = model.cold_start.telling(profile or {})
        if personal:
            best = _personal(model, history, scores, include_seen)
        else:
            best = _popular(model, history, include_seen, telling)
        found = fill(limit, best, model.items, self._shop)
        fallback = None if personal else _PROFILE if len(telling) else _POPULAR
        return RecommendAnswer(
            user=profile_of(user_id, profile, self._config.profile_fields),
            recommendations=self._recommendations(
                model,
                history,
                behaviors if personal and explain else (),
                found,
                source=fallback or model.algorithm,
            ),
            fallback=fallback,
            model=model_info(model),
            recommendation_id=uuid.uuid4().hex,
        )

    def _recommendations(
        self,
        model: Recommender,
        history: Histories,
        explained_by: Sequence[BehaviorRow],
        found: Sequence[Found],
        *,
        source: str,
    ) -> list[Recommendation]:
        items = np.array([place.item for place in found], dtype=np.int32)
        ratings = model.predict_ratings(history, items)
        reasons = (
            explain_list(model, history, explained_by, found, self._shop, self._config.max_reasons)
            if explained_by
            else [[] for _ in found]
        )
        return [
            Recommendation(
                rank=place + 1,
                score=rounded(each.score),
                predicted_rating=None if ratings is None else round(float(ratings[0, place]), 2),
                product=each.product,
                source=source,
                reasons=reasons[place],
            )
            for place, each in enumerate(found)
        ]

    def similar(self, product_id: Id, *, limit: int = DEFAULT_LIMIT) -> SimilarAnswer:
        """The `limit` products most like a product, best first.

        A product that the model cannot compare (it is newer than the training, or nobody liked it
        yet) gets what most users like, and `fallback` says so. Raises ProductNotFound for an id
        that is not in the catalogue.
        """
        model = self._models.current()
        product_id = self._product_id(product_id)
        details = self._shop.products([product_id]).get(product_id)
        if details is None:
            raise _unknown_product(product_id)
        item = model.items.row(product_id)
        found: list[Found] = []
        if item != UNKNOWN_ROW:
            found = fill(limit, lambda n: model.similar(item, n), model.items, self._shop)
        fallback = not found
        if fallback:
            others = np.arange(len(model.items)) != item
            found = fill(limit, lambda n: model.popular(n, allowed=others), model.items, self._shop)
        return SimilarAnswer(
            product=product_of(product_id, details),
            similar=ranked(found),
            fallback=_POPULAR if fallback else None,
            model=model_info(model),
        )

    def popular(self, *, limit: int = DEFAULT_LIMIT) -> PopularAnswer:
        """The `limit` products that most users like, best first."""
        model = self._models.current()
        found = fill(limit, model.popular, model.items, self._shop)
        return PopularAnswer(popular=ranked(found), model=model_info(model))

    def user(self, user_id: Id) -> UserAnswer:
        """A user's profile and the number of usable behaviors of each kind.

        Raises UserNotFound for an id with neither.
        """
        user_id = self._user_id(user_id)
        profile, behaviors = self._shop.profile(user_id), self._shop.history(user_id)
        if profile is None and not behaviors:
            raise _unknown_user(user_id)
        counts = Counter(row.behavior for row in behaviors)
        return UserAnswer(
            user=profile_of(user_id, profile, self._config.profile_fields),
            behaviors={behavior: counts[behavior] for behavior in BEHAVIORS},
        )

    def users(self, *, limit: int = DEFAULT_LIMIT, offset: int = 0) -> UserList:
        """One page of the ids in the profile table."""
        return UserList(
            user_ids=self._shop.user_ids(offset, limit),
            limit=limit,
            offset=offset,
            total=self._shop.count_users(),
        )

    def health(self) -> Health:
        """Model and age, where both the model and the database can answer; raises where not."""
        model = self._models.current()
        self._shop.ping()
        return Health("ready", model_info(model), age_s(model.trained_at))

    def _user_id(self, user_id: Id) -> Id:
        parsed = parse_id(str(user_id), self.user_id_kind)
        if parsed is None:
            raise UserNotFound(f"{user_id!r} is no user id: the ids of this shop are integers")
        return parsed

    def _product_id(self, product_id: Id) -> Id:
        parsed = parse_id(str(product_id), self.product_id_kind)
        if parsed is None:
            raise ProductNotFound(
                f"{product_id!r} is no product id: the ids of this shop are integers"
            )
        return parsed


_Best = Callable[[int], list[tuple[int, float]]]


def _personal(
    model: Recommender, history: Histories, scores: NDArray[np.float32], include_seen: bool
) -> _Best:
    return lambda n: model.recommend(history, n, exclude_seen=not include_seen, scores=scores).list(
        0
    )


def _popular(
    model: Recommender, history: Histories, include_seen: bool, profile: NDArray[np.int32]
) -> _Best:
    """What users of such a profile like, the seen ones left out unless asked for."""
    allowed = np.ones(len(model.items), dtype=np.bool_)
    allowed[history.items] = include_seen
    return lambda n: model.popular(n, allowed=allowed, profile=profile)


def _unknown_user(user_id: Id) -> UserNotFound:
    return UserNotFound(
        f"no user {user_id!r}: neither a profile nor a behavior in the database bears this id"
    )


def _unknown_product(product_id: Id) -> ProductNotFound:
    return ProductNotFound(f"no product {product_id!r} in the shop's catalogue")


def age_s(trained_at: str) -> float | None:
    """Seconds since `trained_at`, ISO 8601; None where it is not told."""
    try:
        then = datetime.fromisoformat(trained_at)
    except ValueError:
        return None
    return round((datetime.now(UTC) - then).total_seconds(), 1) if then.tzinfo else None
