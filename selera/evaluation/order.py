"""Find out, from train alone, whether the pairs of a user stand in the order in which they arose.

Where a user's neighbors in the file occur together in the files of other users clearly more often
than two random items of the same user do, the order means something. What is sorted by id or by
popularity has neighbors too, but they say nothing: such files count as unordered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Histories
from ..contracts.pairs import Pairs

_LEAST_ITEMS = 5
_MOST_USERS = 1500
_PAIRS_OF_A_USER = 4
_SORTED_SHARE = 0.9
_LEAST_RATIO = 1.1
_LEAST_Z = 4.0


def looks_ordered(
    train: Pairs, n_users: int, n_items: int, ranks: NDArray[np.int64], *, seed: int
) -> bool:
    """Whether places in the file are an order in time.

    ranks : int64 (n_items,), place of each item among the sorted ids
    """
    lines = train.histories(n_users, with_ages=True)
    users = np.flatnonzero(np.diff(lines.indptr) >= _LEAST_ITEMS)
    if not len(users):
        return False
    rng = np.random.default_rng(seed)
    users = rng.permutation(users)[:_MOST_USERS]
    popularity = np.bincount(train.item_rows, minlength=n_items)
    sampled = [_line(lines, user) for user in users.tolist()]
    if _are_sorted(sampled, ranks) or _are_sorted(sampled, popularity):
        return False
    users_of = _users_of_items(train, n_items)
    gains, base = [], []
    for items in sampled:
        for _ in range(_PAIRS_OF_A_USER):
            place = int(rng.integers(len(items) - 1))
            random = rng.choice(len(items), 2, replace=False)
            near = _together(users_of, int(items[place]), int(items[place + 1]))
            far = _together(users_of, *items[random].tolist())
            gains.append(near - far)
            base.append(far)
    mean, spread = float(np.mean(gains)), float(np.std(gains)) / len(gains) ** 0.5
    return mean > _LEAST_Z * spread and mean > (_LEAST_RATIO - 1) * float(np.mean(base))


def _line(lines: Histories, user: int) -> NDArray[np.int32]:
    """The items of one user, first one first."""
    entries = lines.entries(user)
    line: NDArray[np.int32] = lines.items[entries][np.argsort(-lines.ages[entries], kind="stable")]
    return line


def _are_sorted(lines: list[NDArray[np.int32]], keys: NDArray[np.int64]) -> bool:
    """Whether nearly all neighbors rise by `keys`, or nearly all fall."""
    steps = np.concatenate([np.diff(keys[items]) for items in lines])
    rises, falls = float((steps >= 0).mean()), float((steps <= 0).mean())
    return max(rises, falls) > _SORTED_SHARE


def _users_of_items(train: Pairs, n_items: int) -> list[NDArray[np.int32]]:
    """The users of each item, rising."""
    order = np.argsort(train.item_rows, kind="stable")
    ends = np.cumsum(np.bincount(train.item_rows, minlength=n_items))[:-1]
    return np.split(train.user_rows[order], ends)


def _together(users_of: list[NDArray[np.int32]], first: int, second: int) -> float:
    """Cosine of the users of two items, the user who was asked left out."""
    a, b = users_of[first], users_of[second]
    shared = len(np.intersect1d(a, b, assume_unique=True)) - 1
    return float(shared / (len(a) * len(b)) ** 0.5)
