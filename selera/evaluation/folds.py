"""Parts of plain data as the published protocols cut them: train, test, and what a list may hold.

Every cut is drawn from a seed, and every seed gives the same cut on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..contracts.errors import DataError
from ..contracts.features import Features
from ..contracts.histories import ItemSets
from ..contracts.pairs import Order, Pairs, PlainData

N_NEGATIVES = 100


@dataclass(frozen=True, slots=True)
class Fold:
    """One train and one test; they share no pair.

    n_users, n_items : of both parts; a user or an item may be in one part only
    order : what the ages are made of
    negatives : int32 (len(test), 100), for each pair of test the items that it is ranked among;
        None where it is ranked among all items of train
    """

    train: Pairs
    test: Pairs
    n_users: int
    n_items: int
    order: Order
    user_features: Features | None = None
    item_features: Features | None = None
    negatives: NDArray[np.int32] | None = None

    @property
    def n_known_items(self) -> int:
        """Items of train; they have the lowest rows."""
        return int(self.train.item_rows.max(initial=-1)) + 1

    def targets(self) -> tuple[NDArray[np.int64], ItemSets]:
        """The users of test, int64 (m,), and what there is to hit."""
        users, starts = np.unique(self.test.user_rows.astype(np.int64), return_index=True)
        return users, ItemSets(np.append(starts, len(self.test)), self.test.item_rows)


def given(data: PlainData, _seed: int) -> Iterator[Fold]:
    """The two files as they are. Raises DataError where a pair stands in both."""
    assert data.test is not None
    n_items = len(data.items)
    shared = np.isin(data.test.keys(n_items), data.train.keys(n_items))
    if shared.any():
        first = int(np.flatnonzero(shared)[0])
        pair = (
            f"user {data.users.id(int(data.test.user_rows[first]))}, "
            f"item {data.items.id(int(data.test.item_rows[first]))}"
        )
        raise DataError(
            f"{shared.sum():,} of the {len(data.test):,} pairs of test stand in train too, the "
            f"first is {pair}: a model would be asked what it was told. Remove them from one file."
        )
    yield _fold(data, data.train, data.test)


def five_folds(data: PlainData, seed: int) -> Iterator[Fold]:
    """Each fifth of the ratings is test once, in random order."""
    fold_of = np.random.default_rng(seed).permutation(len(data.train)) % 5
    for fold in range(5):
        yield _halves(data, fold_of == fold)


def random_tenth(data: PlainData, seed: int) -> Iterator[Fold]:
    """A random tenth of the ratings is test."""
    order = np.random.default_rng(seed).permutation(len(data.train))
    yield _halves(data, order < len(order) // 10)


def one_of_each(data: PlainData, seed: int) -> Iterator[Fold]:
    """The latest pair of each user (a random one where there are no times) among 100 others."""
    rng = np.random.default_rng(seed)
    fold = _halves(data, one_each(data.train, len(data.users), data.order, rng))
    yield with_negatives(fold, fold.train, rng)


def one_each(
    pairs: Pairs, n_users: int, order: Order, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """One pair of each user who has two or more: the latest by time, else a random one."""
    ages = pairs.ages if order == "times" else rng.random(len(pairs), dtype=np.float32)
    by_age = np.lexsort((ages, pairs.user_rows))
    counts = np.bincount(pairs.user_rows, minlength=n_users)
    starts = np.cumsum(counts) - counts
    chosen = np.zeros(len(pairs), dtype=np.bool_)
    chosen[by_age[starts[counts > 1]]] = True
    return chosen


def with_negatives(fold: Fold, had: Pairs, rng: np.random.Generator) -> Fold:
    """The fold with 100 random items for each pair of test that the user never had.

    Raises DataError where there are not so many.
    """
    histories = had.histories(fold.n_users, with_ages=False)
    drawn = np.empty((len(fold.test), N_NEGATIVES), dtype=np.int32)
    pairs = zip(fold.test.user_rows.tolist(), fold.test.item_rows.tolist(), strict=True)
    for place, (user, item) in enumerate(pairs):
        seen = np.append(histories.items[histories.entries(user)], np.int32(item))
        if fold.n_known_items - len(np.unique(seen)) < N_NEGATIVES:
            raise DataError(
                f"leave-one-out-100 ranks each held-out item among {N_NEGATIVES} others, but a "
                f"user has {len(seen)} of the {fold.n_known_items} items: use larger data."
            )
        drawn[place] = _draw_unseen(seen, fold.n_known_items, rng)
    return replace(fold, negatives=drawn)


def _draw_unseen(
    seen: NDArray[np.int32], n_items: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Distinct items that are not in `seen`, in random order, int32 (100,)."""
    found = np.empty(0, dtype=np.int32)
    while len(found) < N_NEGATIVES:
        more = rng.integers(0, n_items, 2 * N_NEGATIVES, dtype=np.int32)
        more = np.concatenate([found, more[~np.isin(more, seen)]])
        found = more[np.sort(np.unique(more, return_index=True)[1])]
    return found[:N_NEGATIVES]


def _halves(data: PlainData, is_test: NDArray[np.bool_]) -> Fold:
    if not is_test.any() or is_test.all():
        raise DataError(f"{len(data.train)} pairs are too few to hold some of them out.")
    return _fold(data, data.train.where(~is_test), data.train.where(is_test))


def _fold(data: PlainData, train: Pairs, test: Pairs) -> Fold:
    """Items get rows by falling popularity in train, as in a published model; equal ones stay."""
    n_items = len(data.items)
    order = np.argsort(-np.bincount(train.item_rows, minlength=n_items), kind="stable")
    rows = np.empty(n_items, dtype=np.int32)
    rows[order] = np.arange(n_items, dtype=np.int32)
    return Fold(
        train=relabelled(train, rows),
        test=relabelled(test, rows),
        n_users=len(data.users),
        n_items=n_items,
        order=data.order,
        user_features=data.user_features,
        item_features=data.item_features and data.item_features.gather(order),
    )


def relabelled(pairs: Pairs, rows: NDArray[np.int32]) -> Pairs:
    """The same pairs with other item rows, sorted anew."""
    items = rows[pairs.item_rows]
    order = np.lexsort((items, pairs.user_rows))
    return Pairs(pairs.user_rows[order], items[order], pairs.ratings[order], pairs.ages[order])
