"""What the shop sells, held in memory: columns to filter by, and the details of what is shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from ..contracts.between import Between, nothing
from ..contracts.errors import DatabaseError
from ..contracts.ids import Id, IdMap
from ..contracts.protocols import CatalogueSource
from ..models import Recommender
from .answers import Product
from .details import product_of
from .line import Line
from .rounds import SHARE_OF_TIME, Rounds
from .shelf import Shelf, all_ids, fields_of
from .stock import Stock, changes_between

MOST_DETAILS = 100_000
"""How many products' details are held at most; those of others are read when they are shown."""

READ_AHEAD = 1_000
"""Up to so many products, the details of all are read with the catalogue."""

_PIECE = 100
"""How many products' details are read ahead at once, where there are more: a few milliseconds."""

_MOST_AT_ONCE = 1_000
"""Up to so many products that changed, their details are read with the change."""


class CatalogueReader(CatalogueSource, Protocol):
    """Where the catalogue is read."""

    def catalogue_token(self) -> str:
        """A text that differs where the catalogue may have changed."""
        ...


class LiveCatalogue:
    """Reads the catalogue when it is first asked for, and again when it has changed.

    Safe between threads: what is read replaces what there was at once, shelves included, and nobody
    waits for it. What was read stays in use where the database does not answer.

    Who calls `refresh` every second has what products' marks of change tell (new and removed ones;
    all changes, where `updated_at` is kept) a second later and the time of reading; other changes,
    such as those of names, after `max_age_s`, or 200 times as long as reading takes. Where the
    catalogue has more than `READ_AHEAD` products, details are read piece by piece (`read_ahead`),
    in rounds that go on where the one before ended. At the end of a round that found another name,
    the shelves are new ones, and with them all lists.
    """

    def __init__(self, source: CatalogueReader, max_age_s: float, line: Line) -> None:
        self._source = source
        self._max_age_s = max_age_s
        self._line = line
        self._reading = threading.Lock()
        self._replacing = threading.Lock()
        self._stock: Stock | None = None
        self._token: str | None = None
        self._aged_from = float("-inf")  # when all of it was last read because of its age
        self._seconds = 0.0
        self._rounds = Rounds()  # of details

    def refresh(self, between: Between = nothing) -> None:
        """Read the catalogue if it may have changed; DatabaseError where there is no answer.

        `between` is called between pieces of the reading, unless everybody waits for it.
        """
        with self._reading:
            self._refresh(nothing if self._stock is None else between)

    def read_ahead(self) -> None:
        """Read the details of a piece of a large catalogue, where they are missing or due.

        DatabaseError where there is no answer.
        """
        stock = self._stock
        if stock is None or not READ_AHEAD < len(stock.columns) <= MOST_DETAILS:
            return
        if stock.is_whole and self._rounds.is_over:
            return
        piece = self._rounds.piece(len(stock.columns), _PIECE)
        ids = stock.ids.ids(piece)
        before = {id: stock.details[id] for id in ids if id in stock.details}
        started = time.monotonic()
        read = self._read_details(ids, stock)
        seconds = time.monotonic() - started
        is_other = any(each != read.get(id) for id, each in before.items())
        with self._replacing:
            ends_with_changes = self._rounds.took(piece, seconds, found_changes=is_other)
            if ends_with_changes and self._stock is not None:
                self._stock = self._stock.with_new_shelves()

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

    def has_shelf(self, model: Recommender) -> bool:
        """Whether `shelf` has nothing to read and nothing to make."""
        stock = self._stock
        return stock is not None and stock.shelf(model) is not None

    def is_at_hand(self, model: Recommender) -> bool:
        """Whether columns and the details of all products are there: nothing has to be read."""
        stock = self._stock
        return stock is not None and stock.is_whole and self.has_shelf(model)

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
            elif id not in held and id in stock.ids:
                missing.append(id)
        if missing:
            found.update(self._look_up(missing, stock))
        return found

    def _look_up(self, missing: Sequence[Id], stock: Stock) -> Mapping[Id, Product]:
        if self._line.answers:
            try:
                return self._read_details(missing, stock)
            except DatabaseError:
                self._line.fell_silent()
        rows_of_columns = zip(missing, stock.ids.rows(missing).tolist(), strict=True)
        return {id: product_of(id, fields_of(stock.columns, row)) for id, row in rows_of_columns}

    def _read_details(self, ids: Sequence[Id], stock: Stock) -> Mapping[Id, Product]:
        rows = self._source.products(ids)
        read = {id: product_of(id, row) for id, row in rows.items()}
        if len(stock.columns) <= MOST_DETAILS or len(stock.details) < MOST_DETAILS:
            stock.details.update({id: read.get(id) for id in ids})
        return read

    def _read_once(self) -> Stock:
        """What there is, read now where it never was; of many who ask for that, one reads."""
        stock = self._stock
        if stock is None:
            if not self._line.answers:
                raise DatabaseError("The catalogue was not read yet, and the database is silent.")
            with self._reading:
                stock = self._stock or self._refresh(nothing)
        return stock

    def _refresh(self, between: Between) -> Stock:
        """Read what may have changed, or all of it where that is due; the caller holds the lock."""
        token = self._source.catalogue_token()
        started = time.monotonic()
        pause = max(self._max_age_s, SHARE_OF_TIME * self._seconds)
        is_due = started - self._aged_from > pause
        stock = self._stock
        if stock is None or token != self._token or is_due:
            stock = self._replace(self._read(between))
            self._token, self._seconds = token, time.monotonic() - started
        if is_due:
            self._aged_from = time.monotonic()
            with self._replacing:
                self._rounds.begin(len(stock.columns))
        return stock

    def _read(self, between: Between) -> Stock:
        columns = self._source.catalogue_columns(between)
        stock = Stock(columns, IdMap.from_ids(columns.ids), {})
        if len(columns) <= READ_AHEAD:
            self._read_details(all_ids(stock.ids), stock)
        return stock

    def _replace(self, read: Stock) -> Stock:
        """Put what was read in place; lists made of an equal catalogue stay as they are."""
        held = self._stock
        while True:
            ready = read if held is None else self._after(held, read)
            with self._replacing:
                if self._stock is held:
                    self._stock = ready
                    return ready
                held = self._stock  # somebody asked for a shelf meanwhile

    def _after(self, held: Stock, read: Stock) -> Stock:
        """What was read, with what still holds of before."""
        changes = changes_between(held, read)
        if len(read.columns) <= READ_AHEAD:
            is_same = changes.are_none and held.details == read.details
            return held if is_same else read._replace(ids=changes.ids).with_shelves_of(held)
        if len(read.columns) > MOST_DETAILS:
            if changes.are_none:
                return held._replace(details={})  # they are read again where they are shown
            return read._replace(ids=changes.ids).with_shelves_of(held)
        if changes.are_none:
            return held
        told = read.ids.ids(changes.told)
        details = dict(held.details)
        for id in (*changes.gone, *told):
            details.pop(id, None)
        after = read._replace(ids=changes.ids, details=details)
        if len(told) <= _MOST_AT_ONCE:
            self._read_details(told, after)
        return after.with_shelves_of(held)
