"""Rows that cannot be used, each with its reason, collected for `data-rejected.csv`."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ..contracts.columns import PRODUCT_ID, USER_ID
from ..contracts.tables import TABLES, Table
from .files import NewFile
from .frames import KEY_NUMBER, KEY_TEXT, Schema, raw
from .rules import REASON, RULE
from .runs import Runs
from .tally import Tallies

REJECTED_COLUMNS = ("table", "key", USER_ID, PRODUCT_ID, REASON)

_KEY_ORDER = "key_order"
_SCHEMA: Schema = {name: pl.String() for name in (_KEY_ORDER, "key", USER_ID, PRODUCT_ID, REASON)}


class Rejects:
    """Rejected rows: counted by table and rule, written by table, key, user and product."""

    def __init__(self, folder: Path, range_rows: int, tallies: Tallies) -> None:
        folder.mkdir()
        self._tallies = tallies
        self._runs = {
            table.name: Runs(folder / table.name, _SCHEMA, _KEY_ORDER, range_rows)
            for table in TABLES
        }

    def add(self, table: Table, broken: pl.DataFrame) -> None:
        """Take rows of one table that `rules.split` found broken."""
        self._tallies[table.name].rejected.update(dict(broken[RULE].value_counts().iter_rows()))
        self._runs[table.name].add(
            broken.select(
                _key_order().alias(_KEY_ORDER),
                pl.coalesce(pl.col(KEY_NUMBER).cast(pl.String), KEY_TEXT).alias("key"),
                _shown_id(broken, USER_ID),
                _shown_id(broken, PRODUCT_ID),
                REASON,
            )
        )

    def write(self, file: NewFile) -> None:
        """Append every rejected row, the header first."""
        file.append(pl.DataFrame(schema=REJECTED_COLUMNS), header=True)
        for table in TABLES:
            runs = self._runs[table.name]
            for part in runs.ranges():
                rows = runs.read(part).sort(_KEY_ORDER, USER_ID, PRODUCT_ID, REASON)
                file.append(rows.select(pl.lit(table.name).alias("table"), *REJECTED_COLUMNS[1:]))


def _key_order() -> pl.Expr:
    """A text that sorts as keys do: NULL, then integers by value, then texts by their bytes."""
    shifted = pl.col(KEY_NUMBER).cast(pl.Int128) + 2**63
    return pl.coalesce(
        shifted.cast(pl.String).str.zfill(20),
        pl.concat_str(pl.lit("text"), pl.col(KEY_TEXT)),
        pl.lit(""),
    )


def _shown_id(frame: pl.DataFrame, column: str) -> pl.Expr:
    """The id as it stood in the table, whether it could be read or not."""
    stood = [name for name in (column, raw(column)) if name in frame.columns]
    shown = pl.coalesce(pl.col(stood).cast(pl.String)) if stood else pl.lit(None, pl.String)
    return shown.alias(column)
