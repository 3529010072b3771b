"""How unlike each other the items of a list are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..contracts.histories import NO_ITEM, Histories


class UserCosine:
    """The cosine between two items, each the 0/1 vector of the training users who have it."""

    def __init__(self, histories: Histories, n_items: int) -> None:
        shape = (len(histories), n_items)
        ones = np.ones(len(histories.items))
        by_item = csr_array((ones, histories.items, histories.indptr), shape=shape).T.tocsr()
        lengths = np.sqrt(np.diff(by_item.indptr))
        by_item.data /= np.repeat(lengths, np.diff(by_item.indptr))
        self._by_item = by_item

    def diversity(self, lists: NDArray[np.int32]) -> NDArray[np.float64]:
        """Mean 1 - cosine over all pairs of items of each list, float64 (m,); 0 for short lists."""
        return np.array([self._of_one(items[items != NO_ITEM]) for items in lists])

    def _of_one(self, items: NDArray[np.int32]) -> float:
        n = len(items)
        if n < 2:
            return 0.0
        own = self._by_item[items]
        cosines = (own @ own.T).toarray()
        return float(1 - (cosines.sum() - np.trace(cosines)) / (n * (n - 1)))
