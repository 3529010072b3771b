"""Lists of products: what may be listed of the catalogue, and how a place of a list looks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contracts.ids import UNKNOWN_ROW, Id
from ..models import Recommender
from .answers import Product, ScoredProduct
from .catalogue import LiveCatalogue
from .details import trimmed
from .filters import allowed_products
from .merchandise import Boost, Effects
from .question import NO_FILTERS, Filters, Question
from .shelf import Shelf

_POWERS_OF_TEN = tuple(float(10**digits) for digits in range(23))
"""Those that a float holds exactly."""


class Place(NamedTuple):
    """One place of a list.

    item : row of the model; `UNKNOWN_ROW` for a product that it lacks
    score : what it stands there for
    product : with all of its details
    source : what put it there, if not the ranker: `new`, `rule` or `filler`
    rule : that pinned it, if one did
    """

    item: int
    score: float
    product: Product
    source: str | None = None
    rule: str | None = None


class Choice:
    """What may be listed for one question: the catalogue, its filters, the rules in force.

    shelf : the catalogue, as the model that answers sees it
    effects : what the rules in force do with it; None where there are none
    seen : ids that may not be listed because the user knows them
    """

    def __init__(
        self, shelf: Shelf, filters: Filters, effects: Effects | None, seen: frozenset[Id]
    ) -> None:
        self.shelf = shelf
        self.effects = effects
        self._seen = seen
        # Nothing to choose by is the usual case, and the quick one.
        is_open = filters == NO_FILTERS and effects is None
        self._products = None if is_open else self._allowed(filters)

    def _allowed(self, filters: Filters) -> NDArray[np.bool_]:
        allowed = allowed_products(self.shelf.columns, self.shelf.ids, filters)
        if self.effects is not None:
            allowed &= ~self.effects.hidden
        return allowed

    def items(self, seen: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which items may be listed, bool (n_items,): `seen` are those that the user knows."""
        allowed = self.shelf.listed.copy()
        if self._products is not None:
            allowed = self.shelf.of_items(self._products)
        if self._seen:
            allowed[seen] = False
        return allowed

    def others(self, filters: Filters, seen: NDArray[np.int32]) -> NDArray[np.bool_]:
        """The items that may fill a list up where `filters` are all that they must meet."""
        allowed = self.shelf.of_items(self._allowed(filters))
        if self._seen:
            allowed[seen] = False
        return allowed

    def new(self, most: int) -> NDArray[np.int64]:
        """Those of the shelf's new products that may be listed, rising places among them, int64.

        Of more than `most` those with the last ids.
        """
        rows, room = self.shelf.new.rows, most + len(self._seen)
        if self._products is None:
            places = np.arange(max(0, len(rows) - room), len(rows))
        else:
            places = self.shelf.new_of(self._products)[-room:]
        if self._seen:
            ids = self.shelf.ids.ids(rows[places])
            places = places[np.array([id not in self._seen for id in ids], dtype=np.bool_)]
        return places[-most:]

    @property
    def lift(self) -> NDArray[np.float32] | None:
        """What rules add to the score of each item, in standard deviations; None for nothing."""
        return None if self.effects is None else self.effects.lift

    def pinned(self, limit: int) -> dict[Id, str]:
        """The products that rules put first, at most `limit`, and the rule of each."""
        if self.effects is None or self._products is None:
            return {}
        open = np.flatnonzero(self._products[self.effects.pinned]).tolist()
        told = ((self.shelf.ids.id(int(self.effects.pinned[at])), at) for at in open)
        chosen = islice(((id, at) for id, at in told if id not in self._seen), limit)
        return {id: self.effects.pinned_by[at] for id, at in chosen}

    def boosts(self, product_id: Id) -> list[Boost]:
        """What rules add to the score of one product, rule by rule."""
        if self.effects is None or not self.effects.boosts:
            return []
        row = self.shelf.ids.row(product_id)
        return [] if row == UNKNOWN_ROW else self.effects.boosts_of(row)


def places_of(
    pairs: Sequence[tuple[int, float]],
    model: Recommender,
    catalogue: LiveCatalogue,
    source: str | None = None,
) -> list[Place]:
    """The (item row, score) pairs as places; a product that is gone meanwhile is left out."""
    ids = model.items.ids([item for item, _ in pairs])
    products = catalogue.details(ids)
    return [
        Place(item, score, products[id], source)
        for (item, score), id in zip(pairs, ids, strict=True)
        if id in products
    ]


def closing_score(places: Sequence[Place]) -> float:
    """The score of what stands after these without one: 0, or the last place's where that is less.

    So a list stays in the order of its scores.
    """
    return min([0.0, *(place.score for place in places[-1:])])


def ranked(places: Sequence[Place], question: Question) -> list[ScoredProduct]:
    """A list that needs no reasons, as an answer shows it."""
    return [
        ScoredProduct(rank, rounded(place.score), trimmed(place.product, question.fields))
        for rank, place in enumerate(places, start=1)
    ]


def rounded(score: float) -> float:
    """Six significant digits: a score is a float32, and more of them would be noise."""
    return in_steps(score, steps_of(score))


def steps_of(score: float) -> float:
    """How many steps make 1, a power of ten: a step is one of the sixth digit of this score.

    Numbers that are whole steps sum exactly, as the decimals that JSON writes too.
    """
    digits = 5 - math.floor(math.log10(abs(score))) if score else 6
    return _POWERS_OF_TEN[min(max(digits, 0), len(_POWERS_OF_TEN) - 1)]


def in_steps(value: float, steps: float) -> float:
    """The nearest whole number of steps; below 10^15 of them, what JSON writes is exactly that."""
    return round(value * steps) / steps
