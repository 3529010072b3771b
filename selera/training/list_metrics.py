"""Metrics of ranked lists by what each user then chose; definitions in `evaluation/metrics.py`.

They stand here because the blend chooses by them as well as the evaluation judges.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import NO_ITEM, ItemSets


def list_metrics(
    lists: NDArray[np.int32], targets: ItemSets, ns: Sequence[int] = (10, 20)
) -> dict[str, NDArray[np.float64]]:
    """ndcg, recall, hr, mrr and map at each n, by name ("ndcg@10").

    lists : int32 (m, n_max), best first, -1 for empty places; n_max >= each of `ns`
    targets : of the same m users, none of them empty
    """
    if (targets.sizes == 0).any():
        raise ValueError("every judged user needs a held-out item")
    if max(ns) > lists.shape[1]:
        raise ValueError(f"lists of {lists.shape[1]} cannot be judged at {max(ns)}")
    hits = find_hits(lists, targets)
    sizes = targets.sizes.astype(np.float64)
    found: dict[str, NDArray[np.float64]] = {}
    for n in ns:
        found |= {f"{name}@{n}": each for name, each in _at(hits[:, :n], sizes).items()}
    return found


def find_hits(lists: NDArray[np.int32], targets: ItemSets) -> NDArray[np.bool_]:
    """Which places of each list hold an item of the user's set, bool (m, n)."""
    width = int(max(lists.max(initial=0), targets.items.max(initial=0))) + 1
    relevant = targets.rows * width + targets.items  # rising, as the sets are
    asked = np.arange(len(lists))[:, None] * width + np.maximum(lists, 0)
    places = np.minimum(np.searchsorted(relevant, asked), max(len(relevant) - 1, 0))
    hits: NDArray[np.bool_] = (lists != NO_ITEM) & (relevant[places] == asked)
    return hits


def _at(hits: NDArray[np.bool_], sizes: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """The metrics of lists of one length."""
    n = hits.shape[1]
    places = np.arange(1, n + 1)
    discounts = 1 / np.log2(places + 1)
    ideals = np.concatenate([[0.0], np.cumsum(discounts)])
    most = np.minimum(sizes, n).astype(np.int64)
    precisions = np.cumsum(hits, axis=1) / places
    first = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, np.inf)
    return {
        "ndcg": (hits @ discounts) / ideals[most],
        "recall": hits.sum(axis=1) / sizes,
        "hr": hits.any(axis=1).astype(np.float64),
        "mrr": 1 / first,
        "map": (precisions * hits).sum(axis=1) / most,
    }
