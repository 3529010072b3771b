"""Counting what becomes of every row, so that none can get lost."""

from __future__ import annotations

from collections import Counter

import msgspec

from ..contracts.errors import DataError
from ..contracts.tables import TABLES
from ..database.values import format_time
from .manifest import TableCounts


class Tally(msgspec.Struct):
    """The running counts of one table, as `TableCounts` explains them; `latest` in UTC seconds."""

    rows_in: int = 0
    rows_out: int = 0
    rejected: Counter[str] = msgspec.field(default_factory=Counter)
    emptied: Counter[str] = msgspec.field(default_factory=Counter)
    latest: int | None = None

    def use(self, n_rows: int, latest: int | None = None) -> None:
        """Count rows that are used; `latest` is the latest time among them."""
        self.rows_out += n_rows
        self.latest = max((at for at in (self.latest, latest) if at is not None), default=None)


Tallies = dict[str, Tally]
"""The tallies of the six tables by the tables' names."""


def new_tallies() -> Tallies:
    """Nothing counted yet."""
    return {table.name: Tally() for table in TABLES}


def settle(tallies: Tallies) -> dict[str, TableCounts]:
    """The final counts. Raises DataError where a row is neither used nor rejected."""
    settled = {}
    for name, tally in tallies.items():
        n_rejected = tally.rejected.total()
        if tally.rows_in != tally.rows_out + n_rejected:
            raise DataError(
                f"The ETL read {tally.rows_in} rows of {name} but used {tally.rows_out} and "
                f"rejected {n_rejected}. Nothing was published; please report this as a bug."
            )
        settled[name] = TableCounts(
            rows_in=tally.rows_in,
            rows_out=tally.rows_out,
            rejected=_most_frequent_first(tally.rejected),
            emptied=_most_frequent_first(tally.emptied),
            latest=None if tally.latest is None else format_time(tally.latest),
        )
    return settled


def _most_frequent_first(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))
