"""The shelf: the catalogue of one moment, and where each of its products is in one model."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contracts.catalogue import NO_CODE, CatalogueColumns, Words
from ..contracts.features import Features
from ..contracts.ids import UNKNOWN_ROW, Id, IdMap
from ..models import Recommender

_SPARSE = 64

_numbers = itertools.count()


class NewProducts(NamedTuple):
    """Products that the model lacks.

    rows : int64 (n_new,), of the catalogue
    features : what the model asks of them; None where it has learnt nothing from fields
    """

    rows: NDArray[np.int64]
    features: Features | None


class Shelf:
    """The catalogue as columns, and where each of its products is in one model.

    number : that no other shelf of this process has
    columns : of all products that the shop sells
    ids : the same products, by row of the columns
    places : int64 (n_items,), the row of each item of the model; `UNKNOWN_ROW` where the shop does
        not sell it any more
    listed : bool (n_items,), whether it does
    items : int32 (n_products,), the item of each row; `UNKNOWN_ROW` where the model lacks it
    new : products that the model lacks

    `places` may be given where another shelf of these ids and this model has them.
    """

    def __init__(
        self,
        columns: CatalogueColumns,
        ids: IdMap,
        model: Recommender,
        places: NDArray[np.int64] | None = None,
    ) -> None:
        self.number = next(_numbers)
        self.columns = columns
        self.ids = ids
        self.places = ids.rows_of(model.items) if places is None else places
        self.listed: NDArray[np.bool_] = self.places != UNKNOWN_ROW
        self.items = np.full(len(columns), UNKNOWN_ROW, dtype=np.int32)
        self.items[self.places[self.listed]] = np.flatnonzero(self.listed)
        rows = np.flatnonzero(self.items == UNKNOWN_ROW)
        described = model.cold_start.described(columns.cells(rows), len(rows))
        self.new = NewProducts(rows, described)

    def of_items(self, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """A choice of products, bool (n_products,), as one of items, bool (n_items,)."""
        if not _is_sparse(chosen):
            return np.asarray(chosen[self.places] & self.listed)
        items = self.items[np.flatnonzero(chosen)]
        allowed = np.zeros(len(self.places), dtype=np.bool_)
        allowed[items[items != UNKNOWN_ROW]] = True
        return allowed

    def new_of(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Places in `new` of the products of a choice, bool (n_products,), that stand there."""
        if not _is_sparse(chosen):
            return np.flatnonzero(chosen[self.new.rows])
        rows = np.flatnonzero(chosen)
        places: NDArray[np.int64] = np.searchsorted(
            self.new.rows, rows[self.items[rows] == UNKNOWN_ROW]
        )
        return places


def _is_sparse(chosen: NDArray[np.bool_]) -> bool:
    """Whether so few are chosen of all that it is quicker to look at these alone."""
    return bool(np.count_nonzero(chosen) <= len(chosen) // _SPARSE)


def all_ids(ids: IdMap) -> list[Id]:
    """The ids of all rows, in their order."""
    if ids.kind == "int":
        integers: list[Id] = ids.to_arrays()["ids"].tolist()
        return integers
    return ids.ids(range(len(ids)))


def fields_of(columns: CatalogueColumns, row: int) -> Mapping[str, Any]:
    """What the columns tell of one product, by the names of the shop's table."""
    price = float(columns.price[row])
    told = {
        "category": _text(columns.category, row),
        "tag": _text(columns.tag, row),
        "source_country": _text(columns.source_country, row),
        "brand": _text(columns.brand, row),
        "price": None if np.isnan(price) else price,
    }
    if columns.stock is not None:
        stock = float(columns.stock[row])
        told["stock"] = None if np.isnan(stock) else int(stock)
    return told


def _text(words: Words, row: int) -> str | None:
    code = int(words.codes[row])
    return None if code == NO_CODE else words.texts[code]
