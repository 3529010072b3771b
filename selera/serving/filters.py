"""Which products of the catalogue a question allows."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from ..contracts.catalogue import CatalogueColumns, Words
from ..contracts.ids import UNKNOWN_ROW, Id, IdMap, parse_id
from .question import Filters

_BETWEEN_TAGS = ","
_MOST_COMPARED = 2
"""Texts that are compared with a column one by one; of more, that of each product is looked up."""


def allowed_products(columns: CatalogueColumns, ids: IdMap, filters: Filters) -> NDArray[np.bool_]:
    """Whether each product meets the filters, bool (n_products,); `ids` are those of `columns`."""
    allowed = np.ones(len(columns), dtype=np.bool_)
    for words, wanted in (
        (columns.category, filters.category),
        (columns.source_country, filters.source_country),
        (columns.brand, filters.brand),
    ):
        if wanted:
            allowed &= having(words, wanted)
    if filters.tag:
        allowed &= having_tag(columns.tag, filters.tag)
    # A price that is unknown is NaN, and NaN is neither above nor below anything.
    if filters.min_price is not None:
        allowed &= columns.price >= filters.min_price
    if filters.max_price is not None:
        allowed &= columns.price <= filters.max_price
    if filters.in_stock and columns.stock is not None:
        allowed &= ~(columns.stock <= 0)
    if filters.exclude:
        allowed[rows_of(ids, filters.exclude)] = False
    return allowed


def having(words: Words, wanted: Collection[str]) -> NDArray[np.bool_]:
    """Which products have one of these texts, bool (n_products,)."""
    return _with_codes(words, np.array([text in wanted for text in words.texts], dtype=np.bool_))


def having_tag(words: Words, wanted: Collection[str]) -> NDArray[np.bool_]:
    """Which products have one of these tags, alone or among others, bool (n_products,)."""
    sought = frozenset(wanted)
    return _with_codes(
        words,
        np.array(
            [
                text in sought or not sought.isdisjoint(map(str.strip, text.split(_BETWEEN_TAGS)))
                for text in words.texts
            ],
            dtype=np.bool_,
        ),
    )


def rows_of(ids: IdMap, product_ids: Collection[Id]) -> NDArray[np.int64]:
    """The rows of those products that there are, int64; ids may be given as texts."""
    typed = [parse_id(str(id), ids.kind) for id in product_ids]
    rows = ids.rows([id for id in typed if id is not None])
    known: NDArray[np.int64] = rows[rows != UNKNOWN_ROW]
    return known


def _with_codes(words: Words, matches: NDArray[np.bool_]) -> NDArray[np.bool_]:
    wanted = np.flatnonzero(matches).tolist()
    if len(wanted) <= _MOST_COMPARED:
        found = np.zeros(len(words.codes), dtype=np.bool_)
        for code in wanted:
            found |= words.codes == code
        return found
    # The code of a missing text is -1: the last place, which matches nothing.
    return np.append(matches, False)[words.codes]
