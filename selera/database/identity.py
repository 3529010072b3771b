"""Finding the rows of an id: equal as ids are equal, whatever the column's type and collation."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, String, cast, literal, types
from sqlalchemy.types import TypeEngine

from ..contracts.ids import Id, IdKind
from .layout import TableLayout

INT64 = range(-(2**63), 2**63)


def can_be_stored(id: Id, kind: IdKind) -> bool:
    """Whether a row can bear this id at all; drivers fail on those that cannot."""
    if isinstance(id, int):
        return kind == "int" and not isinstance(id, bool) and id in INT64
    if kind == "int" or not id or "\x00" in id:
        return False
    try:
        id.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def bears(layout: TableLayout, name: str, kind: IdKind, ids: Sequence[Id]) -> ColumnElement[bool]:
    """The condition that a row's id column `name` is one of `ids`.

    A collation may find more than is equal (`A` for `a`), so the caller compares what comes back.
    """
    usable = [id for id in ids if can_be_stored(id, kind)]
    column: ColumnElement[object] = layout.column(name)
    declared = layout.types[name]
    if kind == "int":
        return _among(column, usable, BigInteger())
    if isinstance(declared, types.Uuid):
        uuids = [uuid.UUID(str(id)) for id in usable if _is_uuid(str(id))]
        return _among(column, uuids, declared)
    if not isinstance(declared, String):
        # Elsewhere the other tables' ids are texts: compare as texts, though no index helps then.
        column = cast(column, String)
    return _among(column, usable, String())


def _among(
    column: ColumnElement[object], values: Sequence[object], kind: TypeEngine[Any]
) -> ColumnElement[bool]:
    if len(values) == 1:
        return column == literal(values[0], kind)
    return column.in_([literal(value, kind) for value in values])


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
