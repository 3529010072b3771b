"""What the shop sells, held in memory: columns to filter by, and the details of what is shown."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from ..contracts.catalogue import WORDS, CatalogueColumns, Words
from ..contracts.errors import DatabaseError
from ..contracts.ids import Id, IdMap
from ..contracts.protocols import CatalogueSource
from ..models import Recommender
from .answers import Product
from .details import product_of
from .line import Line
from .shelf import Shelf, all_ids, fields_of

MOST_DETAILS = 100_000
"""How many products' details are held at most; those of others are read when they are shown."""

READ_AHEAD = 20_000
"""Up to so many products, the details of all are read with the catalogue."""

_PIECE = 2_000
"""How many products' details are read ahead at once, where there are more."""

SHARE_OF_TIME = 200
"""What nobody says has changed is read again for at most one part in so many of the time."""

MOST_SHELVES = 4
"""For how many models: the current one, the two of an experiment, the one before a swap."""


class CatalogueReader(CatalogueSource, Protocol):
    """Where the catalogue is read."""

    def catalogue_token(self) -> str:
        """A text that differs where the catalogue may have changed."""
        ...


class _Stock(NamedTuple):
    """The catalogue of one moment.

    details : of all products, or of those that were asked for; it grows
    n_ahead : how many products, in the order of the columns, have been read ahead
    shelves : of the models that were asked about, the latest last; models are not kept alive
    """

    columns: CatalogueColumns
    ids: IdMap
    details: dict[Id, Product]
    n_ahead: int
    shelves: tuple[tuple[weakref.ref[Recommender], Shelf], ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether it has the details of all products."""
        return self.n_ahead >= len(self.columns)

    def shelf(self, model: Recommender) -> Shelf | None:
        """The shelf of this model, if it has been made."""
        return next((shelf for held, shelf in self.shelves if held() is model), None)

    def with_shelf(self, model: Recommender) -> _Stock:
        """The same with a shelf for this model too."""
        return self._with([(weakref.ref(model), Shelf(self.columns, self.ids, model))])

    def with_shelves_of(self, other: _Stock) -> _Stock:
        """The same with shelves for the models of another stock."""
        made = []
        for held, shelf in other.shelves:
            model = held()
            if model is not None:
                places = shelf.places if other.ids is self.ids else None
                made.append((held, Shelf(self.columns, self.ids, model, places)))
        return self._with(made)

    def _with(self, made: Sequence[tuple[weakref.ref[Recommender], Shelf]]) -> _Stock:
        living = [each for each in self.shelves if each[0]() is not None]
        return self._replace(shelves=(*living, *made)[-MOST_SHELVES:])


class LiveCatalogue:
    """Reads the catalogue when it is first asked for, and again when it has changed.

    Safe between threads: what is read replaces what there was at once, shelves included, and nobody
    waits for it. What was read stays in use where the database does not answer.

    Who calls `refresh` every second has what products' marks of change tell (new and removed ones;
    all changes, where `updated_at` is kept) a second later and the time of reading; other changes,
    such as those of names and stock, after `max_age_s`, or 200 times as long as reading takes. A
    list that is remembered for a user may tell a name of before as long as that user is remembered,
    where the catalogue has more than `READ_AHEAD` products.
    """

    def __init__(self, source: CatalogueReader, max_age_s: float, line: Line) -> None:
        self._source = source
        self._max_age_s = max_age_s
        self._line = line
        self._reading = threading.Lock()
        self._replacing = threading.Lock()
        self._stock: _Stock | None = None
        self._token: str | None = None
        self._read_at = float("-inf")
        self._seconds = 0.0

    def refresh(self) -> None:
        """Read the catalogue if it may have changed; DatabaseError where there is no answer."""
        with self._reading:
            token = self._source.catalogue_token()
            age_s = time.monotonic() - self._read_at
            is_due = age_s > max(self._max_age_s, SHARE_OF_TIME * self._seconds)
            if self._stock is None or token != self._token or is_due:
                started = time.monotonic()
                self._replace(self._read())
                self._token, self._read_at = token, time.monotonic()
                self._seconds = self._read_at - started

    def read_ahead(self) -> None:
        """Read the details of a piece of the catalogue, if all of them can be held.

        DatabaseError where there is no answer.
        """
        stock = self._stock
        if stock is None or stock.is_whole or len(stock.columns) > MOST_DETAILS:
            return
        end = min(stock.n_ahead + _PIECE, len(stock.columns))
        self._read_details(stock.ids.ids(range(stock.n_ahead, end)), stock)
        with self._replacing:
            if self._stock is not None and self._stock.details is stock.details:
                self._stock = self._stock._replace(n_ahead=end)

    def refresh_if_answered(self) -> None:
        """The same, but where there is no answer, what was read before is good enough."""
        try:
            self.refresh()
        except DatabaseError:
            if self._stock is None:
                raise

    def shelf(self, model: Recommender) -> Shelf:
        """The catalogue as this model sees it; it is read first where it has not been yet.

        Raises DatabaseError where it cannot be.
        """
        stock = self._read_once()
        shelf = stock.shelf(model)
        if shelf is None:
            with self._replacing:
                stock = self._stock or stock
                if stock.shelf(model) is None:
                    self._stock = stock = stock.with_shelf(model)
                shelf = stock.shelf(model)
                assert shelf is not None
        return shelf

    def is_at_hand(self, model: Recommender) -> bool:
        """Whether columns and the details of all products are there: nothing has to be read."""
        stock = self._stock
        return stock is not None and stock.is_whole and stock.shelf(model) is not None

    def details(self, product_ids: Sequence[Id]) -> Mapping[Id, Product]:
        """Details of those products that exist.

        Where the database does not answer, details that were never read are those of the columns.
        """
        stock = self._read_once()
        held = stock.details
        found: dict[Id, Product] = {}
        missing = []
        for id in product_ids:
            product = held.get(id)
            if product is not None:
                found[id] = product
            elif id in stock.ids:
                missing.append(id)
        if missing:
            found.update(self._look_up(missing, stock))
        return found

    def _look_up(self, missing: Sequence[Id], stock: _Stock) -> Mapping[Id, Product]:
        if self._line.answers:
            try:
                return self._read_details(missing, stock)
            except DatabaseError:
                self._line.fell_silent()
        rows_of_columns = zip(missing, stock.ids.rows(missing).tolist(), strict=True)
        return {id: product_of(id, fields_of(stock.columns, row)) for id, row in rows_of_columns}

    def _read_details(self, ids: Sequence[Id], stock: _Stock) -> Mapping[Id, Product]:
        rows = self._source.products(ids)
        read = {id: product_of(id, row) for id, row in rows.items()}
        if len(stock.details) < MOST_DETAILS:
            stock.details.update(read)
        return read

    def _read_once(self) -> _Stock:
        if self._stock is None:
            self.refresh()
        assert self._stock is not None
        return self._stock

    def _read(self) -> _Stock:
        columns = self._source.catalogue_columns()
        ids = IdMap.from_ids(columns.ids)
        n_ahead = len(columns) if len(columns) <= READ_AHEAD else 0
        stock = _Stock(columns, ids, {}, n_ahead)
        if n_ahead:
            self._read_details(all_ids(ids), stock)
        return stock

    def _replace(self, read: _Stock) -> None:
        """Put what was read in place; lists made of an equal catalogue stay as they are."""
        held = self._stock
        is_same = held is not None and _same(held.columns, read.columns)
        if is_same and held is not None and held.details == read.details:
            return
        if held is not None and _same_ids(held.columns, read.columns):
            read = read._replace(ids=held.ids)
        while True:
            if held is None:
                ready = read
            elif is_same and not read.is_whole:
                ready = held._replace(details={}, n_ahead=0)
            else:
                ready = read.with_shelves_of(held)
            with self._replacing:
                if self._stock is held:
                    self._stock = ready
                    return
                held = self._stock  # somebody asked for a shelf meanwhile


def _same(one: CatalogueColumns, other: CatalogueColumns) -> bool:
    """Whether two catalogues tell the same."""
    if not _same_ids(one, other):
        return False
    if not all(_same_words(getattr(one, name), getattr(other, name)) for name in WORDS):
        return False
    if (one.stock is None) != (other.stock is None):
        return False
    numbers = [(one.price, other.price)]
    if one.stock is not None and other.stock is not None:
        numbers.append((one.stock, other.stock))
    return all(np.array_equal(a, b, equal_nan=True) for a, b in numbers)


def _same_ids(one: CatalogueColumns, other: CatalogueColumns) -> bool:
    if isinstance(one.ids, np.ndarray) or isinstance(other.ids, np.ndarray):
        return np.array_equal(np.asarray(one.ids), np.asarray(other.ids))
    return list(one.ids) == list(other.ids)


def _same_words(one: Words, other: Words) -> bool:
    return one.texts == other.texts and np.array_equal(one.codes, other.codes)
