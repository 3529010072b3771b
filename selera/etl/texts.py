"""The texts of reviews, where one of them has to stand in for stars that are missing."""

from __future__ import annotations

import numpy as np
import polars as pl

from ..contracts.behaviors import REVIEW_CODE
from ..contracts.columns import BEHAVIOR, REVIEW_TEXT
from ..contracts.texts import MOST_CHARACTERS, Texts
from .arrays import TEXT_PLACE, VALUE


def with_texts(behaviors: pl.DataFrame, rows: pl.LazyFrame) -> tuple[pl.DataFrame, Texts | None]:
    """The behaviors with the place of each one's text, and the texts; None where all have stars.

    `rows` are those of the CSV, all texts, and `behaviors` stand in the same order.
    """
    is_review = behaviors[BEHAVIOR] == REVIEW_CODE
    if not (is_review & behaviors[VALUE].is_nan()).any():
        return behaviors, None
    reviews = rows.filter(pl.col(BEHAVIOR) == "review")
    beginnings = pl.col(REVIEW_TEXT).str.head(MOST_CHARACTERS)
    told = reviews.select(beginnings).collect(engine="streaming")[REVIEW_TEXT]
    places = np.full(behaviors.height, -1, dtype=np.int32)
    having = np.flatnonzero(is_review.to_numpy())[told.is_not_null().to_numpy()]
    places[having] = np.arange(len(having))
    texts = Texts.of(told.drop_nulls().to_list())
    return behaviors.with_columns(pl.Series(TEXT_PLACE, places)), texts
