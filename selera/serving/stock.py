"""The catalogue of one moment, and what of it still holds at the next."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contracts.catalogue import NO_CODE, WORDS, CatalogueColumns, Words
from ..contracts.ids import UNKNOWN_ROW, Id, IdMap
from ..models import Recommender
from .answers import Product
from .shelf import Shelf

MOST_SHELVES = 4
"""For how many models: the current one, the two of an experiment, the one before a swap."""

Flags = NDArray[np.bool_]
Column = NDArray[np.float64] | NDArray[np.int64]


class Stock(NamedTuple):
    """The catalogue of one moment.

    details : of all products, or of those that were asked for; it grows. None for a product that
        the shop had no more when they were read
    shelves : of the models that were asked about, the latest last; models are not kept alive
    """

    columns: CatalogueColumns
    ids: IdMap
    details: dict[Id, Product | None]
    shelves: tuple[tuple[weakref.ref[Recommender], Shelf], ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether the details of all products are there."""
        return len(self.details) >= len(self.columns)

    def shelf(self, model: Recommender) -> Shelf | None:
        """The shelf of this model, if it has been made."""
        return next((shelf for held, shelf in self.shelves if held() is model), None)

    def with_shelf(self, model: Recommender) -> Stock:
        """The same with a shelf for this model too."""
        return self._with([(weakref.ref(model), Shelf(self.columns, self.ids, model))])

    def with_shelves_of(self, other: Stock) -> Stock:
        """The same with shelves for the models of another stock."""
        made = []
        for held, shelf in other.shelves:
            model = held()
            if model is not None:
                places = shelf.places if other.ids is self.ids else None
                made.append((held, Shelf(self.columns, self.ids, model, places)))
        return self._with(made)

    def with_new_shelves(self) -> Stock:
        """The same, but a list that was made for one of its shelves is known to be an old one."""
        return self._replace(shelves=()).with_shelves_of(self)

    def _with(self, made: Sequence[tuple[weakref.ref[Recommender], Shelf]]) -> Stock:
        living = [each for each in self.shelves if each[0]() is not None]
        return self._replace(shelves=(*living, *made)[-MOST_SHELVES:])


class Changes(NamedTuple):
    """How the products of one stock differ from those of an earlier one.

    ids : of the later one; the object of the earlier one where nothing came or went
    told : rows of the later one whose columns tell something else, or that are new, int64
    gone : ids of the earlier one that are no more
    """

    ids: IdMap
    told: NDArray[np.int64]
    gone: list[Id]

    @property
    def are_none(self) -> bool:
        """Whether both tell the same."""
        return not len(self.told) and not self.gone


def changes_between(earlier: Stock, later: Stock) -> Changes:
    """What is otherwise in `later`, as far as the columns tell."""
    before, after = earlier.columns, later.columns
    if _same_ids(before, after):
        told = _differs(before, after, np.arange(len(after)))
        return Changes(earlier.ids, np.flatnonzero(told), [])
    places = earlier.ids.rows_of(later.ids)
    known = places != UNKNOWN_ROW
    is_gone = np.ones(len(before), dtype=np.bool_)
    is_gone[places[known]] = False
    told = np.ones(len(after), dtype=np.bool_)
    told[known] = _differs(before, after, places)[known]
    gone = earlier.ids.ids(np.flatnonzero(is_gone))
    return Changes(later.ids, np.flatnonzero(told), gone)


def _same_ids(one: CatalogueColumns, other: CatalogueColumns) -> bool:
    if isinstance(one.ids, np.ndarray) or isinstance(other.ids, np.ndarray):
        return np.array_equal(np.asarray(one.ids), np.asarray(other.ids))
    return list(one.ids) == list(other.ids)


def _differs(before: CatalogueColumns, after: CatalogueColumns, places: NDArray[np.int64]) -> Flags:
    """Whether each product tells something else than the one at its place did before."""
    differs = np.zeros(len(after), dtype=np.bool_)
    if not len(before):
        return ~differs
    for name in WORDS:
        differs |= _words_differ(getattr(before, name), getattr(after, name), places)
    for name in ("price", "stock", "marks"):
        differs |= _numbers_differ(getattr(before, name), getattr(after, name), places)
    return differs


def _words_differ(before: Words, after: Words, places: NDArray[np.int64]) -> Flags:
    codes = {text: code for code, text in enumerate(after.texts)}
    gone = len(after.texts)
    # The last one is that of NO_CODE, -1.
    now = np.array([*(codes.get(text, gone) for text in before.texts), NO_CODE])
    return np.asarray(now[before.codes[places]] != after.codes)


def _numbers_differ(
    before: Column | None, after: Column | None, places: NDArray[np.int64]
) -> Flags:
    if before is None or after is None:
        return np.full(len(places), (before is None) != (after is None))
    then = before[places]
    both_unknown = np.isnan(then) & np.isnan(after)
    return np.asarray((then != after) & ~both_unknown)
