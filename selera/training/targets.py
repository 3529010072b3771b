"""What there is to hit in the held-out part: which users are judged, and by which items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..contracts.behaviors import BEHAVIORS, Behavior
from ..contracts.interactions import Interactions
from .splits import Split

_LIKED_SHARE_OF_SCALE = 0.75


@dataclass(frozen=True, slots=True)
class Targets:
    """The relevant items of each judged user.

    behavior : what counts as a hit
    users : int64 (m,), rows of the judged users, rising
    items : for each of them int32 (k,), k >= 1, items that were new to the user
    n_unavailable : targets left out because train does not know the item
    """

    behavior: Behavior
    users: NDArray[np.int64]
    items: list[NDArray[np.int32]]
    n_unavailable: int


def find_targets(split: Split, behavior: Behavior, *, max_users: int, seed: int) -> Targets:
    """The pairs of test that `behavior` likes and are new to the user, for `max_users` users."""
    n_items = split.train.n_items
    known_items = np.bincount(split.train.item_rows, minlength=n_items) > 0
    pairs = np.unique(split.test.pairs[is_liked(split.test, behavior)])
    unseen = pairs[~np.isin(pairs, split.train.pairs)]
    available = unseen[known_items[unseen % n_items]]
    users, starts = np.unique(available // n_items, return_index=True)
    ends = np.append(starts[1:], len(available))
    chosen = draw(len(users), max_users, seed)
    return Targets(
        behavior=behavior,
        users=users[chosen],
        items=[
            (available[starts[user] : ends[user]] % n_items).astype(np.int32) for user in chosen
        ],
        n_unavailable=len(unseen) - len(available),
    )


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
