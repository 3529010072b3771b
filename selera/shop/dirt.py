"""The unusable values that real shops hold, put into a few rows of the sample shop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.random import Generator

from ..contracts.tables import BUY, RATING, REVIEW, VISIT, Table
from .columns import Columns

Spoil = Callable[[Any], Any]

UNKNOWN_PRODUCTS_FROM = 1_000_000_000


def _unknown_product(product_id: int) -> int:
    return UNKNOWN_PRODUCTS_FROM + product_id


def _nobody(_: object) -> None:
    return None


def _negative(number: float) -> float:
    return -number


def _out_of_range(rating: float) -> float:
    return rating * 20.0


def _unreadable_date(_: object) -> str:
    return "31/02/2026"


def _vague_date(_: object) -> str:
    return "kemarin"


SPOILS: dict[Table, tuple[tuple[str, Spoil], ...]] = {
    VISIT: (
        ("visit_count", _negative),
        ("product_id", _unknown_product),
        ("visit_date", _unreadable_date),
    ),
    BUY: (
        ("transaction_value", _negative),
        ("product_id", _unknown_product),
        ("transaction_date", _vague_date),
        ("user_id", _nobody),
    ),
    RATING: (
        ("rating", _out_of_range),
        ("product_id", _unknown_product),
        ("user_id", _nobody),
    ),
    REVIEW: (("review_date", _unreadable_date), ("user_id", _nobody)),
}
"""Which columns are spoiled in which way; a row that is chosen gets one of its table's ways."""


def spoil(rng: Generator, table: Table, columns: Columns, share: float) -> None:
    """Spoil about `share` of the rows, in place."""
    n_rows = len(columns["user_id"])
    rows = rng.choice(n_rows, size=rng.binomial(n_rows, share), replace=False)
    ways = SPOILS[table]
    for row, way in zip(rows, rng.integers(len(ways), size=len(rows)), strict=True):
        name, change = ways[way]
        columns[name][row] = change(columns[name][row])
