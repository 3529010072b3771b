"""Whole columns of raw Python values read as ids, keys, texts, numbers and counts.

The rules are those of `database.values`, which reads single values at request time. Columns of one
ordinary type, nearly all columns of nearly all shops, are read as columns; a column with mixed or
odd values is read value by value by those rules themselves. A property test holds both together.

Every reader takes the values of a column and returns two columns of their length: what they say
(null where they say nothing), and, as texts, the values that could not be read (null elsewhere).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any

import polars as pl

from ..contracts.ids import IdKind
from ..database.values import MAX_COUNT, is_blank, parse_number, plain, read_id

Readings = tuple[pl.Series, pl.Series]
Reader = Callable[[Sequence[Any]], Readings]

_INTEGERS: frozenset[type] = frozenset({NoneType, int})
_NUMBERS: frozenset[type] = frozenset({NoneType, int, float, bool})
_TEXTS: frozenset[type] = frozenset({NoneType, str})


def read_keys(values: Sequence[Any]) -> Readings:
    """Source keys: integers in the one column, everything else as texts in the other."""
    if only(_TEXTS, values):
        return nothing(len(values), pl.Int64()), _without_empty(values)
    return id_reader("int")(values)


def id_reader(kind: IdKind) -> Reader:
    """Ids of one kind, Int64 or String; only NULL and the empty text are absent."""

    def read(values: Sequence[Any]) -> Readings:
        if kind == "int" and only(_INTEGERS, values):
            try:
                return pl.Series(values, dtype=pl.Int64), nothing(len(values))
            except (TypeError, OverflowError):  # an integer of more than 64 bits
                pass
        if kind == "str" and only(_TEXTS, values):
            return _without_empty(values), nothing(len(values))
        ids = [read_id(value, kind) for value in values]
        unread = [
            _told(value) if id is None else None for value, id in zip(values, ids, strict=True)
        ]
        dtype = pl.Int64() if kind == "int" else pl.String()
        return pl.Series(ids, dtype=dtype), pl.Series(unread, dtype=pl.String)

    return read


def read_texts(values: Sequence[Any]) -> Readings:
    """Texts, String; NULL and the empty text are absent, everything else can be read."""
    texts = values if only(_TEXTS, values) else [_told(value) for value in values]
    return _without_empty(texts), nothing(len(values))


def read_numbers(values: Sequence[Any]) -> Readings:
    """Finite numbers, Float64."""
    if only(_NUMBERS, values):
        try:
            numbers = _without_signed_zero(pl.Series(values, dtype=pl.Float64))
        except OverflowError:  # an integer too large for any float
            pass
        else:
            return _refuse(numbers, numbers.is_finite())
    said = [parse_number(value) for value in values]
    unread = [
        _told(value) if number is None and not is_blank(value) else None
        for value, number in zip(values, said, strict=True)
    ]
    numbers = _without_signed_zero(pl.Series(said, dtype=pl.Float64))
    return numbers, pl.Series(unread, dtype=pl.String)


def read_counts(values: Sequence[Any]) -> Readings:
    """Whole numbers of at most 2**53 either way, Int64; fractions are rounded up."""
    numbers, unread = read_numbers(values)
    counts, too_large = _refuse(numbers.ceil(), numbers.abs() <= MAX_COUNT)
    return counts.cast(pl.Int64), unread.zip_with(unread.is_not_null(), too_large)


def only(types: frozenset[type], values: Sequence[Any]) -> bool:
    """Whether the values are of these types and of no others."""
    return types.issuperset(map(type, values))


def nothing(length: int, dtype: pl.DataType | None = None) -> pl.Series:
    """A column of nulls, of texts by default."""
    return pl.repeat(None, length, dtype=dtype or pl.String(), eager=True)


def _refuse(column: pl.Series, readable: pl.Series) -> Readings:
    """Make unreadable what is not `readable`."""
    if readable.all():
        return column, nothing(len(column))
    refused = column.is_not_null() & ~readable
    texts = column.cast(pl.String).zip_with(refused, nothing(len(column)))
    return column.zip_with(~refused, nothing(len(column), column.dtype)), texts


def _without_signed_zero(numbers: pl.Series) -> pl.Series:
    """-0.0 equals 0.0 but is written otherwise: their order would show in the CSV."""
    return numbers.set(numbers == 0, 0.0)


def _without_empty(texts: Sequence[Any]) -> pl.Series:
    column = pl.Series(texts, dtype=pl.String)
    return column.set(column == "", None)


def _told(value: object) -> str | None:
    """A value that could not be read, as a text; None for those that say nothing."""
    return None if value is None or value == "" else str(plain(value))
