"""Lists that are the same for everybody: like a product, popular, trending."""

from __future__ import annotations

import threading
import weakref

import numpy as np
from numpy.typing import NDArray

from ..contracts.errors import ProductNotFound
from ..contracts.ids import UNKNOWN_ROW, Id
from ..models import Recommender
from ..models.topn import best_places
from ..models.trending import trending
from .answers import PopularAnswer, SimilarAnswer, TrendingAnswer
from .details import trimmed
from .lists import Choice, Place, places_of, ranked
from .memory import Memory
from .question import Question
from .slot import model_info

_NOBODY: frozenset[Id] = frozenset()
_NONE_SEEN = np.empty(0, dtype=np.int32)

_Trend = tuple[NDArray[np.float32], float]


class Everybody:
    """Answers the questions that no user asks; of the rules, those that hide concern them."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._lock = threading.Lock()
        self._trend: tuple[weakref.ref[Recommender], _Trend] | None = None

    def similar(self, model: Recommender, product_id: Id, question: Question) -> SimilarAnswer:
        """The products most like one; `fallback` where the model cannot compare it."""
        open = self._open(model, question)
        product = self._memory.catalogue.details([product_id]).get(product_id)
        if product is None:
            raise ProductNotFound(f"no product {product_id!r} in the shop's catalogue")
        item = model.items.row(product_id)
        places: list[Place] = []
        if item != UNKNOWN_ROW:
            open[item] = False
        if item != UNKNOWN_ROW and not model.is_popularity:
            pairs = model.similar(item, question.limit, allowed=open)
            places = places_of(pairs, model, self._memory.catalogue)
        is_fallback = not places
        if is_fallback:
            pairs = model.popular(question.limit, allowed=open)
            places = places_of(pairs, model, self._memory.catalogue)
        return SimilarAnswer(
            product=trimmed(product, question.fields),
            similar=ranked(places, question),
            fallback="popular" if is_fallback else None,
            model=model_info(model),
        )

    def popular(self, model: Recommender, question: Question) -> PopularAnswer:
        """What most users like."""
        pairs = model.popular(question.limit, allowed=self._open(model, question))
        places = places_of(pairs, model, self._memory.catalogue)
        return PopularAnswer(popular=ranked(places, question), model=model_info(model))

    def trending(self, model: Recommender, question: Question) -> TrendingAnswer:
        """What gains most users of late."""
        scores, window_days = self._trend_of(model)
        open = self._open(model, question)
        best = best_places(np.where(open, scores, np.float32(-np.inf)), question.limit)
        pairs = list(zip(best.tolist(), scores[best].tolist(), strict=True))
        places = places_of(pairs, model, self._memory.catalogue)
        days = None if np.isnan(window_days) else round(window_days, 3)
        return TrendingAnswer(ranked(places, question), days, model_info(model))

    def _open(self, model: Recommender, question: Question) -> NDArray[np.bool_]:
        shelf = self._memory.shelf(model)
        rules = self._memory.rules.in_force()
        effects = self._memory.rules.effects(shelf, rules)
        return Choice(shelf, question.filters, effects, _NOBODY).items(_NONE_SEEN)

    def _trend_of(self, model: Recommender) -> _Trend:
        """The trends of this model, computed when they are first asked for."""
        with self._lock:
            if self._trend is None or self._trend[0]() is not model:
                self._trend = (weakref.ref(model), trending(model.histories, len(model.items)))
            return self._trend[1]
