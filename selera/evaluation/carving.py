"""Carve a validation part from train in the way the test was made: what choices are tried on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..contracts.pairs import Pairs
from ..training.splits import rows_by_popularity
from .folds import Fold, one_each, relabelled, with_negatives

SHARE = 0.1
_LEAST_ITEMS = 5
_SEED = 0


def carve(fold: Fold, is_held_out: NDArray[np.bool_]) -> Fold:
    """Train in two; the test is not in it.

    Items get rows by their popularity in what is left of train, equal ones at random: rows by the
    popularity in all of train would tell, by the ties, what was carved off.
    """
    left, off = fold.train.where(~is_held_out), fold.train.where(is_held_out)
    rows, order = rows_by_popularity(left.item_rows, fold.n_items, _SEED)
    features = fold.item_features
    return replace(
        fold,
        train=relabelled(left, rows),
        test=relabelled(off, rows),
        item_features=features and features.gather(order),
        negatives=None,
    )


def random_part(fold: Fold, seed: int, *, share_of_users: float = 1.0) -> Fold:
    """A random tenth of train, all of it from a random `share_of_users`."""
    rng = np.random.default_rng(seed)
    chosen = rng.random(fold.n_users) < share_of_users
    is_held_out = rng.random(len(fold.train)) < SHARE / share_of_users
    return carve(fold, is_held_out & chosen[fold.train.user_rows])


def tail(fold: Fold) -> Fold:
    """The last tenth of each user's pairs, at least one, of users with at least five."""
    return carve(fold, _last(fold.train, fold.n_users))


def _last(pairs: Pairs, n_users: int) -> NDArray[np.bool_]:
    counts = np.bincount(pairs.user_rows, minlength=n_users)
    taken = np.where(counts >= _LEAST_ITEMS, np.maximum(np.round(SHARE * counts), 1), 0)
    by_age = np.lexsort((pairs.ages, pairs.user_rows))
    starts = np.cumsum(counts) - counts
    place = np.arange(len(pairs)) - np.repeat(starts, counts)
    chosen = np.zeros(len(pairs), dtype=np.bool_)
    chosen[by_age] = place < np.repeat(taken, counts)
    return chosen


def one_left_out(fold: Fold, seed: int) -> Fold:
    """One pair of each user among 100 others, as the test is made."""
    rng = np.random.default_rng(seed)
    carved = carve(fold, one_each(fold.train, fold.n_users, fold.order, rng))
    return with_negatives(carved, fold.train, rng)
