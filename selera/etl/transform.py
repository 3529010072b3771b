"""From behaviors on disk to the rows of the CSV, one range of users after another.

A range of users holds everything that its rows depend on, and ranges follow each other in the order
of the CSV: sorting each range sorts the whole, and memory holds one range at a time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl
import structlog

from ..contracts.behaviors import BEHAVIOR_SOURCES
from ..contracts.columns import AT, BEHAVIOR, PRODUCT_ID, RATING, TRAINING_COLUMNS, USER_ID
from ..contracts.interactions import RatingScale
from ..contracts.protocols import Progress
from ..contracts.tables import PRODUCT, REVIEW, USER_PROFILE
from .details import first_of_each
from .extract import Extracted
from .files import NewFile
from .frames import ORDER, instant
from .overlap import OneBehind
from .rejects import Rejects
from .rules import SAME_ROW, Rule, outside, shop_rules, split
from .tally import Tallies

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Transformation:
    """Checks, joins, sorts and writes behaviors; `tallies` and `rejects` learn of every row.

    scale : the scale of the ratings; None where nobody rated
    """

    scale: RatingScale | None
    tallies: Tallies
    rejects: Rejects

    def run(self, extracted: Extracted, csv: NewFile, progress: Progress) -> None:
        """Append the header and every usable behavior to `csv`."""
        started = time.perf_counter()
        products = extracted.products
        self.tallies[PRODUCT.name].use(products.height)
        csv.append(pl.DataFrame(schema=TRAINING_COLUMNS), header=True)
        rules = shop_rules(products[PRODUCT_ID], self.scale)
        ranges = extracted.behaviors.ranges()
        with OneBehind() as worker:
            for done, part in enumerate(ranges, start=1):
                behaviors = self._usable(extracted.behaviors.read(part), rules)
                profiles = first_of_each(extracted.profiles.read(part), USER_PROFILE, self.rejects)
                self.tallies[USER_PROFILE.name].use(profiles.height)
                worker.do(_write, behaviors, profiles, products, csv)
                progress("write the training data", done, len(ranges))
        log.info("wrote training data", seconds=round(time.perf_counter() - started, 3))

    def _usable(self, behaviors: pl.DataFrame, rules: Sequence[Rule]) -> pl.DataFrame:
        """The rows that keep the rules of the shop, in the order of the CSV."""
        kept, broken = split(behaviors, rules)
        kept = self._without_odd_stars(kept)
        kept, again = split(kept.sort(ORDER), [SAME_ROW])
        for source in BEHAVIOR_SOURCES:
            is_here = pl.col(BEHAVIOR) == source.behavior
            self.rejects.add(source.table, broken.filter(is_here))
            self.rejects.add(source.table, again.filter(is_here))
            here = kept.filter(is_here)
            self.tallies[source.table.name].use(here.height, here.select(pl.col(AT).max()).item())
        return kept

    def _without_odd_stars(self, behaviors: pl.DataFrame) -> pl.DataFrame:
        """Empty the ratings outside the scale that are left: those of reviews that have a text."""
        if self.scale is None:
            return behaviors
        is_odd = outside(self.scale)
        if n_odd := behaviors.filter(is_odd).height:
            self.tallies[REVIEW.name].emptied[RATING] += n_odd
        return behaviors.with_columns(pl.when(~is_odd).then(pl.col(RATING)).alias(RATING))


def _write(
    behaviors: pl.DataFrame, profiles: pl.DataFrame, products: pl.DataFrame, csv: NewFile
) -> None:
    """Append behaviors with the details of their users and products, in their order."""
    rows = behaviors.join(profiles, on=USER_ID, how="left", maintain_order="left")
    rows = rows.join(products, on=PRODUCT_ID, how="left", maintain_order="left")
    csv.append(rows.with_columns(instant(AT)).select(TRAINING_COLUMNS))
