r"""From behaviors to evidence: how much what a user did says that the user likes an item.

For user u and item i with behaviors e of kind b(e), age a(e) in days and amount q(e)::

    x_ui = sum over e of  weight[b] * q(e) * 2 ** (-a(e) / half_life[b])
    w_ui = log(1 + x_ui)        saturated: the tenth visit says less than the second
    w_ui = 0                    where the latest stars of u for i lie below the scale's middle

q is 1 for a purchase, log2(1 + visit_count) for visits, and for stars their place in the scale,
(stars - low) / (high - low); a review without stars counts half. A low rating is never a weak
liking, whatever else the user did with the item: the pair stays in the history as seen, weight 0.

The same function weighs the behaviors of all users in training and those of one user at a request.
The form follows the typed, decayed and saturated evidence of multi-behavior shops (the recipe of
OTTO and EHCF weights); the numbers are defaults that a shop can set.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ..contracts.behaviors import (
    BEHAVIORS,
    BUY_CODE,
    NO_TIME,
    RATING_CODE,
    REVIEW_CODE,
    VISIT_CODE,
)
from ..contracts.histories import Histories
from ..contracts.interactions import Interactions, RatingScale

_DAY_S = 86_400.0
_REVIEW_WITHOUT_STARS = 0.5
_NOT_LATER = 0.99

Weight = Annotated[float, Meta(ge=0.0)]
Days = Annotated[float, Meta(gt=0.0)]


class SignalConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What each behavior is worth, and how fast it fades (half-lives in days)."""

    visit_weight: Weight = 1.0
    buy_weight: Weight = 6.0
    rating_weight: Weight = 6.0
    review_weight: Weight = 3.0
    visit_half_life: Days = 14.0
    buy_half_life: Days = 180.0
    rating_half_life: Days = 3650.0
    review_half_life: Days = 3650.0

    def weights(self) -> NDArray[np.float64]:
        """Weights by behavior code, float64 (4,)."""
        return np.array([getattr(self, f"{behavior}_weight") for behavior in BEHAVIORS])

    def half_lives(self) -> NDArray[np.float64]:
        """Half-lives in days by behavior code, float64 (4,)."""
        return np.array([getattr(self, f"{behavior}_half_life") for behavior in BEHAVIORS])


def reference_time(interactions: Interactions) -> int:
    """The time from which ages count: 99 % of the behaviors are not later, UTC seconds.

    Not the latest time: one row dated 2204 would make everything else age beyond recognition. What
    is later counts as fresh. `NO_TIME` where nothing has a time.
    """
    timed = interactions.timestamps[interactions.timestamps != NO_TIME]
    return int(np.quantile(timed, _NOT_LATER, method="lower")) if len(timed) else NO_TIME


def histories_of(interactions: Interactions, *, now: int, config: SignalConfig) -> Histories:
    """The weighed histories of all users, in the order of their rows; see `build_histories`."""
    return build_histories(
        interactions.n_users,
        interactions.n_items,
        interactions.user_rows,
        interactions.item_rows,
        interactions.behaviors,
        interactions.values,
        interactions.timestamps,
        scale=interactions.rating_scale,
        now=now,
        config=config,
    )


def build_histories(
    n_users: int,
    n_items: int,
    user_rows: NDArray[np.int32],
    item_rows: NDArray[np.int32],
    behaviors: NDArray[np.uint8],
    values: NDArray[np.float32],
    timestamps: NDArray[np.int64],
    *,
    scale: RatingScale | None,
    now: int,
    config: SignalConfig,
) -> Histories:
    """Weigh behaviors (arrays as in `Interactions`, any order) into one history per user.

    `now`, in UTC seconds, is the time from which ages count; what is later or timeless has age 0.
    Of several ratings of a pair the latest holds, the last given where times are equal; one without
    a time is older than any that has one.
    """
    stars = _stars(behaviors, values)
    ages_days = np.where(timestamps == NO_TIME, 0, now - timestamps) / _DAY_S
    decay = np.exp2(-np.maximum(ages_days, 0.0) / config.half_lives()[behaviors])
    evidence = config.weights()[behaviors] * _amounts(behaviors, values, stars, scale) * decay
    pairs = user_rows.astype(np.int64) * n_items + item_rows
    order = _order(pairs, timestamps)
    pairs, evidence, stars = pairs[order], evidence[order], stars[order]
    starts = np.flatnonzero(np.concatenate([[True], pairs[1:] != pairs[:-1]])[: len(pairs)])
    ratings = _last_known(stars, starts)
    weights = np.log1p(_sums(evidence, starts))
    if scale is not None:
        weights = np.where(ratings < scale.middle, 0.0, weights)
    users, items = np.divmod(pairs[starts], max(n_items, 1))
    indptr = np.zeros(n_users + 1, dtype=np.int64)
    np.cumsum(np.bincount(users, minlength=n_users), out=indptr[1:])
    bought = np.where(behaviors == BUY_CODE, decay, 0.0)[order]
    known_ages = np.where(timestamps == NO_TIME, np.inf, ages_days)[order]
    bits = (np.uint8(1) << behaviors)[order]
    return Histories(
        indptr=indptr,
        items=items.astype(np.int32),
        weights=weights.astype(np.float32),
        ratings=ratings,
        ages=_youngest(known_ages, starts),
        purchases=_sums(bought, starts).astype(np.float32),
        kinds=np.bitwise_or.reduceat(bits, starts) if len(starts) else bits,
    )


def _stars(behaviors: NDArray[np.uint8], values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The stars that a behavior gives, NaN where it gives none."""
    gives_stars = (behaviors == RATING_CODE) | (behaviors == REVIEW_CODE)
    return np.where(gives_stars, values, np.float32(np.nan))


def _amounts(
    behaviors: NDArray[np.uint8],
    values: NDArray[np.float32],
    stars: NDArray[np.float32],
    scale: RatingScale | None,
) -> NDArray[np.float64]:
    """q(e) of each behavior, float64 (n,)."""
    amounts = np.ones(len(behaviors))
    visits = behaviors == VISIT_CODE
    amounts[visits] = np.log2(1.0 + values[visits])
    amounts[behaviors == REVIEW_CODE] = _REVIEW_WITHOUT_STARS
    amounts[behaviors == RATING_CODE] = 0.0
    if scale is not None:
        rated = ~np.isnan(stars)
        place = (stars[rated].astype(np.float64) - scale.low) / (scale.high - scale.low)
        amounts[rated] = np.clip(place, 0.0, 1.0)
    return amounts


def _sums(values: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The sum of each group of entries, float64 (n_groups,)."""
    return np.add.reduceat(values, starts) if len(starts) else values


def _youngest(ages_days: NDArray[np.float64], starts: NDArray[np.int64]) -> NDArray[np.float32]:
    """The least age of each group of entries, NaN where none is known."""
    least = np.minimum.reduceat(ages_days, starts) if len(starts) else ages_days
    return np.where(np.isinf(least), np.nan, least).astype(np.float32)


def _order(pairs: NDArray[np.int64], timestamps: NDArray[np.int64]) -> NDArray[np.int64] | slice:
    """What sorts by pair, then time; a slice that moves nothing where they are sorted already."""
    same = pairs[1:] == pairs[:-1]
    later = timestamps[1:] >= timestamps[:-1]
    if bool(np.all((pairs[1:] > pairs[:-1]) | (same & later))):
        return slice(None)
    return np.lexsort((timestamps, pairs))


def _last_known(stars: NDArray[np.float32], starts: NDArray[np.int64]) -> NDArray[np.float32]:
    """The last star value in each group of entries; NaN for a group without any."""
    if not len(starts):
        return stars[:0]
    places = np.where(np.isnan(stars), -1, np.arange(len(stars)))
    last = np.maximum.reduceat(places, starts)
    return np.where(last >= 0, stars[last], np.float32(np.nan))
