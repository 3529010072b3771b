"""The tables that Selera makes itself: every column of the contracts, typed for each database.

There are no foreign keys: real shops hold rows that point nowhere, and so does the sample shop.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    String,
    Text,
)
from sqlalchemy import Table as SqlTable
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from ..contracts import tables as contract
from ..contracts.tables import PRODUCT, TABLES, USER_PROFILE, Table

ID_CHARACTERS = 255
MARKER = "selera_made"

_MONEY = {"price", "transaction_value"}
_LONG_TEXTS = {"review_text", "product_name", "tag", "image_url", "location", "name"}
_INDEXED = ("user_id", "product_id")


def shop_tables(dialect: Dialect, text_ids: Collection[str] = ()) -> dict[str, SqlTable]:
    """The six SQL tables by name; the id columns in `text_ids` hold texts, the others integers."""
    metadata = MetaData()
    return {table.name: _sql_table(table, metadata, dialect, text_ids) for table in TABLES}


def shop_indexes(tables: dict[str, SqlTable]) -> list[Index]:
    """The indexes on user_id and product_id; they are made when the rows are there."""
    return [
        Index(f"ix_{table.name}_{name}"[:63], table.c[name])
        for table in tables.values()
        for name in _INDEXED
        if name in table.c and not table.c[name].primary_key
    ]


def marker_table() -> SqlTable:
    """The table that names which tables Selera made, and when."""
    return SqlTable(
        MARKER,
        MetaData(),
        Column("table_name", String(64), primary_key=True),
        Column("made_at", String(32), nullable=False),
        mysql_charset="utf8mb4",
    )


def _sql_table(
    table: Table, metadata: MetaData, dialect: Dialect, text_ids: Collection[str]
) -> SqlTable:
    return SqlTable(
        table.name,
        metadata,
        *(_sql_column(table, each, dialect, text_ids) for each in table.columns),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
    )


def _sql_column(
    table: Table, column: contract.Column, dialect: Dialect, text_ids: Collection[str]
) -> Column[Any]:
    is_key = column.name == table.key
    kind = _sql_type(column, dialect, column.name in text_ids)
    counts_itself = is_key and table not in (USER_PROFILE, PRODUCT)
    if counts_itself and dialect.name == "postgresql":
        return Column(column.name, kind, Identity(always=False), primary_key=True)
    return Column(
        column.name,
        kind,
        primary_key=is_key,
        nullable=not is_key,
        autoincrement=counts_itself,
    )


def _sql_type(column: contract.Column, dialect: Dialect, is_text_id: bool) -> TypeEngine[Any]:
    match column.kind:
        case "id" if is_text_id:
            return String(ID_CHARACTERS, collation=exact_collation(dialect))
        case "id":
            # SQLite numbers rows by itself only where the key is declared INTEGER.
            return BigInteger().with_variant(Integer(), "sqlite")
        case "integer":
            return Integer()
        case "number":
            return Numeric(18, 4) if column.name in _MONEY else Double()
        case "time" if dialect.name == "postgresql":
            return DateTime(timezone=True)
        case "time":
            return DateTime()
        case _:
            return Text() if column.name in _LONG_TEXTS else String(ID_CHARACTERS)


def exact_collation(dialect: Dialect) -> str | None:
    """The collation under which two ids are equal only if every character and space is."""
    if not isinstance(dialect, mysql.base.MySQLDialect):
        return None
    return "utf8mb4_nopad_bin" if dialect.is_mariadb else "utf8mb4_0900_bin"
