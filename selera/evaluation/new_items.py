"""Judge what is said of products that nobody had touched before the cut-off.

They are ranked among themselves, as on a shelf of new products: for each user with a history by the
scores that the product fields give them (`models/cold_start.py`), n of all that then appeared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..contracts.behaviors import Behavior
from ..contracts.histories import Histories, ItemSets
from ..contracts.interactions import Interactions
from ..models.recommender import Recommender
from ..training.algebra import KERNELS
from ..training.list_metrics import list_metrics
from ..training.ranking import rank_scores
from ..training.targets import draw, is_liked
from .judging import JudgedLists


def judge_new_items(
    recommender: Recommender,
    test: Interactions,
    behavior: Behavior,
    ns: Sequence[int],
    *,
    max_users: int,
    seed: int,
) -> JudgedLists | None:
    """Lists of new items alone; None where nothing is known of them or nobody chose one."""
    model, features = recommender.cold_start.new_items, test.item_features
    if model is None or features is None:
        return None
    known = np.bincount(recommender.histories.items, minlength=len(recommender.items)) > 0
    new = np.setdiff1d(test.item_rows, np.flatnonzero(known))
    users, targets = _chosen(recommender.histories, test, new, behavior)
    if not len(users) or len(new) < max(ns):
        return None
    some = draw(len(users), max_users, seed)
    histories, described = recommender.histories.gather(users[some]), features.gather(new)

    def score(batch: Histories) -> NDArray[np.float32]:
        return model.score(recommender.ranker.score(batch, KERNELS), described)

    nothing = np.zeros(len(histories.items), dtype=np.bool_)
    width = len(recommender.items) + len(model.columns) + len(described.columns)
    lists = rank_scores(score, histories, max(ns), hidden=nothing, width=width).items
    warm = np.ones(len(some), dtype=np.bool_)
    return JudgedLists(users[some], warm, lists, list_metrics(lists, targets.gather(some), ns))


def _chosen(
    histories: Histories, test: Interactions, new: NDArray[np.int32], behavior: Behavior
) -> tuple[NDArray[np.int64], ItemSets]:
    """Users with a history who liked a new item, and which: places in `new`."""
    liked = test.where(is_liked(test, behavior) & np.isin(test.item_rows, new))
    pairs = np.unique(liked.pairs)
    owners, items = np.divmod(pairs, max(test.n_items, 1))
    warm = np.bincount(histories.rows, histories.weights, minlength=len(histories)) > 0
    owners, items = owners[warm[owners]], items[warm[owners]]
    users, starts = np.unique(owners, return_index=True)
    places = np.searchsorted(new, items).astype(np.int32)
    return users, ItemSets(np.append(starts, len(owners)).astype(np.int64), places)
