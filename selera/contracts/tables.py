"""The six tables of a shop: their names, their columns, and what each column holds.

A column that is `required` must exist in the table; every other column is optional to read and is
part of the schema that Selera makes itself. Any value of any column may be NULL.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["id", "text", "integer", "number", "time"]


class Column(msgspec.Struct, frozen=True):
    """One column of a shop's table."""

    name: str
    kind: Kind
    required: bool = True


class Table(msgspec.Struct, frozen=True):
    """One table of a shop; `key` names the column that identifies a row."""

    name: str
    key: str
    columns: tuple[Column, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that must exist."""
        return tuple(column.name for column in self.columns if column.required)

    def kind(self, name: str) -> Kind:
        """What the column `name` holds; KeyError where the table has no such column."""
        for column in self.columns:
            if column.name == name:
                return column.kind
        raise KeyError(f"{self.name} has no column {name!r}")


def _optional(name: str, kind: Kind) -> Column:
    return Column(name, kind, required=False)


_USER_ID = Column("user_id", "id")
_PRODUCT_ID = Column("product_id", "id")

USER_PROFILE = Table(
    "data_user_profile",
    "user_id",
    (
        _USER_ID,
        Column("name", "text"),
        Column("gender", "text"),
        Column("age", "integer"),
        Column("location", "text"),
        _optional("created_at", "time"),
        _optional("updated_at", "time"),
    ),
)
RATING = Table(
    "data_product_rating",
    "rating_id",
    (
        Column("rating_id", "id"),
        _USER_ID,
        _PRODUCT_ID,
        Column("rating", "number"),
        _optional("rating_date", "time"),
    ),
)
VISIT = Table(
    "data_user_history_visit_product",
    "history_id",
    (
        Column("history_id", "id"),
        _USER_ID,
        _PRODUCT_ID,
        Column("visit_count", "integer"),
        _optional("visit_date", "time"),
    ),
)
REVIEW = Table(
    "data_product_reviews",
    "review_id",
    (
        Column("review_id", "id"),
        _USER_ID,
        _PRODUCT_ID,
        Column("review_text", "text"),
        Column("review_date", "time"),
        _optional("rating", "number"),
    ),
)
BUY = Table(
    "data_product_transaction_buy",
    "transaction_id",
    (
        Column("transaction_id", "id"),
        _USER_ID,
        _PRODUCT_ID,
        Column("transaction_value", "number"),
        Column("transaction_date", "time"),
        _optional("quantity", "integer"),
        _optional("currency", "text"),
    ),
)
PRODUCT = Table(
    "data_product_category_tag_source_country",
    "product_id",
    (
        _PRODUCT_ID,
        Column("product_name", "text"),
        Column("category", "text"),
        Column("tag", "text"),
        Column("source_country", "text"),
        Column("price", "number"),
        Column("brand", "text"),
        _optional("currency", "text"),
        _optional("stock", "integer"),
        _optional("image_url", "text"),
        _optional("created_at", "time"),
        _optional("updated_at", "time"),
    ),
)

TABLES: tuple[Table, ...] = (USER_PROFILE, PRODUCT, VISIT, BUY, RATING, REVIEW)
