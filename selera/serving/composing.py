"""Composing a list: from what a model makes of a history to the places of the list."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..contracts.ids import UNKNOWN_ROW, Id
from ..contracts.protocols import Taste
from ..models import Recommender
from ..models.diversity import diversify
from ..models.retrieval import retrieve
from .catalogue import LiveCatalogue
from .lists import Choice, Place
from .merchandise import Boost
from .new_products import closing_places
from .question import Question

_FEWEST_CANDIDATES = 100
_CANDIDATES_PER_PLACE = 5
"""Out of how many of the best a list is chosen that is not ordered by score alone."""


def n_candidates(question: Question) -> int:
    """Out of how many of the best a list is chosen."""
    if not question.diversity:
        return question.limit
    return max(_FEWEST_CANDIDATES, _CANDIDATES_PER_PLACE * question.limit)


class Composer:
    """Makes one list: for one taste, one question, and what may be listed for it.

    seen : int32, item rows that the user knows; they are left out where the choice says so
    new : scores of products that the model lacks, by id; those that may be listed
    """

    def __init__(
        self,
        model: Recommender,
        catalogue: LiveCatalogue,
        taste: Taste,
        choice: Choice,
        question: Question,
        new: Mapping[Id, float],
    ) -> None:
        self._model = model
        self._catalogue = catalogue
        self._taste = taste
        self._choice = choice
        self._question = question
        self._seen = taste.history.items
        self._deviation: float | None = None
        self._new = {id: score + self._added(id) for id, score in new.items()}

    def places(self) -> list[Place]:
        """The places of the list, in their order: pinned, the best, new, and what fills it up."""
        limit = self._question.limit
        pinned = self._pinned(limit)
        chosen = {place.product.product_id for place in pinned}
        open = self._choice.items(self._seen)
        open[[place.item for place in pinned if place.item != UNKNOWN_ROW]] = False
        places = pinned + self._best(open, limit - len(pinned), chosen)
        places += self._closing(places, limit - len(places))
        if not self._question.strict and len(places) < limit:
            listed = [place.item for place in places if place.item != UNKNOWN_ROW]
            others = self._choice.others(self._question.filters.relaxed(), self._seen)
            others[listed] = False
            found = self._found(others, limit - len(places))
            places += [place._replace(source="filler") for place in found]
        return places

    def score_of(self, item: int) -> float:
        """The score of one item, with what rules add to it."""
        return float(self._scores(np.array([item]))[0])

    def boosts(self, place: Place) -> list[Boost]:
        """What rules add to the score of a place, rule by rule."""
        if place.source == "new" and place.product.product_id not in self._new:
            return []  # it closes the list: nothing is added to what has no score
        return self._choice.boosts(place.product.product_id)

    def lift_unit(self) -> float:
        """What a boost of strength 1 adds to a score: the deviation of the user's scores."""
        if self._deviation is None:
            self._deviation = self._taste.moments()[1]
        return self._deviation

    def _score_of_new(self, product_id: Id) -> float:
        return self._new.get(product_id, self._added(product_id))

    def _pinned(self, limit: int) -> list[Place]:
        """What rules put first; of a product that the model cannot score, what rules add."""
        pinned = self._choice.pinned(limit)
        if not pinned:
            return []
        products = self._catalogue.details(list(pinned))
        places = []
        for id, rule in pinned.items():
            if id in products:
                item = self._model.items.row(id)
                score = self._score_of_new(id) if item == UNKNOWN_ROW else self.score_of(item)
                places.append(Place(item, score, products[id], "rule", rule))
        return places

    def _best(self, open: NDArray[np.bool_], n: int, chosen: set[Id]) -> list[Place]:
        """The n best of the open items and of the new products, without those chosen already."""
        if n <= 0:
            return []
        diversity = self._question.diversity
        wanted = n_candidates(self._question)
        places = self._found(open, wanted)
        new = self._best_new(wanted, chosen)
        if new:
            places = sorted(places + new, key=lambda place: -place.score)[:wanted]
        return self._diverse(places, n, diversity) if diversity else places[:n]

    def _best_new(self, n: int, chosen: set[Id]) -> list[Place]:
        """The n best of the new products, without those chosen already; ties: the lower row."""
        new = [(id, score) for id, score in self._new.items() if id not in chosen]
        new = sorted(new, key=lambda each: -each[1])[:n]
        products = self._catalogue.details([id for id, _ in new])
        return [
            Place(UNKNOWN_ROW, score, products[id], "new") for id, score in new if id in products
        ]

    def _closing(self, places: list[Place], n: int) -> list[Place]:
        """The n new products that close the list, where it has places left and they have none."""
        if n <= 0 or self._new:
            return []
        return closing_places(self._model, self._taste, self._choice, self._catalogue, places, n)

    def _added(self, product_id: Id) -> float:
        """What rules add to the score of a product that the model lacks."""
        boosts = self._choice.boosts(product_id)
        return sum(boost.strength for boost in boosts) * self.lift_unit() if boosts else 0.0

    def _found(self, open: NDArray[np.bool_], n: int) -> list[Place]:
        """The n best open items whose products the catalogue still has."""
        places: list[Place] = []
        while True:
            items, scores = self._ordered(open, n - len(places))
            ids = self._model.items.ids(items)
            products = self._catalogue.details(ids)
            places += [
                Place(item, score, products[id])
                for item, score, id in zip(items.tolist(), scores.tolist(), ids, strict=True)
                if id in products
            ]
            if len(places) >= n or len(products) == len(ids):
                return places
            open[items] = False

    def _ordered(
        self, open: NDArray[np.bool_], n: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and scores of the n best open items, best first; ties: the lower row."""
        return retrieve(self._taste, n, open, self._choice.lift)

    def _scores(self, items: NDArray[np.int64]) -> NDArray[np.float32]:
        scores = self._taste.of(items)
        lift = self._choice.lift
        if lift is None:
            return scores
        return np.asarray(scores + lift[items] * np.float32(self.lift_unit()))

    def _diverse(self, places: list[Place], n: int, diversity: float) -> list[Place]:
        items = np.array([place.item for place in places], dtype=np.int64)
        scores = np.array([place.score for place in places], dtype=np.float32)
        likeness = self._likeness(items)
        return [places[at] for at in diversify(scores, likeness, n, diversity)]

    def _likeness(self, items: NDArray[np.int64]) -> NDArray[np.float32] | None:
        """How alike they are; new products, which nobody can compare, as the others on average."""
        known = np.flatnonzero(items != UNKNOWN_ROW)
        told = self._model.likeness(items[known])
        if told is None or len(known) == len(items):
            return told
        usual = told[~np.eye(len(known), dtype=np.bool_)].mean() if len(known) > 1 else 0.0
        likeness = np.full((len(items), len(items)), usual, dtype=np.float32)
        likeness[np.ix_(known, known)] = told
        return likeness
