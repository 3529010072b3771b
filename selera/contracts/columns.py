"""The columns of `data-training.csv`, in their order, each spelled once."""

from __future__ import annotations

from typing import Literal

SCHEMA_VERSION = 1

USER_ID = "user_id"
PRODUCT_ID = "product_id"
BEHAVIOR = "behavior"
AT = "at"
RATING = "rating"
VISIT_COUNT = "visit_count"
TRANSACTION_VALUE = "transaction_value"
QUANTITY = "quantity"
REVIEW_TEXT = "review_text"

PROFILE_COLUMNS = ("gender", "age", "location")
PRODUCT_COLUMNS = ("category", "tag", "source_country", "price", "brand")

TRAINING_COLUMNS = (
    USER_ID,
    PRODUCT_ID,
    BEHAVIOR,
    AT,
    RATING,
    VISIT_COUNT,
    TRANSACTION_VALUE,
    QUANTITY,
    REVIEW_TEXT,
    *PROFILE_COLUMNS,
    *PRODUCT_COLUMNS,
)

ColumnType = Literal["id", "text", "integer", "number", "time"]

TRAINING_TYPES: dict[str, ColumnType] = {
    USER_ID: "id",
    PRODUCT_ID: "id",
    BEHAVIOR: "text",
    AT: "time",
    RATING: "number",
    VISIT_COUNT: "integer",
    TRANSACTION_VALUE: "number",
    QUANTITY: "integer",
    REVIEW_TEXT: "text",
    "gender": "text",
    "age": "integer",
    "location": "text",
    "category": "text",
    "tag": "text",
    "source_country": "text",
    "price": "number",
    "brand": "text",
}
