"""Finding the rows of an id: equal as ids are equal, whatever the column's type and collation."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from sqlalchemy import ColumnElement, String, cast, false, literal, types

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
    if kind == "int" or isinstance(declared, String):
        return _among(column, usable)
    if isinstance(declared, types.Uuid):
        uuids = [literal(uuid.UUID(str(id)), declared) for id in usable if _is_uuid(str(id))]
        return column.in_(uuids)
    # Elsewhere the other tables' ids are texts: compare as texts, though no index helps then.
    return _among(cast(column, String), usable)


def _among(column: ColumnElement[object], ids: Sequence[Id]) -> ColumnElement[bool]:
    if not ids:
        return false()
    return column == ids[0] if len(ids) == 1 else column.in_(ids)


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
