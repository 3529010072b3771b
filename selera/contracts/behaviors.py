"""The four behaviors, and where in the shop's tables each of them is written.

A behavior's code (uint8) is its position in `BEHAVIORS`; it is part of the model file's format.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from .ids import Id
from .tables import BUY, RATING, REVIEW, VISIT, Table

Behavior = Literal["visit", "buy", "rating", "review"]

BEHAVIORS: tuple[Behavior, ...] = ("visit", "buy", "rating", "review")
VISIT_CODE, BUY_CODE, RATING_CODE, REVIEW_CODE = range(4)

NO_TIME = -(2**63)
"""The timestamp of a behavior whose time is unknown."""


class BehaviorSource(msgspec.Struct, frozen=True):
    """The table of one behavior, its time column, and the column that gives its value."""

    behavior: Behavior
    table: Table
    time_column: str
    value_column: str


BEHAVIOR_SOURCES: tuple[BehaviorSource, ...] = (
    BehaviorSource("visit", VISIT, "visit_date", "visit_count"),
    BehaviorSource("buy", BUY, "transaction_date", "quantity"),
    BehaviorSource("rating", RATING, "rating_date", "rating"),
    BehaviorSource("review", REVIEW, "review_date", "rating"),
)


class BehaviorRow(msgspec.Struct, frozen=True, gc=False):
    """One behavior of one user, as the database tells it.

    `value` is the visit count or the quantity (1 if unknown), the stars, or a review's own stars
    (NaN if it has none).
    `timestamp` is in UTC seconds, `NO_TIME` if unknown.
    `text` is the beginning of a review's text, empty for everything else.
    """

    product_id: Id
    behavior: Behavior
    value: float
    timestamp: int
    text: str = ""


_CODES = {behavior: code for code, behavior in enumerate(BEHAVIORS)}
_TOLD = np.dtype([("timestamp", np.int64), ("value", np.float32), ("code", np.uint8)], align=True)


class Behaviors(msgspec.Struct, frozen=True, eq=False, gc=False):
    """Behaviors of one user as columns: a few bytes each, and quick to weigh again.

    product_ids : int64 (n,), or n texts where the shop's ids are such
    told : structured (n,), the fields `timestamp`, `value` and `code`, as in `BehaviorRow`
    texts : of the reviews that have one: their places, and the texts
    """

    product_ids: NDArray[np.int64] | tuple[Id, ...]
    told: NDArray[np.void]
    texts: tuple[tuple[int, str], ...] = ()

    @classmethod
    def of(cls, rows: Sequence[BehaviorRow]) -> Self:
        """The same behaviors in the same order; int64 must hold ids that are integers."""
        ids = [row.product_id for row in rows]
        told = np.empty(len(rows), _TOLD)
        told["timestamp"] = [row.timestamp for row in rows]
        told["value"] = [row.value for row in rows]
        told["code"] = [_CODES[row.behavior] for row in rows]
        return cls(
            tuple(ids) if rows and isinstance(ids[0], str) else np.array(ids, dtype=np.int64),
            told,
            tuple((place, row.text) for place, row in enumerate(rows) if row.text),
        )

    def __len__(self) -> int:
        return len(self.told)

    @property
    def timestamps(self) -> NDArray[np.int64]:
        """UTC seconds, `NO_TIME` where unknown, int64 (n,)."""
        return self._column("timestamp")

    @property
    def values(self) -> NDArray[np.float32]:
        """Counts, or stars, NaN for a review without, float32 (n,)."""
        return self._column("value")

    @property
    def codes(self) -> NDArray[np.uint8]:
        """What each of them is, places in `BEHAVIORS`, uint8 (n,)."""
        return self._column("code")

    def products(self) -> Sequence[Id]:
        """The products' ids, one for each behavior."""
        ids = self.product_ids
        return ids.tolist() if isinstance(ids, np.ndarray) else ids

    def _column(self, name: str) -> NDArray[Any]:
        return self.told[name].copy()


NO_BEHAVIORS = Behaviors.of(())
