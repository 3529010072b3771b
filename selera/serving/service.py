"""The recommendation service: every question that a shop asks, answered from model and database.

A user's history is folded into the model at each request, so what a user did a second ago counts,
and so does a user whom the training never saw. While the service follows the shop (`start`) it
remembers histories and catalogue, and forgets what it hears to have changed; else it reads at each
request. Where the database does not answer, the model's own memory of its users does.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Protocol

import numpy as np

from ..contracts.behaviors import BEHAVIORS, Behaviors
from ..contracts.errors import DatabaseError, ProductNotFound, SeleraError, UserNotFound
from ..contracts.events import Event, EventType
from ..contracts.ids import Id, IdKind, parse_id
from ..contracts.protocols import EventWriter, HistoryReader
from ..models import Recommender
from . import metrics
from .answers import (
    BatchAnswer,
    EventsAnswer,
    Health,
    ModelInfo,
    PopularAnswer,
    RecommendAnswer,
    SimilarAnswer,
    TrendingAnswer,
    UserAnswer,
    UserList,
)
from .baskets import basket_behaviors
from .catalogue import CatalogueReader
from .config import DEFAULT_LIMIT, ServingConfig
from .details import profile_of
from .everybody import Everybody
from .follower import Job
from .health import health_of
from .memory import Memory, Sources
from .personal import Personal
from .question import DEFAULT_QUESTION, Question
from .slot import LOOK_EVERY_S, ModelSlot, model_info
from .telling import write_events
from .trials import Side
from .users import User


class ShopReader(HistoryReader, CatalogueReader, Protocol):
    """What the service reads of a shop; `selera.database.Shop` is one."""

    def user_ids(self, offset: int, limit: int) -> list[Id]:
        """Ids in the profile table, in their order."""
        ...

    def count_users(self) -> int:
        """Number of ids in the profile table."""
        ...


class RecommendationService:
    """Answers from the current model of `models` and from what `shop` says.

    Safe to share between threads. Methods that need a model raise ModelNotReady or ArtifactError
    where there is none to use; those that cannot do without the shop raise DatabaseError where it
    does not answer.

    An id may be given typed, or as the text that stands in a URL or a command.
    """

    def __init__(
        self,
        models: ModelSlot,
        shop: ShopReader,
        config: ServingConfig | None = None,
        sources: Sources | None = None,
        events: EventWriter | None = None,
    ) -> None:
        self._models = models
        self._shop = shop
        self._config = config or ServingConfig()
        self._events = events
        self._memory = Memory(shop, self._config, sources or Sources())
        self._personal = Personal(self._memory, self._config)
        self._everybody = Everybody(self._memory)

    @property
    def user_id_kind(self) -> IdKind:
        """Whether the shop's users have integers or texts as ids."""
        return self._shop.user_id_kind

    @property
    def product_id_kind(self) -> IdKind:
        """Whether the shop's products have integers or texts as ids."""
        return self._shop.product_id_kind

    @property
    def diversity(self) -> float:
        """That of lists for which nobody says another."""
        return self._config.diversity

    def start(self) -> None:
        """Follow the shop from now on, and remember what it says; `close` ends it."""
        follow = partial(self._models.follow, self._prepare)
        self._memory.start(Job("the model", follow, LOOK_EVERY_S / 2, rest=1.0))

    def close(self) -> None:
        """Stop following the shop, and write down what experiments have yet to be told."""
        self._memory.close()

    def at_hand(self, user_id: Id) -> User | None:
        """The user where nobody waits for them; None elsewhere. For an id of the shop.

        They are remembered, or can be read at once. The latter only where the list, too, is made
        without a thread: one that composes would take the interpreter at every row.
        """
        may_read = self._personal.composes_quickly(self._who_answers(user_id)[0])
        return self._memory.user_at_hand(user_id, may_read=may_read)

    def meet(self, user_id: Id) -> User:
        """The user, from memory or read now; where nothing answers, as the model remembers them."""
        user_id = self._user_id(user_id)
        return self._memory.user(user_id, self._who_answers(user_id)[0])

    def is_quick(
        self, user_id: Id, met: User | None, question: Question = DEFAULT_QUESTION
    ) -> bool:
        """Whether `recommend` waits for nothing and computes little, once the user is `met`."""
        return self._personal.is_quick(met, self._who_answers(user_id)[0], question)

    def recommend(
        self, user_id: Id, question: Question = DEFAULT_QUESTION, met: User | None = None
    ) -> RecommendAnswer:
        """The best products for a user, best first; for one who was just `met`, or is met now.

        A user without a usable history (none, or none that says liking) gets what users of a like
        profile like, or, where the profile tells nothing, what most users like; `fallback` says so.
        Raises UserNotFound for an id with neither profile nor behavior, unless the question wants
        an unknown user answered.
        """
        user_id = self._user_id(user_id)
        model, side = self._who_answers(user_id)
        user = self._memory.user(user_id, model) if met is None else met.as_known_to(model, user_id)
        if user.is_current and not user.is_known and question.on_unknown == "error":
            raise _unknown_user(user_id)
        answer = self._personal.answer(user_id, user, model, question, side)
        if side is not None:
            self._memory.trials.expose(answer.recommendation_id, side, user_id)
        return answer

    def recommend_many(
        self, user_ids: Sequence[Id], question: Question = DEFAULT_QUESTION
    ) -> BatchAnswer:
        """`recommend` for each of several users; those whom nobody knows are told apart."""
        answers, unknown = [], []
        for user_id in user_ids:
            try:
                answers.append(self.recommend(user_id, question))
            except UserNotFound:
                unknown.append(user_id)
        return BatchAnswer(answers, unknown)

    def recommend_basket(
        self,
        product_ids: Sequence[Id],
        question: Question = DEFAULT_QUESTION,
        type: EventType = "visit",
    ) -> RecommendAnswer:
        """The best products for somebody without an id who met these, the latest last.

        Products that nobody knows say nothing; where all are such, `fallback` says so.
        """
        model = self._models.current()
        ids = [parse_id(str(id), self.product_id_kind) for id in product_ids]
        known = [id for id in ids if id is not None]
        user = User(None, Behaviors.of(basket_behaviors(known, type, model.rating_scale)))
        return self._personal.answer(None, user, model, question, None)

    def similar(self, product_id: Id, question: Question = DEFAULT_QUESTION) -> SimilarAnswer:
        """The products most like a product, best first.

        A product that the model cannot compare (it is newer than the training, or nobody liked it
        yet) gets what most users like, and `fallback` says so. Raises ProductNotFound for an id
        that is not in the catalogue.
        """
        return self._everybody.similar(
            self._models.current(), self.product_id(product_id), question
        )

    def popular(self, question: Question = DEFAULT_QUESTION) -> PopularAnswer:
        """The products that most users like, best first."""
        return self._everybody.popular(self._models.current(), question)

    def trending(self, question: Question = DEFAULT_QUESTION) -> TrendingAnswer:
        """The products that gain most users of late, the steepest rise first."""
        return self._everybody.trending(self._models.current(), question)

    def record(self, events: Sequence[Event]) -> EventsAnswer:
        """Write events into the shop's tables; they count in the next answer.

        Raises DatabaseError where the database does not take them: then none is written.
        """
        if self._events is None:
            raise DatabaseError("events are not taken here: no writer was given to the service")
        try:
            outcomes = write_events(self._events, events, self._models.current)
        except DatabaseError:
            metrics.count_events("failed", len(events))
            raise
        stored = [
            event
            for event, outcome in zip(events, outcomes, strict=True)
            if outcome.status == "stored"
        ]
        self._memory.users.wrote({event.user_id for event in stored})
        self._memory.trials.convert(stored)
        counts = Counter(outcome.status for outcome in outcomes)
        for status, n in counts.items():
            metrics.count_events(status, n)
        return EventsAnswer(
            counts["stored"], counts["duplicate"], counts["rejected"], list(outcomes)
        )

    def user(self, user_id: Id, *, profile: bool = True) -> UserAnswer:
        """A user's profile and the number of usable behaviors of each kind.

        Raises UserNotFound for an id with neither.
        """
        user_id = self._user_id(user_id)
        user = self._memory.users.get(user_id)
        if not user.is_known:
            raise _unknown_user(user_id)
        counts = np.bincount(user.behaviors.codes, minlength=len(BEHAVIORS)).tolist()
        fields = self._config.profile_fields if profile else ()
        return UserAnswer(
            user=profile_of(user_id, user.profile, fields),
            behaviors=dict(zip(BEHAVIORS, counts, strict=True)),
        )

    def users(self, *, limit: int = DEFAULT_LIMIT, offset: int = 0) -> UserList:
        """One page of the ids in the profile table."""
        return UserList(
            user_ids=self._shop.user_ids(offset, limit),
            limit=limit,
            offset=offset,
            total=self._shop.count_users(),
        )

    def forget(self, user_id: Id) -> None:
        """Remember nothing of a user who was erased."""
        self._memory.users.forget([self._user_id(user_id)])

    def model(self) -> ModelInfo:
        """The model that answers now; raises where there is none."""
        return model_info(self._models.current())

    def health(self) -> Health:
        """Model and age; degraded where the database is silent, which then takes no events.

        Raises where nothing can be answered: there is no model, or no catalogue yet.
        """
        return health_of(self._models.current(), self._memory, self._shop, self._config)

    def _prepare(self, model: Recommender) -> None:
        """Make ready what all answers of a new model need; the first of them will, where not."""
        with contextlib.suppress(SeleraError):
            self._memory.shelf(model)

    def _who_answers(self, user_id: Id) -> tuple[Recommender, Side | None]:
        """The model for this user, and of which side of the experiment it is, if of one."""
        current = self._models.current()
        side = self._memory.trials.side_of(user_id)
        return (current, None) if side is None else (side.model, side)

    def _user_id(self, user_id: Id) -> Id:
        parsed = parse_id(str(user_id), self.user_id_kind)
        if parsed is None:
            raise UserNotFound(f"{user_id!r} is no user id: the ids of this shop are integers")
        return parsed

    def product_id(self, product_id: Id) -> Id:
        """The id typed as the shop has it; ProductNotFound where it can be none."""
        parsed = parse_id(str(product_id), self.product_id_kind)
        if parsed is None:
            raise ProductNotFound(
                f"{product_id!r} is no product id: the ids of this shop are integers"
            )
        return parsed


def _unknown_user(user_id: Id) -> UserNotFound:
    return UserNotFound(
        f"no user {user_id!r}: neither a profile nor a behavior in the database bears this id"
    )
