"""Profiles and products: one row of details per id."""

from __future__ import annotations

import polars as pl

from ..contracts.tables import Table
from .frames import KEY_NUMBER, KEY_TEXT
from .rejects import Rejects
from .rules import repeated, split


def first_of_each(details: pl.DataFrame, table: Table, rejects: Rejects) -> pl.DataFrame:
    """One row per id: the first in the order of all columns, rows that say more before others.

    The other rows of an id go to `rejects`.
    """
    ordered = details.sort(details.columns, nulls_last=True)
    kept, again = split(ordered, [repeated((table.key,), pl.col(table.key))])
    rejects.add(table, again.with_columns(*_as_key(again, table.key)))
    return kept


def _as_key(frame: pl.DataFrame, column: str) -> tuple[pl.Expr, pl.Expr]:
    """The id column as a source key: an integer or a text."""
    is_number = frame.schema[column] == pl.Int64()
    number = pl.col(column) if is_number else pl.lit(None, pl.Int64)
    text = pl.lit(None, pl.String) if is_number else pl.col(column)
    return number.alias(KEY_NUMBER), text.alias(KEY_TEXT)
