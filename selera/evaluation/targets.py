"""What there is to hit in the held-out part: which users are judged, and by which items."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..contracts.behaviors import BUY_CODE, RATING_CODE, VISIT_CODE, Behavior
from ..contracts.interactions import Interactions
from .splits import Split, pair_ids

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


def find_targets(split: Split, *, max_users: int, seed: int) -> Targets:
    """The liked pairs of test that are new to the user, for at most `max_users` users."""
    n_items = split.train.n_items
    behavior, liked = _liked(split.test)
    known_items = np.bincount(split.train.item_rows, minlength=n_items) > 0
    pairs = np.unique(pair_ids(split.test)[liked])
    new = pairs[~np.isin(pairs, pair_ids(split.train))]
    available = new[known_items[new % n_items]]
    users, starts = np.unique(available // n_items, return_index=True)
    items = np.split((available % n_items).astype(np.int32), starts[1:])
    chosen = draw(len(users), max_users, seed)
    return Targets(
        behavior=behavior,
        users=users[chosen],
        items=[items[place] for place in chosen],
        n_unavailable=len(new) - len(available),
    )


def draw(n: int, most: int, seed: int) -> NDArray[np.int64]:
    """All of the positions 0 .. n-1, or `most` of them at random, rising."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).permutation(n)[:most])


def _liked(test: Interactions) -> tuple[Behavior, NDArray[np.bool_]]:
    """The strongest behavior that test has: purchases, else good ratings, else visits."""
    bought = test.behaviors == BUY_CODE
    if bought.any():
        return "buy", bought
    scale = test.rating_scale
    if scale is not None:
        least = scale.low + _LIKED_SHARE_OF_SCALE * (scale.high - scale.low)
        liked = (test.behaviors == RATING_CODE) & (test.values >= least)
        if liked.any():
            return "rating", liked
    return "visit", test.behaviors == VISIT_CODE
