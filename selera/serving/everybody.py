"""Lists that are the same for everybody: like a product, popular, trending."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..contracts.errors import ProductNotFound
from ..contracts.ids import UNKNOWN_ROW, Id
from ..models import Recommender
from ..models.recommender import NO_HISTORY
from ..models.topn import best_places
from ..models.trending import trending
from .answers import PopularAnswer, ScoredProduct, SimilarAnswer, TrendingAnswer
from .details import trimmed
from .lists import Choice, Place, closing_score, places_of, ranked
from .memory import Memory
from .new_products import closing_places
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
        choice = self._choice(model, question, frozenset((product_id,)))
        catalogue = self._memory.catalogue
        product = catalogue.details([product_id]).get(product_id)
        if product is None:
            raise ProductNotFound(f"no product {product_id!r} in the shop's catalogue")
        item = model.items.row(product_id)
        is_item = item != UNKNOWN_ROW
        open = choice.items(np.array([item] if is_item else [], dtype=np.int32))
        places: list[Place] = []
        if is_item and not model.is_popularity:
            pairs = model.similar(item, question.limit, allowed=open)
            places = places_of(pairs, model, catalogue)
        is_fallback = not places
        if is_fallback:
            places = places_of(model.popular(question.limit, allowed=open), model, catalogue)
        return SimilarAnswer(
            product=trimmed(product, question.fields),
            similar=self._filled(places, model, choice, open, question),
            fallback="popular" if is_fallback else None,
            model=model_info(model),
        )

    def popular(self, model: Recommender, question: Question) -> PopularAnswer:
        """What most users like."""
        choice = self._choice(model, question)
        open = choice.items(_NONE_SEEN)
        pairs = model.popular(question.limit, allowed=open)
        places = places_of(pairs, model, self._memory.catalogue)
        return PopularAnswer(
            self._filled(places, model, choice, open, question), model=model_info(model)
        )

    def trending(self, model: Recommender, question: Question) -> TrendingAnswer:
        """What gains most users of late."""
        scores, window_days = self._trend_of(model)
        choice = self._choice(model, question)
        open = choice.items(_NONE_SEEN)
        best = best_places(np.where(open, scores, np.float32(-np.inf)), question.limit)
        pairs = list(zip(best.tolist(), scores[best].tolist(), strict=True))
        places = places_of(pairs, model, self._memory.catalogue)
        listed = self._filled(places, model, choice, open, question)
        days = None if np.isnan(window_days) else round(window_days, 3)
        return TrendingAnswer(listed, days, model_info(model))

    def _choice(
        self, model: Recommender, question: Question, seen: frozenset[Id] = _NOBODY
    ) -> Choice:
        shelf = self._memory.shelf(model)
        rules = self._memory.rules.in_force()
        effects = self._memory.rules.effects(shelf, rules)
        return Choice(shelf, question.filters, effects, seen)

    def _filled(
        self,
        places: Sequence[Place],
        model: Recommender,
        choice: Choice,
        open: NDArray[np.bool_],
        question: Question,
    ) -> list[ScoredProduct]:
        """The list of these places; in those that are left popular products, after these new ones.

        `open`, bool (n_items,), are the items that may be listed.
        """
        catalogue, limit = self._memory.catalogue, question.limit
        if len(places) < limit:
            rest = open.copy()
            rest[[place.item for place in places]] = False
            pairs = model.popular(limit - len(places), allowed=rest)
            score = closing_score(places)
            places = [*places, *places_of([(item, score) for item, _ in pairs], model, catalogue)]
        if len(places) < limit:
            taste, n = model.popular_taste(NO_HISTORY), limit - len(places)
            places = [*places, *closing_places(model, taste, choice, catalogue, places, n)]
        return ranked(places, question)

    def _trend_of(self, model: Recommender) -> _Trend:
        """The trends of this model, computed when they are first asked for."""
        with self._lock:
            if self._trend is None or self._trend[0]() is not model:
                self._trend = (weakref.ref(model), trending(model.histories, len(model.items)))
            return self._trend[1]
