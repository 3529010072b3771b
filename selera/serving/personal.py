"""A user's own answer: the list, why each product is on it, and who answered."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from collections.abc import Hashable, Sequence

import msgspec
import numpy as np

from ..contracts.ids import UNKNOWN_ROW, Id
from ..contracts.protocols import Taste
from ..models import Recommender
from . import metrics
from .answers import Reason, RecommendAnswer, Recommendation, UserFallback
from .composing import Composer, n_candidates
from .config import ServingConfig
from .details import profile_of, trimmed
from .lists import Choice, Place, in_steps, steps_of
from .memory import Memory
from .merchandise import InForce
from .new_products import score_new_products
from .question import Question
from .reasons import Told, boost_reasons, explain_list, with_baseline
from .shelf import Shelf
from .slot import model_info
from .trials import Side
from .users import MOST_PLACES, Listed, User

_NOBODY: frozenset[Id] = frozenset()

QUICK_S = 0.005
"""Of computing, below which nothing else suffers where it waits for a list; made in a thread, it
would keep the interpreter for longer, since that is handed to and fro."""

_SHARE_OF_LESS = 0.1
_SHARE_OF_MORE = 0.01
"""How far the latest list moves what is usual: a busy machine makes all of them look slow."""


class Personal:
    """Answers for one user, or one basket, at a time."""

    def __init__(self, memory: Memory, config: ServingConfig) -> None:
        self._memory = memory
        self._config = config
        self._usual_s = QUICK_S  # of processor time for a list, until one tells more

    def composes_quickly(self, model: Recommender) -> bool:
        """Whether composing a list usually takes next to no time, and reads no products."""
        return self._usual_s < QUICK_S and self._memory.has_products(model)

    def is_quick(self, user: User | None, model: Recommender, question: Question) -> bool:
        """Whether the list is remembered, or composed quickly."""
        if self.composes_quickly(model):
            return True
        if user is None or not self._memory.has_shelf(model):
            return False
        key = _key(self._memory.shelf(model), self._memory.rules.in_force(), question)
        return user.listed(key) is not None

    def answer(
        self,
        user_id: Id | None,
        user: User,
        model: Recommender,
        question: Question,
        side: Side | None,
    ) -> RecommendAnswer:
        """The answer; `user_id` is None for a basket, `side` for a user in no experiment."""
        listed = self._listed(user, model, question)
        for source, n in listed.sources:
            metrics.count_recommendations(listed.fallback, source, n)
        degraded = not (user.is_current and self._memory.answers)
        if degraded:
            metrics.count_degraded()
        # A profile that could not be read has no fields: null would say that they are empty.
        is_told = question.profile and (user.is_current or user.profile is not None)
        fields = self._config.profile_fields if is_told else ()
        return RecommendAnswer(
            user=None if user_id is None else profile_of(user_id, user.profile, fields),
            recommendations=list(listed.recommendations),
            fallback=listed.fallback,
            model=model_info(model),
            recommendation_id=secrets.token_hex(16),
            degraded=degraded,
            experiment=msgspec.UNSET if side is None else side.told(),
        )

    def _listed(self, user: User, model: Recommender, question: Question) -> Listed:
        shelf, rules = self._memory.shelf(model), self._memory.rules.in_force()
        key = _key(shelf, rules, question)
        listed = user.listed(key)
        if listed is None:
            effects = self._memory.rules.effects(shelf, rules)
            seen = _NOBODY if question.include_seen else _seen(user, model)
            choice = Choice(shelf, question.filters, effects, seen)
            silences = self._memory.silences
            began = time.thread_time()
            listed = self._compose(user, model, question, choice)
            self._learn(time.thread_time() - began)
            # What was made while nothing answered may lack names, and is told this once.
            is_whole = self._memory.answers and silences == self._memory.silences
            if is_whole and len(question.filters.exclude) <= MOST_PLACES:
                user.remember(key, listed)
        return listed

    def _learn(self, seconds: float) -> None:
        """What composing usually takes, when nothing is in its way."""
        more = seconds - self._usual_s
        self._usual_s += more * (_SHARE_OF_MORE if more > 0 else _SHARE_OF_LESS)

    def _compose(
        self, user: User, model: Recommender, question: Question, choice: Choice
    ) -> Listed:
        history = user.history(model)
        taste = model.taste(history)
        fallback: UserFallback = None
        if not model.is_personal(taste):
            telling = model.cold_start.telling(user.profile or {})
            taste = model.popular_taste(history, telling)
            fallback = "profile" if len(telling) else "popular"
        elif model.is_popularity:
            fallback = "popular"
        most_new = n_candidates(question)
        new = {} if fallback else score_new_products(model, taste, choice, most_new)
        composer = Composer(model, self._memory.catalogue, taste, choice, question, new)
        places = composer.places()
        steps = [steps_of(place.score) for place in places]
        told = self._told(composer, places, steps, model, taste, question, is_personal=not fallback)
        stars = _stars(places, model, taste)
        source = fallback or model.algorithm
        recommendations = tuple(
            Recommendation(
                rank=rank,
                score=in_steps(place.score, each),
                predicted_rating=rating,
                product=trimmed(place.product, question.fields),
                source=place.source or source,
                reasons=() if reasons is None else reasons[0],
                baseline=None if reasons is None else reasons[1],
                rule=msgspec.UNSET if place.rule is None else place.rule,
            )
            for rank, (place, each, reasons, rating) in enumerate(
                zip(places, steps, told, stars, strict=True), start=1
            )
        )
        sources = Counter(each.source for each in recommendations)
        return Listed(recommendations, fallback, tuple(sources.items()))

    def _told(
        self,
        composer: Composer,
        places: Sequence[Place],
        steps: Sequence[float],
        model: Recommender,
        taste: Taste,
        question: Question,
        *,
        is_personal: bool,
    ) -> Sequence[Told | None]:
        """Why each place is on the list: the user's own products, and what rules add."""
        if not question.explain:
            return [None] * len(places)
        own: Sequence[list[Reason]] = [[] for _ in places]
        if is_personal:
            catalogue, most = self._memory.catalogue, self._config.max_reasons
            own = explain_list(model, taste, places, steps, catalogue, most)
        told = []
        for place, each, reasons in zip(places, steps, own, strict=True):
            boosts = composer.boosts(place)
            if boosts:
                reasons += boost_reasons(boosts, composer.lift_unit(), each)
            told.append(with_baseline(reasons, place.score, each))
        return told


def _key(shelf: Shelf, rules: InForce, question: Question) -> Hashable:
    """What a remembered list depends on besides its user; a shelf is of one model."""
    return shelf.number, rules.number, question


def _stars(places: Sequence[Place], model: Recommender, taste: Taste) -> list[float | None]:
    """The predicted stars of each place; None for what the model cannot rate."""
    told: list[float | None] = [None] * len(places)
    rated = [at for at, place in enumerate(places) if place.item != UNKNOWN_ROW]
    items = np.array([places[at].item for at in rated], dtype=np.int32)
    stars = model.predict_ratings(taste.history, items) if rated else None
    if stars is not None:
        for at, each in zip(rated, stars[0].tolist(), strict=True):
            told[at] = round(each, 2)
    return told


def _seen(user: User, model: Recommender) -> frozenset[Id]:
    """The products that the user knows, also those that the model lacks."""
    if len(user.behaviors):
        return frozenset(user.behaviors.products())
    return frozenset(model.items.ids(user.history(model).items))
