r"""Re-buy: how often, and after how long, a purchase of an item is followed by another.

With g_1 .. g_n the gaps in days between successive purchases of item i by the same users, N_i the
purchases of i, and all of the shop's gaps and purchases beside them::

    rate_i     = (n + shrinkage * all gaps / all purchases) / (N_i + shrinkage)
    interval_i = exp((sum of log g + shrinkage * shop's mean of log g) / (n + shrinkage))

so that an item with little to say is as the shop is. Purchases of a pair within half a day are one;
those without a time are left out. Where nobody ever bought anything again, all rates are 0. What
was bought late in the data had little time to be bought again: rates are a little low, about
equally so for all items. Scoring and sources: see `models/rebuy.py`.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ..contracts.behaviors import BUY_CODE, NO_TIME
from ..contracts.interactions import Interactions
from ..models.rebuy import RebuyModel

_DAY_S = 86_400.0
_SAME_PURCHASE_DAYS = 0.5
_INTERVAL_WITHOUT_ANY = 30.0


class RebuyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far items are drawn to the shop's mean, and how soon they may be bought again."""

    shrinkage: Annotated[float, Meta(gt=0.0)] = 20.0
    readiness: Annotated[float, Meta(gt=0.0, le=10.0)] = 0.03


def fit_rebuy(
    interactions: Interactions | None, n_items: int, config: RebuyConfig, *, half_life: float
) -> RebuyModel:
    """Rates and intervals of all items; `half_life` is that of the purchases in histories, days.

    None, where single behaviors are not known, learns that nothing is bought again.
    """
    items, days, repeats = _purchases(interactions)
    gaps = (days[1:] - days[:-1])[repeats[1:]]
    n_gaps = np.bincount(items[repeats], minlength=n_items)
    n_bought = np.bincount(items, minlength=n_items)
    rate = len(gaps) / max(len(items), 1)
    log_gap = np.log(gaps).mean() if len(gaps) else np.log(_INTERVAL_WITHOUT_ANY)
    sums = np.bincount(items[repeats], np.log(gaps), n_items)
    prior = config.shrinkage
    return RebuyModel(
        rates=((n_gaps + prior * rate) / (n_bought + prior)).astype(np.float32),
        intervals=np.exp((sums + prior * log_gap) / (n_gaps + prior)).astype(np.float32),
        totals=n_gaps.astype(np.float32),
        readiness=config.readiness,
        half_life=half_life,
    )


def _purchases(
    interactions: Interactions | None,
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.bool_]]:
    """Item and day of each purchase, pair by pair in time, and whether it follows one of its pair.

    Days count from the first purchase of all.
    """
    if interactions is None:
        return np.empty(0, np.int32), np.empty(0), np.empty(0, np.bool_)
    bought = interactions.behaviors == BUY_CODE
    timed = interactions.where(bought & (interactions.timestamps != NO_TIME))
    seconds = timed.timestamps - timed.timestamps.min(initial=2**62)
    days = seconds / _DAY_S
    pairs = timed.pairs
    repeats = np.zeros(len(pairs), dtype=np.bool_)
    repeats[1:] = pairs[1:] == pairs[:-1]
    again = np.ones(len(pairs), dtype=np.bool_)
    again[1:] = ~repeats[1:] | (days[1:] - days[:-1] >= _SAME_PURCHASE_DAYS)
    return timed.item_rows[again], days[again], repeats[again]
