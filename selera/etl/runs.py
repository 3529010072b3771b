"""Rows on disk in sorted runs: memory holds one run or one range of them, never the whole table."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from .frames import Schema

RUN_ROWS = 500_000
"""Rows of one run: what waits in memory before it is sorted and written."""

_GROUP_ROWS = 25_000
_SAMPLES_PER_RANGE = 500


class Range(NamedTuple):
    """The values `after` < value <= `upto` of a sorted column; None is no bound."""

    after: Any
    upto: Any

    def holds(self, column: str) -> pl.Expr:
        """True for the rows of this range."""
        bounds = [pl.lit(True)]
        if self.after is not None:
            bounds.append(pl.col(column) > self.after)
        if self.upto is not None:
            bounds.append(pl.col(column) <= self.upto)
        return pl.all_horizontal(bounds)


class Runs:
    """A table on disk, cut into runs that are each sorted by one column: an external sort.

    The column holds no nulls. A range reads only those parts of a run whose statistics say that
    they can hold it, so all ranges together read the table about once.
    """

    def __init__(self, folder: Path, schema: Schema, column: str, range_rows: int) -> None:
        folder.mkdir()
        self._folder = folder
        self._schema = schema
        self._column = column
        self._step = max(1, range_rows // _SAMPLES_PER_RANGE)
        self._samples_per_range = max(1, range_rows // self._step)
        self._samples: list[pl.Series] = []
        self._waiting: list[pl.DataFrame] = []
        self._files: list[Path] = []

    def add(self, frame: pl.DataFrame) -> None:
        """Append rows, in any order."""
        if frame.is_empty():
            return
        self._waiting.append(frame.select(*self._schema))
        if sum(map(len, self._waiting)) >= RUN_ROWS:
            self._write_run()

    def ranges(self) -> list[Range]:
        """Contiguous ranges that cover every value, of about `range_rows` rows each.

        Rows with equal values share a range, however many they are.
        """
        self._write_run()
        samples = pl.concat([pl.Series(dtype=self._schema[self._column]), *self._samples]).sort()
        every = self._samples_per_range
        cuts = samples.gather_every(every, every - 1).unique(maintain_order=True).to_list()
        return [
            Range(after, upto) for after, upto in zip([None, *cuts], [*cuts, None], strict=True)
        ]

    def read(self, part: Range) -> pl.DataFrame:
        """The rows of a range, in no particular order."""
        self._write_run()
        if not self._files:
            return pl.DataFrame(schema=self._schema)
        return pl.scan_parquet(self._files).filter(part.holds(self._column)).collect()

    def _write_run(self) -> None:
        """Sort the waiting rows and put them on disk."""
        if not self._waiting:
            return
        run = pl.concat(self._waiting).sort(self._column)
        self._waiting = []
        file = self._folder / f"{len(self._files):06}.parquet"
        run.write_parquet(file, compression="lz4", row_group_size=_GROUP_ROWS)
        self._files.append(file)
        self._samples.append(run[self._column].gather_every(self._step, self._step - 1))
