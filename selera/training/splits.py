"""Cut the behaviors into what a model may learn from and what it is judged by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..contracts.behaviors import NO_TIME
from ..contracts.interactions import Interactions
from ..models.signals import reference_time

_LEAST_SHARE_WITH_TIME = 0.9


@dataclass(frozen=True, slots=True)
class Split:
    """Two parts of the same interactions.

    kind : "temporal", everything in `test` is later than `now`; or "random", whole (user, item)
        pairs are drawn, so that no pair has behaviors on both sides
    now : UTC seconds from which a model of `train` counts ages; `NO_TIME` if nothing is timed
    """

    kind: Literal["temporal", "random"]
    train: Interactions
    test: Interactions
    now: int


def make_splits(
    interactions: Interactions, *, n_cuts: int, test_share: float, seed: int
) -> Iterator[Split]:
    """Temporal splits at `n_cuts` cut-offs, latest first, or one random split.

    Counted back from the end, the k-th cut-off leaves k * `test_share` of the behaviors after it:
    train is everything up to it, test the next `test_share`. Temporal where at least 90 % of the
    behaviors have a time; the few without one are in every train. Behaviors of the same second stay
    together, and a cut-off with nothing before or after it is left out.
    """
    cuts = _cut_offs(interactions, n_cuts, test_share)
    for end, cut in pairwise(cuts):
        yield _between(interactions, cut, end)
    if not cuts:
        yield _random(interactions, test_share, seed)


def _cut_offs(interactions: Interactions, n_cuts: int, test_share: float) -> list[int]:
    """Falling times from the end of the data back; none where times are missing or all equal."""
    timed = interactions.timestamps[interactions.timestamps != NO_TIME]
    if not len(timed) or len(timed) < _LEAST_SHARE_WITH_TIME * len(interactions):
        return []
    shares = 1 - test_share * np.arange(n_cuts + 1)
    cuts = np.unique(np.quantile(timed, np.maximum(shares, 0), method="lower"))[::-1]
    return cuts.tolist() if len(cuts) > 1 else []


def _between(interactions: Interactions, cut: int, end: int) -> Split:
    times = interactions.timestamps
    test = (times > cut) & (times <= end)
    return Split("temporal", interactions.where(times <= cut), interactions.where(test), cut)


def _random(interactions: Interactions, test_share: float, seed: int) -> Split:
    distinct, pair = np.unique(interactions.pairs, return_inverse=True)
    held_out = (np.random.default_rng(seed).random(len(distinct)) < test_share)[pair]
    now = reference_time(interactions)
    return Split("random", interactions.where(~held_out), interactions.where(held_out), now)


def last_choices(interactions: Interactions, is_choice: NDArray[np.bool_]) -> Split:
    """Each user's last choice held out, with all that the user did with the item, and after it.

    is_choice : bool (n,), the behaviors that count as a choice; of equal times the last given

    What other users did later stays in train, so this is no test of a model. It is how a request
    asks: with a history that reaches up to the moment.
    """
    chosen = np.flatnonzero(is_choice)
    order = np.lexsort((interactions.timestamps[chosen], interactions.user_rows[chosen]))
    users = interactions.user_rows[chosen][order]
    last = chosen[order[np.append(users[1:] != users[:-1], True)[: len(users)]]]
    items = np.full(interactions.n_users, -1, dtype=np.int64)
    times = np.full(interactions.n_users, np.iinfo(np.int64).max)
    items[interactions.user_rows[last]] = interactions.item_rows[last]
    times[interactions.user_rows[last]] = interactions.timestamps[last]
    is_pair = interactions.item_rows == items[interactions.user_rows]
    is_later = interactions.timestamps > times[interactions.user_rows]
    held = np.zeros(len(interactions), dtype=np.bool_)
    held[last] = True
    now = reference_time(interactions)
    train = interactions.where(~(is_pair | is_later))
    return Split("temporal", train, interactions.where(held), now)


def by_popularity(split: Split, seed: int) -> Split:
    """The same split with item rows by falling popularity in train, as in a published model.

    Equal ones stand in random order. Rows come sorted by the popularity in all of the data, test
    included, and ties go to the lower row: left so, the order of the rows would tell the future.
    """
    rows, order = rows_by_popularity(split.train.item_rows, split.train.n_items, seed)
    train, test = (_relabelled(part, rows, order) for part in (split.train, split.test))
    return replace(split, train=train, test=test)


def rows_by_popularity(
    item_rows: NDArray[np.int32], n_items: int, seed: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The new row of each item, int32 (n_items,), and its inverse, int64 (n_items,).

    By how often an item stands in `item_rows`, falling; equal ones in random order.
    """
    counts = np.bincount(item_rows, minlength=n_items)
    shuffled = np.random.default_rng(seed).permutation(n_items)
    order = shuffled[np.argsort(-counts[shuffled], kind="stable")]
    rows = np.empty(n_items, dtype=np.int32)
    rows[order] = np.arange(n_items, dtype=np.int32)
    return rows, order


def _relabelled(
    part: Interactions, rows: NDArray[np.int32], order: NDArray[np.int64]
) -> Interactions:
    """Behaviors and features with other item rows; the ids do not follow: nobody asks for them."""
    features = part.item_features
    return replace(
        part,
        item_rows=rows[part.item_rows],
        item_features=features and features.gather(order),
    )
