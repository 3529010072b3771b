"""What one run of the ETL tells its caller."""

from __future__ import annotations

import msgspec

from .manifest import TableCounts


class EtlReport(msgspec.Struct, frozen=True):
    """The outcome of one run.

    tables : per table of the shop, rows in, rows out and rows rejected by reason
    n_rows : rows of the CSV
    sha256 : of the CSV's bytes
    rating_scale : (low, high) in stars; None where nobody rated
    changed : False where the CSV and the rejects hold the same bytes as before the run
    """

    tables: dict[str, TableCounts]
    n_rows: int
    sha256: str
    rating_scale: tuple[float, float] | None
    seconds: float
    changed: bool
