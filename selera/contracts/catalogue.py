"""The whole catalogue as columns: what filters and rules ask of products, a few bytes each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .features import Cells

NO_CODE = -1
WORDS = ("category", "tag", "source_country", "brand")
"""The columns of texts."""


@dataclass(frozen=True, slots=True)
class Words:
    """A column of texts: each distinct one once, and which of them each product has.

    texts : the distinct values
    codes : int32 (n_products,), place in `texts`; `NO_CODE` where the product has none
    """

    texts: tuple[str, ...]
    codes: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class CatalogueColumns:
    """All products that the shop sells, in the order of their ids.

    ids : of the products; int64 (n_products,) where they are integers
    category, tag, source_country, brand : as the shop spells them
    price : float64 (n_products,), NaN where unknown
    stock : float64 (n_products,), NaN where unknown; None where the table has no such column
    marks : int64 (n_products,), another number where `updated_at` is another one, within one
        process; None where the table has no such column
    """

    ids: Sequence[str] | NDArray[np.int64]
    category: Words
    tag: Words
    source_country: Words
    brand: Words
    price: NDArray[np.float64]
    stock: NDArray[np.float64] | None
    marks: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def cells(self, rows: NDArray[np.int64]) -> dict[str, Cells]:
        """What the products in these rows have, by the names of the shop's table."""
        words = {name: getattr(self, name) for name in WORDS}
        told = {name: _distinct(each.codes[rows], each.texts) for name, each in words.items()}
        told["price"] = _distinct(self.price[rows])
        return told if self.stock is None else told | {"stock": _distinct(self.stock[rows])}


def _distinct(column: NDArray[Any], texts: Sequence[str] | None = None) -> Cells:
    """Each distinct value once, and where it is; of codes, the texts that they stand for."""
    found, places = np.unique(column, return_inverse=True)
    values = found.tolist()
    if texts is not None:
        values = [None if code == NO_CODE else texts[code] for code in values]
    return Cells(values, places)
