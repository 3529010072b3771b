r"""Re-buy: what a user bought before, ordered by how likely it is due again.

::

    score(u, i) = c_ui * rate_i * (1 - exp(-a_ui / (readiness * interval_i)))

c_ui is how often u bought i, old purchases counting less (`Histories.purchases`), a_ui the days
since the last time; rate_i, how often a purchase of i is followed by another of the same user, and
interval_i, the days that usually lie between the two, are learnt. What the user never bought has 0.

A personal frequency and recency, as in TIFU-kNN (Hu et al. 2020) and UP-CF (Faggioli, Polato &
Aiolli 2020), without their neighbors: those are what other models are for. The rate and the
readiness, which holds back what was bought just now, are ours. There is no fading of what is long
overdue beyond that of c_ui: on grocery and gift shops it improved nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Explanation, Histories, TopN
from ..contracts.protocols import Algebra, Arrays
from .algebra import NUMPY
from .few import FewTaste
from .taste import explained
from .topn import top_for_all


@dataclass(frozen=True, slots=True)
class RebuyModel:
    """Scores the items that a user bought, all others 0.

    rates : float32 (n_items,), 0..1
    intervals : float32 (n_items,), days, > 0
    totals : float32 (n_items,), how often all users bought the item again
    readiness : the share of an interval after which 63 % of the score is back
    half_life : days by which a purchase counts half in `Histories.purchases`
    """

    name: ClassVar[str] = "rebuy"

    rates: NDArray[np.float32]
    intervals: NDArray[np.float32]
    totals: NDArray[np.float32]
    readiness: float
    half_life: float

    def score(self, histories: Histories, algebra: Algebra = NUMPY) -> NDArray[np.float32]:
        """Scores of all items, float32 (batch, n_items)."""
        scores = np.zeros((len(histories), len(self.rates)), dtype=np.float32)
        scores[histories.rows, histories.items] = self._scores(histories)
        return scores

    def _scores(self, histories: Histories) -> NDArray[np.float32]:
        """The score of each entry of the histories, float32 (nnz,)."""
        waits = self.readiness * self.intervals[histories.items]
        ready = -np.expm1(-self._ages(histories) / waits)
        return (histories.purchases * self.rates[histories.items] * ready).astype(np.float32)

    def _ages(self, histories: Histories) -> NDArray[np.float64]:
        """The fewest days that can lie since the last purchase of each entry, float64 (nnz,).

        No purchase is younger than the latest behavior, and the last of any number of them is no
        younger than a single one that makes the same count. Of one purchase, and where purchases
        are all that there were, this is the age itself; inf where no time is known.
        """
        counts = np.clip(histories.purchases, 1e-30, 1.0).astype(np.float64)
        latest = np.where(np.isnan(histories.ages), np.inf, histories.ages)
        ages: NDArray[np.float64] = np.maximum(-self.half_life * np.log2(counts), latest)
        return ages

    def taste(self, history: Histories) -> FewTaste:
        """One history: a term for each item of it."""
        counts = np.ones(len(history.items), dtype=np.int64)
        return FewTaste(history, len(self.rates), history.items, self._scores(history), counts)

    def similar(
        self, items: NDArray[np.int32], n: int, allowed: NDArray[np.bool_] | None = None
    ) -> TopN:
        """The n allowed items most often bought again, itself left out: it knows no likeness."""
        return top_for_all(self.totals, items, n, allowed)

    def likeness(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32] | None:
        """None: it has no factors to compare items by."""
        return None

    def explain(self, history: Histories, item: int) -> Explanation:
        """The whole score comes from the user's own purchases of the item; the baseline is 0."""
        return explained(self.taste(history), item)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """What was learnt of each item, the readiness and the half-life."""
        return {
            "rates": self.rates,
            "intervals": self.intervals,
            "totals": self.totals,
            "readiness": np.array([self.readiness]),
            "half_life": np.array([self.half_life]),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        return cls(
            rates=arrays["rates"],
            intervals=arrays["intervals"],
            totals=arrays["totals"],
            readiness=float(arrays["readiness"][0]),
            half_life=float(arrays["half_life"][0]),
        )
