"""What a database really holds of the six tables: which columns, under which names and types."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, inspect, literal_column, types
from sqlalchemy import column as sql_column
from sqlalchemy import table as sql_table
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import SAWarning
from sqlalchemy.sql.expression import ColumnClause, ColumnElement, TableClause, func
from sqlalchemy.types import TypeEngine

from ..contracts.errors import DatabaseError
from ..contracts.ids import IdKind
from ..contracts.tables import TABLES, Table
from .failures import describe


@dataclass(frozen=True, slots=True)
class TableLayout:
    """One of the six tables as the database declares it.

    The columns are spelled as the database spells them but carry no SQL type, so that values come
    back as the driver tells them: a date that is stored as a text stays a text.
    """

    table: Table
    source: TableClause
    types: dict[str, TypeEngine[object]]

    @property
    def names(self) -> tuple[str, ...]:
        """The known columns that exist, in the order of `contracts.tables`."""
        return tuple(each.name for each in self.table.columns if each.name in self.types)

    @property
    def missing(self) -> tuple[str, ...]:
        """The required columns that do not exist."""
        return tuple(name for name in self.table.required if name not in self.types)

    def column(self, name: str) -> ColumnClause[object]:
        """The SQL column of a known column that exists."""
        return self.source.c[name]

    def told(self, name: str) -> ColumnElement[Any]:
        """What to select of a known column that exists, so that a moment says that it is one.

        MariaDB and MySQL tell a TIMESTAMP, which is a moment, as the session's clock shows it. Our
        sessions are in UTC (`drivers`), so a `Z` makes it whole.
        """
        column = self.column(name)
        if is_timestamp_of_mysql(self.types[name]):
            return func.concat(column, literal_column("'Z'"))
        return column

    def columns(self) -> list[ColumnElement[Any]]:
        """All columns of `names`, as they are told."""
        return [self.told(name) for name in self.names]


@dataclass(frozen=True, slots=True)
class ShopLayout:
    """The six tables of one database."""

    tables: dict[str, TableLayout]

    def __getitem__(self, table: Table) -> TableLayout:
        return self.tables[table.name]

    def id_kind(self, name: str) -> IdKind:
        """`int` where every table that has the id column declares it an integer, else `str`."""
        declared = [each.types[name] for each in self.tables.values() if name in each.types]
        return "int" if all(isinstance(each, types.Integer) for each in declared) else "str"


def is_timestamp_of_mysql(declared: TypeEngine[Any]) -> bool:
    """Whether a column holds moments, though its type says nothing of a time zone."""
    return isinstance(declared, mysql.TIMESTAMP)


def read_layout(connection: Connection) -> ShopLayout:
    """Reflect the six tables; `DatabaseError` names every table and column that is missing."""
    found = find_tables(connection)
    missing_tables = [table.name for table in TABLES if table.name not in found]
    missing_columns = [
        f"{name}.{column}" for name, layout in found.items() for column in layout.missing
    ]
    if missing_tables or missing_columns:
        lacks = [_listed("table", missing_tables), _listed("column", missing_columns)]
        raise DatabaseError(
            f"The database {describe(connection.engine.url)} lacks "
            f"{' and '.join(filter(None, lacks))}. Add what is missing (a view will do; "
            f"docs/data-contract.md has the six tables), or make a sample shop in a database of "
            f"its own with `selera seed`."
        )
    return ShopLayout(found)


def find_tables(connection: Connection) -> dict[str, TableLayout]:
    """Those of the six tables (or views) that exist, whatever columns they have."""
    inspector = inspect(connection)
    found = {}
    with warnings.catch_warnings():
        # A column of a type that SQLAlchemy does not know is none of ours.
        warnings.simplefilter("ignore", SAWarning)
        for table in TABLES:
            if inspector.has_table(table.name):
                declared = {
                    each["name"]: each["type"] for each in inspector.get_columns(table.name)
                }
                found[table.name] = _layout(table, declared)
    return found


def _layout(table: Table, declared: dict[str, TypeEngine[object]]) -> TableLayout:
    spelled = {name.lower(): name for name in reversed(declared)}
    known = {each.name: spelled[each.name] for each in table.columns if each.name in spelled}
    columns: list[ColumnClause[object]] = []
    for name, spelling in known.items():
        column: ColumnClause[object] = sql_column(spelling)
        column.key = name
        columns.append(column)
    return TableLayout(
        table=table,
        source=sql_table(table.name, *columns),
        types={name: declared[spelling] for name, spelling in known.items()},
    )


def _listed(noun: str, names: Iterable[str]) -> str:
    listed = list(names)
    if not listed:
        return ""
    return f"the {noun}{'s' if len(listed) > 1 else ''} {', '.join(listed)}"
