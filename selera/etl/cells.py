"""The columns of the training CSV, read from texts: what a cell says, and whether it is broken."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from ..contracts.behaviors import (
    BEHAVIORS,
    BUY_CODE,
    NO_TIME,
    VISIT_CODE,
)
from ..contracts.columns import (
    AT,
    BEHAVIOR,
    PRODUCT_ID,
    QUANTITY,
    RATING,
    TRAINING_TYPES,
    USER_ID,
    VISIT_COUNT,
)
from ..contracts.ids import IdKind
from .arrays import VALUE

CANONICAL_INTEGER = r"^(?:0|-?[1-9][0-9]{0,18})$"

_TIME = "%Y-%m-%dT%H:%M:%SZ"
_REQUIRED = (USER_ID, PRODUCT_ID, BEHAVIOR)
_POSITIVE = (VISIT_COUNT, QUANTITY)


class Cell(NamedTuple):
    """How one column is read.

    said : what a cell says; null where it is empty or broken
    wanted : what a cell should say, for the person whose cell is broken
    """

    column: str
    said: pl.Expr
    wanted: str

    @property
    def is_broken(self) -> pl.Expr:
        """True where something unreadable, or nothing though something must, stands in the cell."""
        text = pl.col(self.column)
        is_broken = self.said.is_null() & text.is_not_null()
        if self.column in _REQUIRED:
            is_broken = self.said.is_null()
        if self.column == RATING:
            is_broken = is_broken | (self.said.is_null() & (pl.col(BEHAVIOR) == RATING))
        return is_broken


def read_cells(user_kind: IdKind, product_kind: IdKind) -> dict[str, Cell]:
    """How the columns are read that hold more than any text."""
    cells = [
        _id_cell(USER_ID, user_kind),
        _id_cell(PRODUCT_ID, product_kind),
        Cell(BEHAVIOR, _code(pl.col(BEHAVIOR)), f"one of {', '.join(BEHAVIORS)}"),
        *(_typed_cell(name, kind) for name, kind in TRAINING_TYPES.items() if kind in _WANTED),
    ]
    return {cell.column: cell for cell in cells}


def interaction_columns(cells: dict[str, Cell]) -> list[pl.Expr]:
    """The columns that `arrays.build_interactions` takes.

    The value of a visit is its count and that of a purchase its quantity, 1 where unknown; that of
    a rating its stars; that of a review its own stars, NaN where there are none.
    """
    code = cells[BEHAVIOR].said
    value = (
        pl.when(code == VISIT_CODE)
        .then(cells[VISIT_COUNT].said.fill_null(1).cast(pl.Float32))
        .when(code == BUY_CODE)
        .then(cells[QUANTITY].said.fill_null(1).cast(pl.Float32))
        .otherwise(cells[RATING].said.cast(pl.Float32).fill_null(float("nan")))
    )
    return [
        cells[USER_ID].said.alias(USER_ID),
        cells[PRODUCT_ID].said.alias(PRODUCT_ID),
        code.alias(BEHAVIOR),
        cells[AT].said.fill_null(NO_TIME).alias(AT),
        value.alias(VALUE),
    ]


def find_id_kind(rows: pl.LazyFrame, column: str) -> IdKind:
    """`int` where every id of the column is written as an integer of 64 bits is, else `str`."""
    all_integers = _id_cell(column, "int").said.is_not_null() | pl.col(column).is_null()
    return "int" if rows.select(all_integers.all()).collect(engine="streaming").item() else "str"


def _id_cell(column: str, kind: IdKind) -> Cell:
    text = pl.col(column)
    if kind == "str":
        return Cell(column, pl.when(text != "").then(text), "an id")
    integer = text.cast(pl.Int64, strict=False)
    return Cell(column, pl.when(text.str.contains(CANONICAL_INTEGER)).then(integer), "an integer")


def _code(text: pl.Expr) -> pl.Expr:
    """Positions in `BEHAVIORS`, UInt8."""
    return text.cast(pl.Enum(BEHAVIORS), strict=False).to_physical().cast(pl.UInt8)


_WANTED = {
    "integer": "a whole number",
    "number": "a number",
    "time": "a UTC time like 2026-01-02T03:04:05Z",
}


def _typed_cell(column: str, kind: str) -> Cell:
    text = pl.col(column)
    if kind == "time":
        said = text.str.to_datetime(_TIME, strict=False).dt.epoch("s")
        return Cell(column, said, _WANTED[kind])
    if kind == "number":
        number = text.cast(pl.Float64, strict=False)
        return Cell(column, pl.when(number.is_finite()).then(number), _WANTED[kind])
    whole = text.cast(pl.Int64, strict=False)
    if column in _POSITIVE:
        return Cell(column, pl.when(whole > 0).then(whole), "a positive whole number")
    return Cell(column, whole, _WANTED[kind])
