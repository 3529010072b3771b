"""Profile and product fields of the training CSV as features, one row per user and per product.

The CSV repeats them on every behavior. Where the rows of an id differ, each field has its latest
value (of equally late ones the most frequent), the empty ones left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from ..contracts.columns import AT, PROFILE_COLUMNS, TRAINING_TYPES
from ..contracts.feature_space import Bands, Categories, FeatureSpace, number_of, words
from ..contracts.features import Features

AGE_EDGES = (18.0, 25.0, 35.0, 45.0, 55.0, 65.0)
N_BANDS = 8
"""Bands of a number other than the age: each holds as many products as any other."""
LEAST_ROWS = 5
MOST_VALUES = 500
"""A value is a feature where this many users or products have it; the most frequent come first."""

_COUNT = "n_rows"
_LISTS = frozenset({"tag"})


def read_details(rows: pl.LazyFrame, id: pl.Expr, fields: Sequence[str]) -> pl.LazyFrame:
    """One row per id: the id, and each field as a text. `rows` are those of the CSV, all texts."""
    name = id.meta.output_name()
    told = rows.group_by(id, *fields).agg(pl.len().alias(_COUNT), pl.col(AT).max())
    latest_last = told.sort(name, AT, _COUNT, *fields)
    values = [pl.col(field).drop_nulls().last() for field in fields]
    return latest_last.group_by(name, maintain_order=True).agg(values)


def features_of(details: pl.DataFrame) -> Features | None:
    """The features of each row of `details`, texts or null; None where no value is usual."""
    fields = (_field(details[name]) for name in details.columns)
    space = FeatureSpace(tuple(field for field in fields if field is not None))
    if not space.names:
        return None
    parts = [
        _columns_of(details[field.field], space.starts[field.field], field.encode)
        for field in space.fields
    ]
    columns = details.select(pl.concat_list(parts).alias("columns"))["columns"]
    indptr = np.concatenate([[0], np.cumsum(columns.list.len().to_numpy())]).astype(np.int64)
    if not indptr[-1]:
        return None
    flat = columns.explode(empty_as_null=False).to_numpy()
    return Features(space.names, indptr, flat.astype(np.int32), space)


def _field(cells: pl.Series) -> Categories | Bands | None:
    """What the cells of a column can say, learnt from all of them; None where they say nothing."""
    if cells.null_count() == len(cells):
        return None
    if TRAINING_TYPES[cells.name] == "text":
        return _categories(cells)
    if cells.name in PROFILE_COLUMNS:
        return Bands(cells.name, AGE_EDGES)
    told = [number for number in map(number_of, cells.to_list()) if number is not None]
    shares = np.linspace(0, 1, N_BANDS + 1)[1:-1]
    edges = np.unique(np.quantile(told, shares)) if told else np.empty(0)
    return Bands(cells.name, tuple(edges.tolist()))


def _categories(cells: pl.Series) -> Categories:
    is_list = cells.name in _LISTS
    counts: dict[str, int] = {}
    for cell, count in cells.drop_nulls().value_counts().iter_rows():
        for word in set(words(cell, is_list=is_list)):
            counts[word] = counts.get(word, 0) + count
    usual = [word for word, count in counts.items() if count >= LEAST_ROWS]
    usual.sort(key=lambda word: (-counts[word], word))
    return Categories(cells.name, tuple(sorted(usual[:MOST_VALUES])), is_list)


def _columns_of(cells: pl.Series, start: int, encode: Callable[[object], list[int]]) -> pl.Series:
    """The columns of each cell, a list; every distinct cell is encoded once."""
    distinct = cells.unique().drop_nulls()
    columns = [[start + column for column in encode(cell)] for cell in distinct.to_list()]
    encoded = pl.DataFrame(
        {cells.name: distinct, "columns": pl.Series(columns, dtype=pl.List(pl.Int32))}
    )
    joined = cells.to_frame().join(encoded, on=cells.name, how="left", maintain_order="left")
    return joined["columns"].fill_null([])
