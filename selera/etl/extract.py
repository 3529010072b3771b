"""From the database to typed rows: every table is read once, in one snapshot, batch by batch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import structlog

from ..contracts.behaviors import BEHAVIOR_SOURCES
from ..contracts.columns import AT, BEHAVIOR, PRODUCT_ID, RATING, USER_ID
from ..contracts.errors import DataError
from ..contracts.ids import IdKind
from ..contracts.protocols import Progress
from ..contracts.tables import PRODUCT, USER_PROFILE, Table
from ..database import Snapshot
from .config import EtlConfig
from .details import first_of_each
from .frames import BEHAVIOR_TYPE, Schema, behavior_schema, product_schema, profile_schema
from .overlap import OneBehind, paused_garbage_collection
from .reading import Readers, TableReader, unusable_values
from .rejects import Rejects
from .rules import Rule, row_rules, split, usable_id
from .runs import Runs
from .scale import ScaleTally
from .tally import Tallies

log = structlog.get_logger(__name__)

_AS_CALLED: Mapping[str, str] = {}


@dataclass(frozen=True)
class Extracted:
    """The rows of a shop that are usable as far as a row alone can tell.

    behaviors, profiles : on disk, sorted by user
    products : in memory, one row per product
    ratings : what the rating scale can be found from
    """

    user_id_kind: IdKind
    product_id_kind: IdKind
    behaviors: Runs
    profiles: Runs
    products: pl.DataFrame
    ratings: ScaleTally


class Extraction:
    """Reads the tables of one snapshot; `tallies` and `rejects` learn what becomes of the rows."""

    def __init__(
        self, snapshot: Snapshot, config: EtlConfig, tallies: Tallies, rejects: Rejects
    ) -> None:
        self._snapshot = snapshot
        self._tallies = tallies
        self._rejects = rejects
        self._range_rows = config.bucket_rows
        self._user_kind = snapshot.id_kind(USER_ID)
        self._product_kind = snapshot.id_kind(PRODUCT_ID)
        self._readers = Readers(self._user_kind, self._product_kind, config.zone())

    def run(self, folder: Path, progress: Progress) -> Extracted:
        """Read all six tables; what does not fit into memory is spilled into `folder`."""
        with paused_garbage_collection():
            behaviors, ratings = self._behaviors(folder / "behaviors", progress)
            return Extracted(
                user_id_kind=self._user_kind,
                product_id_kind=self._product_kind,
                behaviors=behaviors,
                profiles=self._profiles(folder / "profiles", progress),
                products=self._products(progress),
                ratings=ratings,
            )

    def _behaviors(self, folder: Path, progress: Progress) -> tuple[Runs, ScaleTally]:
        schema = behavior_schema(self._user_kind, self._product_kind)
        behaviors, ratings = Runs(folder, schema, USER_ID, self._range_rows), ScaleTally()
        stored = {name: dtype for name, dtype in schema.items() if name != BEHAVIOR}
        for source in BEHAVIOR_SOURCES:
            behavior = pl.lit(source.behavior, BEHAVIOR_TYPE).alias(BEHAVIOR)

            def take(rows: pl.DataFrame, behavior: pl.Expr = behavior) -> None:
                behaviors.add(rows.with_columns(behavior))
                ratings.add(rows[RATING].drop_nulls().to_numpy())

            renamed = {source.time_column: AT}
            self._read(source.table, stored, row_rules(source), take, progress, renamed)
        return behaviors, ratings

    def _profiles(self, folder: Path, progress: Progress) -> Runs:
        schema = profile_schema(self._user_kind)
        profiles = Runs(folder, schema, USER_ID, self._range_rows)
        self._read(USER_PROFILE, schema, usable_id(USER_ID), profiles.add, progress)
        return profiles

    def _products(self, progress: Progress) -> pl.DataFrame:
        schema = product_schema(self._product_kind)
        frames = [pl.DataFrame(schema=schema)]
        self._read(PRODUCT, schema, usable_id(PRODUCT_ID), frames.append, progress)
        return first_of_each(pl.concat(frames), PRODUCT, self._rejects)

    def _read(
        self,
        table: Table,
        schema: Schema,
        rules: Sequence[Rule],
        take: Callable[[pl.DataFrame], None],
        progress: Progress,
        renamed: Mapping[str, str] = _AS_CALLED,
    ) -> None:
        """Hand the rows of one table that keep the rules to `take`, as frames of this schema.

        Raises DataError where fewer rows arrive than the table holds.
        """
        started = time.perf_counter()
        stage, total = f"read {table.name}", self._snapshot.count(table)
        reader = TableReader(table, self._snapshot.columns(table), schema, self._readers, renamed)
        tally = self._tallies[table.name]

        def check(rows: pl.DataFrame) -> None:
            kept, broken = split(rows, rules)
            self._rejects.add(table, broken)
            tally.emptied.update(unusable_values(kept, schema))
            take(kept.select(*schema))

        with OneBehind() as worker:
            for batch in self._snapshot.batches(table):
                worker.do(check, reader.frame(batch))
                tally.rows_in += len(batch)
                progress(stage, tally.rows_in, total)
        if tally.rows_in < total:
            raise DataError(
                f"Only {tally.rows_in} of the {total} rows of {table.name} could be read. "
                "Nothing was published; run etl.py again."
            )
        log.info(stage, rows=tally.rows_in, seconds=round(time.perf_counter() - started, 3))
