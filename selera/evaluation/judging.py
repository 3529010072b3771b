"""Judge one fitted recommender on one split: lists and stars, user by user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..contracts.features import Features
from ..contracts.histories import NO_ITEM, Histories, ItemSets
from ..contracts.interactions import Interactions
from ..models.recommender import Recommender
from ..models.signals import histories_of
from ..training.evidence import FoldedStars
from ..training.list_metrics import list_metrics
from ..training.ranking import rank
from ..training.targets import Targets, View, draw, hidden_entries
from .metrics import novelty


@dataclass(frozen=True, slots=True)
class JudgedLists:
    """The lists of the judged users, and their metrics.

    users : int64 (m,), rows
    warm : bool (m,), whether the model had anything personal to say; the others got popularity
    lists : int32 (m, n)
    metrics : by name, float64 (m,) each
    """

    users: NDArray[np.int64]
    warm: NDArray[np.bool_]
    lists: NDArray[np.int32]
    metrics: Mapping[str, NDArray[np.float64]]

    def where(self, chosen: NDArray[np.bool_]) -> JudgedLists:
        """The users at which `chosen`, bool (m,), is true."""
        metrics = {name: each[chosen] for name, each in self.metrics.items()}
        return JudgedLists(self.users[chosen], self.warm[chosen], self.lists[chosen], metrics)

    def judged_by(self, metrics: Mapping[str, NDArray[np.float64]]) -> JudgedLists:
        """The same lists with other metrics."""
        return replace(self, metrics=metrics)


@dataclass(frozen=True, slots=True)
class JudgedStars:
    """Per held-out rating: who gave it, the truth, and the prediction; int64, float32 (k,)."""

    users: NDArray[np.int64]
    actual: NDArray[np.float32]
    predicted: NDArray[np.float32]


def judge_lists(
    recommender: Recommender,
    targets: Targets,
    view: View,
    ns: Sequence[int],
    *,
    profiles: Features | None = None,
) -> JudgedLists:
    """Recommend to every judged user from the history in training, and score the lists.

    Who has no usable history gets what is popular among users of the same profile, as a request
    would; `profiles` has a row for each user.

    Raises ValueError where a target may not stand in a list: then the split leaks.
    """
    histories = recommender.histories.gather(targets.users)
    hidden = hidden_entries(histories, view)
    _refuse_leaks(histories, hidden, targets.sets, len(recommender.items))
    lists, warm = make_lists(
        recommender, histories, max(ns), hidden=hidden, users=targets.users, profiles=profiles
    )
    metrics = list_metrics(lists, targets.sets, ns)
    n_users = np.bincount(recommender.histories.items, minlength=len(recommender.items))
    first = f"novelty@{ns[0]}"
    metrics[first] = novelty(lists[:, : ns[0]], n_users, len(recommender.users))
    return JudgedLists(targets.users, warm, lists, metrics)


def make_lists(
    recommender: Recommender,
    histories: Histories,
    n: int,
    *,
    hidden: NDArray[np.bool_],
    users: NDArray[np.int64],
    profiles: Features | None = None,
    candidates: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """The n best items for each history, int32 (m, n), and who has an own list, bool (m,).

    hidden : bool (nnz,), entries of the histories that no list may hold
    users : int64 (m,), whose histories these are: their rows in `profiles`
    candidates : bool (n_items,), the items that a list may hold; None allows all
    """
    best = rank(recommender.ranker, histories, n, hidden=hidden, candidates=candidates)
    warm = np.bincount(histories.rows, histories.weights, minlength=len(histories)) > 0
    tied = np.flatnonzero(best.scores[:, 0] == best.scores[:, -1])
    warm[tied] = recommender.knows(histories.gather(tied))
    cold = np.flatnonzero(~warm)
    lists = best.items
    n_hidden = np.bincount(histories.rows[hidden], minlength=len(histories))[cold]
    most = n + int(n_hidden.max(initial=0))
    orders = _popular_orders(recommender, users[cold], profiles, most, candidates)
    lists[cold] = _popular_lists(orders, histories, hidden, cold, n)
    return lists, warm


def judge_stars(
    recommender: Recommender, test: Interactions, *, max_users: int, seed: int
) -> JudgedStars | None:
    """Predict the latest stars of every held-out pair; None where there are none.

    Every user is folded in from the history in training, as a request would do it.
    """
    if recommender.rater is None:
        return None
    held_out = histories_of(test, now=recommender.reference_time, config=recommender.signals)
    held_out = held_out.where(~np.isnan(held_out.ratings))
    raters = np.unique(held_out.rows)
    judged = np.isin(held_out.rows, raters[draw(len(raters), max_users, seed)])
    users, items = held_out.rows[judged].astype(np.int32), held_out.items[judged]
    if not len(users):
        return None
    predicted = FoldedStars(recommender.rater, recommender.histories).predict(users, items)
    return JudgedStars(users.astype(np.int64), held_out.ratings[judged], predicted)


def _refuse_leaks(
    histories: Histories, hidden: NDArray[np.bool_], targets: ItemSets, n_items: int
) -> None:
    closed = (histories.rows * n_items + histories.items)[hidden]
    if np.isin(targets.rows * n_items + targets.items, closed).any():
        raise ValueError("history and targets must be disjoint")


def _popular_orders(
    recommender: Recommender,
    users: NDArray[np.int64],
    profiles: Features | None,
    n: int,
    candidates: NDArray[np.bool_] | None,
) -> list[NDArray[np.int32]]:
    """The n most popular items, for each user as those of the same profile see it."""
    orders: dict[bytes, NDArray[np.int32]] = {}
    found = []
    for user in users.tolist():
        columns = recommender.cold_start.telling_of(profiles, user)
        key = columns.tobytes()
        if key not in orders:
            profile = columns if len(columns) else None
            most = min(n, len(recommender.items))
            best = recommender.popular(most, allowed=candidates, profile=profile)
            orders[key] = np.array([row for row, _ in best], dtype=np.int32)
        found.append(orders[key])
    return found


def _popular_lists(
    orders: Sequence[NDArray[np.int32]],
    histories: Histories,
    hidden: NDArray[np.bool_],
    users: NDArray[np.int64],
    n: int,
) -> NDArray[np.int32]:
    """The n first items of each order that are not hidden from its user, int32 (users, n)."""
    lists = np.full((len(users), n), NO_ITEM, dtype=np.int32)
    for place, (user, order) in enumerate(zip(users.tolist(), orders, strict=True)):
        entries = histories.entries(user)
        closed = histories.items[entries][hidden[entries]]
        head = order[: n + len(closed)]
        best = head[~np.isin(head, closed)][:n]
        lists[place, : len(best)] = best
    return lists
