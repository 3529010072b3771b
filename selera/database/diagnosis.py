"""What a person should know about a shop's database before anything is learned from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Engine, String, cast, exists, func, inspect, select

from ..contracts.behaviors import BEHAVIOR_SOURCES
from ..contracts.tables import (
    BUY,
    PRODUCT,
    RATING,
    REVIEW,
    TABLES,
    USER_PROFILE,
    VISIT,
    Table,
)
from .failures import describe, translated
from .layout import TableLayout, find_tables

Level = Literal["ok", "warning", "error"]
Layouts = dict[str, TableLayout]

MANY_ROWS = 10_000
SMALL_SHARE = 0.01
"""Of a table's rows, what every shop has of strays: worth knowing, nothing to act on."""


class Finding(msgspec.Struct, frozen=True):
    """One thing that is in order, odd, or wrong; `cure` is empty where nothing needs one."""

    level: Level
    subject: str
    sentence: str
    cure: str = ""


def diagnose(engine: Engine) -> list[Finding]:
    """Look at the tables, worst findings first; `DatabaseError` where the database is silent."""
    with translated(engine.url, "examine"), engine.connect() as connection:
        layouts = find_tables(connection)
        findings = list(_missing(layouts))
        if not findings:
            counts = _counts(connection, layouts)
            for look in (_rows, _orphans, _indexes):
                findings += look(connection, layouts, counts)
            findings.append(_summary(connection, counts))
    order = ("error", "warning", "ok")
    return sorted(findings, key=lambda finding: order.index(finding.level))


def _missing(layouts: Layouts) -> Iterator[Finding]:
    for table in TABLES:
        layout = layouts.get(table.name)
        if layout is None:
            yield Finding(
                "error",
                table.name,
                f"There is no table {table.name}.",
                f"Create it (or a view) with the columns {', '.join(table.required)}; it may be "
                f"empty. For a sample shop in a new database: selera seed.",
            )
            continue
        for name in layout.missing:
            yield Finding(
                "error",
                f"{table.name}.{name}",
                f"The table {table.name} has no column {name}.",
                f"Add it; it may hold NULL: ALTER TABLE {table.name} ADD COLUMN {name} "
                f"{_SQL_TYPES[table.kind(name)]};",
            )


_SQL_TYPES = {
    "id": "BIGINT",
    "text": "VARCHAR(255)",
    "integer": "INTEGER",
    "number": "NUMERIC(18, 4)",
    "time": "TIMESTAMP",
}


def _counts(connection: Connection, layouts: Layouts) -> dict[str, int]:
    return {name: _count(connection, layout) for name, layout in layouts.items()}


def _count(connection: Connection, layout: TableLayout, *conditions: Any) -> int:
    query = select(func.count()).select_from(layout.source).where(*conditions)
    return int(connection.execute(query).scalar_one())


def _rows(connection: Connection, layouts: Layouts, counts: dict[str, int]) -> Iterator[Finding]:
    behaviors = [source.table.name for source in BEHAVIOR_SOURCES]
    if not any(counts[name] for name in behaviors):
        yield Finding(
            "error",
            "behaviors",
            "All four behavior tables are empty: there is nothing to learn from.",
            "Fill at least one of " + ", ".join(behaviors) + ".",
        )
    for table in TABLES:
        if not counts[table.name]:
            yield Finding("warning", table.name, _EMPTY[table.name], "Fill it if the shop can.")
    stars = layouts[RATING.name].column("rating")
    if counts[RATING.name] and not _count(connection, layouts[RATING.name], stars.is_not(None)):
        yield Finding(
            "warning",
            f"{RATING.name}.rating",
            f"All {counts[RATING.name]:,} ratings are NULL: no stars can be predicted.",
            "Fill the column with the stars that users gave.",
        )


_EMPTY = {
    table.name: f"The table {table.name} is empty: models learn nothing from {what}."
    for table, what in ((VISIT, "visits"), (BUY, "purchases"), (REVIEW, "reviews"))
} | {
    RATING.name: f"The table {RATING.name} is empty: no stars can be predicted.",
    PRODUCT.name: f"The table {PRODUCT.name} is empty: products have no name, category or price.",
    USER_PROFILE.name: f"The table {USER_PROFILE.name} is empty: nobody has a profile.",
}


def _orphans(connection: Connection, layouts: Layouts, counts: dict[str, int]) -> Iterator[Finding]:
    for source in BEHAVIOR_SOURCES:
        for owner in (USER_PROFILE, PRODUCT):
            lost = _orphan_count(connection, layouts[source.table.name], layouts[owner.name])
            if lost and counts[owner.name]:
                n_rows = counts[source.table.name]
                is_small = lost < SMALL_SHARE * n_rows
                yield Finding(
                    "ok" if is_small else "warning",
                    f"{source.table.name}.{owner.key}",
                    f"{lost:,} of {n_rows:,} rows of {source.table.name} name a {owner.key} that "
                    f"{owner.name} does not have, or none: {_FATE[owner.name]}.",
                    "" if is_small else f"Add the missing rows to {owner.name}.",
                )


_FATE = {
    PRODUCT.name: "the ETL rejects them",
    USER_PROFILE.name: "the ETL keeps users without a profile and rejects rows without a user_id",
}


def _orphan_count(connection: Connection, behaviors: TableLayout, owners: TableLayout) -> int:
    key = owners.table.key
    here, there = behaviors.column(key), owners.column(key)
    if type(behaviors.types[key]) is not type(owners.types[key]):
        there = cast(there, String)  # type: ignore[assignment]
        here = cast(here, String)  # type: ignore[assignment]
    known = exists(select(1).select_from(owners.source).where(there == here))
    return _count(connection, behaviors, ~known)


def _indexes(connection: Connection, layouts: Layouts, counts: dict[str, int]) -> Iterator[Finding]:
    for table, name in _LOOKED_UP:
        if counts[table.name] > MANY_ROWS and not _is_indexed(connection, table, name):
            yield Finding(
                "warning",
                f"{table.name}.{name}",
                f"The table {table.name} has {counts[table.name]:,} rows and no index on {name}: "
                f"each request reads all of them.",
                f"CREATE INDEX ix_{table.name}_{name} ON {table.name} ({name});",
            )


_LOOKED_UP: tuple[tuple[Table, str], ...] = (
    (USER_PROFILE, "user_id"),
    (PRODUCT, "product_id"),
    *((source.table, "user_id") for source in BEHAVIOR_SOURCES),
)


def _is_indexed(connection: Connection, table: Table, name: str) -> bool:
    inspector = inspect(connection)
    if table.name in inspector.get_view_names():
        return True  # its tables' indexes are not ours to judge
    leading: list[Sequence[str | None]] = [
        inspector.get_pk_constraint(table.name)["constrained_columns"][:1]
    ]
    leading += [each["column_names"][:1] for each in inspector.get_indexes(table.name)]
    leading += [each["column_names"][:1] for each in inspector.get_unique_constraints(table.name)]
    return any(str(column).lower() == name for columns in leading for column in columns)


def _summary(connection: Connection, counts: dict[str, int]) -> Finding:
    behaviors = sum(counts[source.table.name] for source in BEHAVIOR_SOURCES)
    return Finding(
        "ok",
        "database",
        f"{describe(connection.engine.url)} answers: {counts[USER_PROFILE.name]:,} users, "
        f"{counts[PRODUCT.name]:,} products, {behaviors:,} behaviors.",
    )
