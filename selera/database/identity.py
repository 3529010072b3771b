"""Finding the rows of an id: equal as ids are equal, whatever the column's type and collation."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, String, bindparam, cast, func, types
from sqlalchemy.types import TypeEngine

from ..contracts.ids import Id, IdKind
from .layout import TableLayout

INT64 = range(-(2**63), 2**63)


class IdFilter:
    """The condition that a row's id is one of some ids: made once, bound with ids often.

    Where it is `single`, only one can be asked for, which the database is told in less time. A
    collation may find more than is equal (`A` for `a`), so the caller compares what comes back.
    """

    def __init__(
        self, layout: TableLayout, name: str, kind: IdKind, *, single: bool = False
    ) -> None:
        self._kind = kind
        self._single = single
        self._parameter = f"ids_of_{layout.table.name}"
        declared = layout.types[name]
        self._is_uuid = kind == "str" and isinstance(declared, types.Uuid)
        column: ColumnElement[Any] = layout.column(name)
        bound: TypeEngine[Any] = BigInteger() if kind == "int" else String()
        if self._is_uuid:
            bound = declared
        elif kind == "str" and not isinstance(declared, String):
            # Other tables' ids are texts: compare as texts, though no index helps then.
            column = cast(column, String)
        asked = bindparam(self._parameter, type_=bound, expanding=not single)
        self.condition = column == asked if single else column.in_(asked)

    def bind(self, ids: Iterable[Id]) -> dict[str, object]:
        """The parameters under which the condition finds these ids."""
        values: list[object] = [id for id in ids if can_be_stored(id, self._kind)]
        if self._is_uuid:
            values = [uuid.UUID(str(id)) for id in values if _is_uuid(str(id))]
        if self._single:
            return {self._parameter: values[0] if values else None}  # which equals no id
        return {self._parameter: values}


def is_id(
    layout: TableLayout, name: str, kind: IdKind, dialect_name: str
) -> list[ColumnElement[bool]]:
    """The conditions that a column holds an id, as `read_id` has it, and not null or an empty text.

    SQLite stores texts in a column of integers too, which are no ids there.
    """
    column = layout.column(name)
    conditions: list[ColumnElement[bool]] = [column.is_not(None)]
    if kind == "int" and dialect_name == "sqlite":
        conditions.append(func.typeof(column) == "integer")
    elif kind == "str" and isinstance(layout.types[name], String):
        # Compared with an empty text, MariaDB would find blanks equal.
        conditions.append(func.length(column) > 0)
    return conditions


def can_be_stored(id: Id, kind: IdKind) -> bool:
    """Whether a row can bear this id at all; drivers fail on those that none can."""
    if isinstance(id, int):
        return kind == "int" and not isinstance(id, bool) and id in INT64
    if kind == "int" or not id or "\x00" in id:
        return False
    try:
        id.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
