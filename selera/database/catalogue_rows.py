"""The whole catalogue, streamed into columns, under the rules of `Shop.products`.

An empty text of a category, tag, country or brand counts as none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Select, func, select, types

from ..contracts.between import Between
from ..contracts.catalogue import NO_CODE, WORDS, CatalogueColumns, Words
from ..contracts.ids import Id, IdKind
from ..contracts.tables import PRODUCT
from .layout import ShopLayout, TableLayout
from .streaming import stream
from .values import parse_number, plain, read_id

BATCH_ROWS = 500
"""A millisecond of reading."""

_FLOAT_TYPES = frozenset({int, float, type(None)})


def read_catalogue(
    connection: Connection, layout: ShopLayout, between: Between
) -> CatalogueColumns:
    """All products of which the id can be used, in the order of their ids, texts by code points.

    Of several rows of one id, the first that the database tells counts. `between` is called after
    each batch of rows. Raises what SQLAlchemy or the driver raises.
    """
    table, kind = layout[PRODUCT], layout.id_kind(PRODUCT.key)
    read = {name: how for name, how in _NUMBERS.items() if name == "price" or name in table.types}
    names = [PRODUCT.key, *WORDS, *read]
    ids = _Ids(kind)
    words = {name: _Coder() for name in WORDS}
    codes: dict[str, list[NDArray[np.int32]]] = {name: [] for name in WORDS}
    numbers: dict[str, list[NDArray[Any]]] = {name: [] for name in read}
    columns_asked: list[ColumnElement[Any]] = [table.column(name) for name in names]
    for told in _columns(connection, select(*columns_asked)):
        columns = dict(zip(names, told, strict=True))
        ids.add(columns[PRODUCT.key])
        for name, coder in words.items():
            codes[name].append(coder.codes(columns[name]))
        for name, parts in numbers.items():
            parts.append(read[name](columns[name]))
        between()
    order = ids.order()
    return CatalogueColumns(
        ids.take(order),
        **{
            name: Words(tuple(coder.texts), _ordered(codes.pop(name), np.int32, order))
            for name, coder in words.items()
        },
        price=_ordered(numbers["price"], np.float64, order),
        stock=_ordered(numbers["stock"], np.float64, order) if "stock" in read else None,
        marks=_ordered(numbers["updated_at"], np.int64, order) if "updated_at" in read else None,
    )


def catalogue_token_query(layout: ShopLayout, dialect_name: str) -> Select[Any]:
    """One row of values which differ where the product table may have changed.

    Where the table has `updated_at`: the number of rows and the latest times; a change that leaves
    that column as it is, or a row replaced by one that is no later, is missed. Elsewhere: the
    number of rows, the sum of numbers and the lengths of texts, which takes reading the table and
    misses changes that keep them all, such as two products that swap their prices.
    """
    table = layout[PRODUCT]
    parts: list[ColumnElement[Any]] = [func.count(), func.max(table.column(PRODUCT.key))]
    if "updated_at" in table.types:
        parts += [
            func.max(table.column(name))
            for name in ("created_at", "updated_at")
            if name in table.types
        ]
        return select(*parts).select_from(table.source)
    for name in (PRODUCT.key, *WORDS, "price", "stock"):
        if name in table.types:
            parts += _summary(table, name, is_lenient=dialect_name == "sqlite")
    return select(*parts).select_from(table.source)


def _summary(table: TableLayout, name: str, *, is_lenient: bool) -> list[ColumnElement[Any]]:
    column, declared = table.column(name), table.types[name]
    if isinstance(declared, types.String):
        return [func.sum(func.length(column)), func.max(column), func.count(column)]
    if is_lenient or isinstance(declared, types.Numeric | types.Integer):
        # SQLite's sum of integers fails beyond 64 bits.
        return [(func.total if is_lenient else func.sum)(column), func.count(column)]
    return [func.count(column)]


def _columns(connection: Connection, query: Select[Any]) -> Iterator[list[tuple[Any, ...]]]:
    """The columns of the rows, batch by batch."""
    for rows in stream(connection, query, BATCH_ROWS):
        yield list(zip(*rows, strict=True))


class _Coder(dict[Any, int]):
    """Gives each distinct text a code, in the order of their appearance."""

    def __init__(self) -> None:
        super().__init__({None: NO_CODE, "": NO_CODE})
        self.texts: list[str] = []

    def __missing__(self, text: str) -> int:
        code = self[text] = len(self.texts)
        self.texts.append(text)
        return code

    def codes(self, column: Sequence[Any]) -> NDArray[np.int32]:
        """The codes of one batch."""
        if not {str, type(None)}.issuperset(map(type, column)):
            column = [None if value is None else str(plain(value)) for value in column]
        return np.fromiter(map(self.__getitem__, column), dtype=np.int32, count=len(column))


class _Ids:
    """The ids of all rows, and which of them can be used."""

    def __init__(self, kind: IdKind) -> None:
        self._kind = kind
        self._integers: list[NDArray[np.int64]] = []
        self._usable: list[NDArray[np.bool_]] = []
        self._texts: list[str] = []

    def add(self, column: Sequence[Any]) -> None:
        """The ids of one batch."""
        ids: Sequence[Id | None] = column
        needed = int if self._kind == "int" else str
        if set(map(type, column)) != {needed} or (needed is str and "" in column):
            ids = [read_id(value, self._kind) for value in column]
        elif needed is int and not -(2**63) <= min(column) <= max(column) < 2**63:
            ids = [read_id(value, self._kind) for value in column]
        usable = [id is not None for id in ids]
        self._usable.append(np.array(usable, dtype=np.bool_))
        if self._kind == "int":
            self._integers.append(np.array([id or 0 for id in ids], dtype=np.int64))
        else:
            self._texts += [str(id or "") for id in ids]

    def order(self) -> NDArray[np.int64]:
        """The rows that are products, the first of each id, in the order of the ids."""
        rows = np.flatnonzero(np.concatenate([*self._usable, np.zeros(0, np.bool_)]))
        if self._kind == "int":
            ids = self._all_integers()[rows]
            order = rows[np.argsort(ids, kind="stable")]
            sorted_ids = self._all_integers()[order]
            is_first = np.ones(len(order), dtype=np.bool_)
            is_first[1:] = sorted_ids[1:] != sorted_ids[:-1]
            return order[is_first]
        texts = self._texts
        sorted_rows = sorted(rows.tolist(), key=texts.__getitem__)
        kept = [
            row
            for place, row in enumerate(sorted_rows)
            if place == 0 or texts[row] != texts[sorted_rows[place - 1]]
        ]
        return np.array(kept, dtype=np.int64)

    def take(self, order: NDArray[np.int64]) -> Sequence[str] | NDArray[np.int64]:
        """The ids at these rows."""
        if self._kind == "int":
            return self._all_integers()[order]
        return [self._texts[row] for row in order.tolist()]

    def _all_integers(self) -> NDArray[np.int64]:
        if len(self._integers) != 1:
            self._integers = [np.concatenate([*self._integers, np.zeros(0, np.int64)])]
        return self._integers[0]


def _floats(column: Sequence[Any]) -> NDArray[np.float64]:
    """Numbers as `parse_number` reads them, NaN where there is none."""
    if _FLOAT_TYPES.issuperset(map(type, column)):
        try:
            numbers = np.array(column, dtype=np.float64)
        except OverflowError:
            pass
        else:
            numbers[~np.isfinite(numbers)] = np.nan
            return numbers
    read = (parse_number(value) for value in column)
    return np.array([math.nan if each is None else each for each in read], dtype=np.float64)


def _whole(column: Sequence[Any]) -> NDArray[np.float64]:
    """Numbers that are whole, NaN for the others."""
    numbers = _floats(column)
    return np.where(numbers == np.floor(numbers), numbers, np.nan)


def _marks(column: Sequence[Any]) -> NDArray[np.int64]:
    """A number for each value, the same for equal ones."""
    return np.fromiter((hash(plain(value)) for value in column), dtype=np.int64, count=len(column))


_NUMBERS: dict[str, Callable[[Sequence[Any]], NDArray[Any]]] = {
    "price": _floats,
    "stock": _whole,
    "updated_at": _marks,
}
"""The columns that become numbers, and how."""


def _ordered(parts: list[NDArray[Any]], dtype: Any, order: NDArray[np.int64]) -> NDArray[Any]:
    return np.concatenate([*parts, np.zeros(0, dtype)])[order]
