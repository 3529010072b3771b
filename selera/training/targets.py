"""What there is to hit in the held-out part: which users are judged, and by which items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..contracts.behaviors import BEHAVIORS, Behavior
from ..contracts.histories import Histories, ItemSets
from ..contracts.interactions import Interactions
from .splits import Split

View = Literal["new", "not bought", "all"]
"""Which items a list may hold: those that are new to the user (what is served by default), also
those that the user saw but never bought, or all of them."""

_LIKED_SHARE_OF_SCALE = 0.75


@dataclass(frozen=True, slots=True)
class Targets:
    """The relevant items of each judged user.

    users : int64 (m,), rows of the judged users, rising
    sets : their items, none of the sets empty
    n_unavailable : targets left out because train does not know the item
    """

    users: NDArray[np.int64]
    sets: ItemSets
    n_unavailable: int


def find_targets(
    split: Split, behavior: Behavior, *, view: View = "new", max_users: int, seed: int
) -> Targets:
    """The pairs of test that `behavior` likes and that a list may hold, for `max_users` users."""
    n_items = split.train.n_items
    known_items = np.bincount(split.train.item_rows, minlength=n_items) > 0
    pairs = np.unique(split.test.pairs[is_liked(split.test, behavior)])
    open_pairs = pairs[~np.isin(pairs, _closed_pairs(split.train, behavior, view))]
    available = open_pairs[known_items[open_pairs % n_items]]
    users, starts = np.unique(available // n_items, return_index=True)
    sets = ItemSets(np.append(starts, len(available)), (available % n_items).astype(np.int32))
    chosen = draw(len(users), max_users, seed)
    kept = np.isin(sets.rows, chosen)
    indptr = np.concatenate([[0], np.cumsum(sets.sizes[chosen])]).astype(np.int64)
    return Targets(
        users=users[chosen],
        sets=ItemSets(indptr, sets.items[kept]),
        n_unavailable=len(open_pairs) - len(available),
    )


def hidden_entries(histories: Histories, view: View) -> NDArray[np.bool_]:
    """Which entries of the histories a list of this view may not hold, bool (nnz,)."""
    if view == "new":
        return np.ones(len(histories.items), dtype=np.bool_)
    if view == "all":
        return np.zeros(len(histories.items), dtype=np.bool_)
    bought: NDArray[np.bool_] = histories.purchases > 0
    return bought


def _closed_pairs(train: Interactions, behavior: Behavior, view: View) -> NDArray[np.int64]:
    """The pairs of train that cannot be targets; `hidden_entries` hides the same."""
    if view == "new":
        return train.pairs
    if view == "all":
        return train.pairs[:0]
    return train.of(BEHAVIORS.index("buy")).pairs


def strongest_behavior(interactions: Interactions) -> Behavior:
    """What a shop is judged by: purchases if it has any, else good ratings, else visits."""
    for behavior in ("buy", "rating"):
        if is_liked(interactions, behavior).any():
            return behavior
    return "visit"


def is_liked(interactions: Interactions, behavior: Behavior) -> NDArray[np.bool_]:
    """Which behaviors are of this kind and, if ratings, in the upper quarter of the scale."""
    of_kind: NDArray[np.bool_] = interactions.behaviors == BEHAVIORS.index(behavior)
    scale = interactions.rating_scale
    if behavior != "rating" or scale is None:
        return of_kind
    least = scale.low + _LIKED_SHARE_OF_SCALE * (scale.high - scale.low)
    of_kind &= interactions.values >= least
    return of_kind


def draw(n: int, most: int, seed: int) -> NDArray[np.int64]:
    """All of the positions 0 .. n-1, or `most` of them at random, rising."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).permutation(n)[:most])
