"""The frames between the database and the CSV: names and types of their columns."""

from __future__ import annotations

import polars as pl

from ..contracts.behaviors import BEHAVIORS
from ..contracts.columns import (
    AT,
    BEHAVIOR,
    PRODUCT_COLUMNS,
    PRODUCT_ID,
    PROFILE_COLUMNS,
    QUANTITY,
    RATING,
    REVIEW_TEXT,
    TRAINING_TYPES,
    TRANSACTION_VALUE,
    USER_ID,
    VISIT_COUNT,
)
from ..contracts.ids import IdKind

Schema = dict[str, pl.DataType]

KEY_NUMBER = "key_number"
KEY_TEXT = "key_text"
KEY_COLUMNS = (KEY_NUMBER, KEY_TEXT)
"""A source key is an integer in the one or a text in the other; a NULL key is in neither."""

VALUE_COLUMNS = (RATING, VISIT_COUNT, TRANSACTION_VALUE, QUANTITY, REVIEW_TEXT)

ORDER = (USER_ID, PRODUCT_ID, AT, BEHAVIOR, *KEY_COLUMNS, *VALUE_COLUMNS)
"""The order of the CSV; the values come last so that rows with equal keys have an order too."""

BEHAVIOR_TYPE = pl.Enum(sorted(BEHAVIORS))
"""Sorts as the names do, so that anyone can check the order of the CSV."""

_TYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "time": pl.Int64(),
}


def id_type(kind: IdKind) -> pl.DataType:
    """How ids of this kind are held; texts sort by their UTF-8 bytes."""
    return pl.Int64() if kind == "int" else pl.String()


def behavior_schema(user_kind: IdKind, product_kind: IdKind) -> Schema:
    """One row per behavior: `ORDER`'s columns; `at` in UTC seconds; missing is null."""
    return {
        USER_ID: id_type(user_kind),
        PRODUCT_ID: id_type(product_kind),
        BEHAVIOR: BEHAVIOR_TYPE,
        AT: _TYPES["time"],
        KEY_NUMBER: pl.Int64(),
        KEY_TEXT: pl.String(),
        **{name: _TYPES[TRAINING_TYPES[name]] for name in VALUE_COLUMNS},
    }


def profile_schema(user_kind: IdKind) -> Schema:
    """One row per user profile."""
    details = {name: _TYPES[TRAINING_TYPES[name]] for name in PROFILE_COLUMNS}
    return {USER_ID: id_type(user_kind), **details}


def product_schema(product_kind: IdKind) -> Schema:
    """One row per product."""
    details = {name: _TYPES[TRAINING_TYPES[name]] for name in PRODUCT_COLUMNS}
    return {PRODUCT_ID: id_type(product_kind), **details}


def raw(column: str) -> str:
    """The column that shows a value of `column` which could not be read; null elsewhere."""
    return f"raw.{column}"


def instant(column: str) -> pl.Expr:
    """UTC seconds as the text `2026-01-02T03:04:05Z`."""
    return pl.from_epoch(column, time_unit="s").dt.to_string("%Y-%m-%dT%H:%M:%SZ")
