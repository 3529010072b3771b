"""Ordered lists of products: the model's order, the catalogue's details, no gaps."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..contracts.ids import IdMap
from ..contracts.protocols import Catalogue
from .answers import Product, ScoredProduct
from .details import product_of

_GROWTH = 4


class Found(NamedTuple):
    """One place of a list: an item row of the model, its score, and the product behind it."""

    item: int
    score: float
    product: Product


def fill(
    limit: int,
    ask: Callable[[int], list[tuple[int, float]]],
    items: IdMap,
    catalogue: Catalogue,
) -> list[Found]:
    """The first `limit` items of the model's order whose products the catalogue still has.

    `ask(n)` gives the best n (item row, score) pairs; those of a larger n begin with those of a
    smaller. It is asked again, for more, while products that are gone leave places empty; fewer
    than `limit` come back only where there are no more.
    """
    found: list[Found] = []
    looked_at, n = 0, min(limit, len(items))
    while True:
        pairs = ask(n)
        found += _existing(pairs[looked_at:], items, catalogue)
        if len(found) >= limit or len(pairs) < n or n == len(items):
            return found[:limit]
        looked_at, n = len(pairs), min(n * _GROWTH, len(items))


def ranked(found: list[Found]) -> list[ScoredProduct]:
    """A list that needs no reasons, as an answer shows it."""
    return [
        ScoredProduct(rank, rounded(place.score), place.product)
        for rank, place in enumerate(found, start=1)
    ]


def rounded(score: float) -> float:
    """Six significant digits: a score is a float32, and more of them would be noise."""
    return float(f"{score:.6g}")


def _existing(pairs: list[tuple[int, float]], items: IdMap, catalogue: Catalogue) -> list[Found]:
    ids = items.ids([item for item, _ in pairs])
    rows = catalogue.products(ids)
    return [
        Found(item, score, product_of(id, rows[id]))
        for (item, score), id in zip(pairs, ids, strict=True)
        if id in rows
    ]
