"""Judge one fitted recommender on one split: lists and stars, user by user."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import NO_ITEM, Histories
from ..contracts.interactions import Interactions
from ..models.recommender import Recommender
from ..models.signals import histories_of
from ..training.bias import fit_bias
from ..training.targets import Targets, draw
from .metrics import ndcg, recall

_BATCH = 256


@dataclass(frozen=True, slots=True)
class ListScores:
    """Per judged user, float64 (m,) each: the model's metrics, and popularity's on the same user.

    users : int64 (m,), rows
    warm : bool (m,), whether the model had anything personal to say; the others got popularity
    """

    users: NDArray[np.int64]
    warm: NDArray[np.bool_]
    ndcg: NDArray[np.float64]
    recall: NDArray[np.float64]
    popular_ndcg: NDArray[np.float64]
    popular_recall: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stars:
    """Per held-out rating, float32 (k,) each: the truth and two predictions of it."""

    actual: NDArray[np.float32]
    by_svd: NDArray[np.float32]
    by_bias: NDArray[np.float32]


def judge_lists(recommender: Recommender, targets: Targets, n: int) -> ListScores:
    """Recommend to every judged user from the history in training, and score the lists.

    Raises ValueError where a target is in the history: then the split leaks.
    """
    histories = recommender.histories.gather(targets.users)
    for user, relevant in enumerate(targets.items):
        if np.isin(relevant, histories.items[histories.entries(user)]).any():
            raise ValueError("history and targets must be disjoint")
    popular = _popular_lists(recommender, histories, n)
    lists, warm = np.empty_like(popular), np.empty(len(histories), dtype=np.bool_)
    for start in range(0, len(histories), _BATCH):
        stop = min(start + _BATCH, len(histories))
        batch = histories.take(start, stop)
        lists[start:stop] = recommender.recommend(batch, n).items
        warm[start:stop] = recommender.knows(batch)
    lists[~warm] = popular[~warm]
    return ListScores(
        targets.users, warm, *_score(lists, targets.items), *_score(popular, targets.items)
    )


def judge_stars(
    recommender: Recommender, test: Interactions, *, max_users: int, seed: int
) -> Stars | None:
    """Predict the latest stars of every held-out pair; None where there are none.

    Every user is folded in from the history in training, as a request would do it.
    """
    if recommender.rater is None:
        return None
    held_out = histories_of(test, now=recommender.reference_time, config=recommender.signals)
    raters = np.unique(held_out.rows[~np.isnan(held_out.ratings)])
    biases = fit_bias(recommender.histories, len(recommender.items), recommender.rater.scale)
    parts = []
    for user in raters[draw(len(raters), max_users, seed)].tolist():
        entries = held_out.entries(user)
        rated = ~np.isnan(held_out.ratings[entries])
        items, history = held_out.items[entries][rated], recommender.histories.take(user, user + 1)
        by_svd = recommender.rater.predict(history, items)[0]
        by_bias = biases.predict(history, items)[0]
        parts.append((held_out.ratings[entries][rated], by_svd, by_bias))
    if not parts:
        return None
    return Stars(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _popular_lists(recommender: Recommender, histories: Histories, n: int) -> NDArray[np.int32]:
    """The n most popular items that each user has not seen, int32 (users, n)."""
    order = np.array([row for row, _ in recommender.popular(len(recommender.items))], np.int32)
    lists = np.full((len(histories), n), NO_ITEM, dtype=np.int32)
    for user in range(len(histories)):
        seen = histories.items[histories.entries(user)]
        head = order[: n + len(seen)]
        unseen = head[~np.isin(head, seen)][:n]
        lists[user, : len(unseen)] = unseen
    return lists


def _score(
    lists: NDArray[np.int32], relevant: list[NDArray[np.int32]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """NDCG and recall of each list."""
    pairs = list(zip(lists, relevant, strict=True))
    return (
        np.array([ndcg(recommended, items) for recommended, items in pairs]),
        np.array([recall(recommended, items) for recommended, items in pairs]),
    )
