r"""The item graph: a user's scores are the weighted sum of the rows of the items in the history.

::

    score(u, i) = sum over j in history of  w_uj ** exponent * S[j, i]

RP3beta, item-kNN and the sparse forms of EASE all end as such a matrix S; who made it is the
trainer's affair. The score is additive in the history, so every contribution is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import NO_ITEM, Explanation, Histories, TopN
from ..contracts.protocols import Algebra, Arrays
from ..contracts.sparse import SparseMatrix
from .algebra import NUMPY
from .few import FewTaste, edges_taste
from .taste import explained


@dataclass(frozen=True, slots=True)
class ItemGraphModel:
    """Scores by a sparse item-to-item matrix.

    edges : (n_items, n_items), what having the row's item says for the column's
    exponent : of the weights of a history; 1 leaves them, 0 counts what is liked as 1
    """

    name: ClassVar[str] = "item_graph"

    edges: SparseMatrix
    exponent: float = 1.0

    def score(self, histories: Histories, algebra: Algebra = NUMPY) -> NDArray[np.float32]:
        """Scores of all items, float32 (batch, n_items)."""
        return algebra.times_sparse(histories, self._weights(histories), self.edges)

    def taste(self, history: Histories) -> FewTaste:
        """One history, folded in."""
        return edges_taste(history, self._weights(history), self.edges)

    def similar(
        self, items: NDArray[np.int32], n: int, allowed: NDArray[np.bool_] | None = None
    ) -> TopN:
        """The n strongest edges that leave each item for allowed ones, itself left out."""
        lists = np.full((len(items), n), NO_ITEM, dtype=np.int32)
        scores = np.full((len(items), n), -np.inf, dtype=np.float32)
        for place, item in enumerate(items.tolist()):
            columns, values = self.edges.row(item)
            others = columns != item
            if allowed is not None:
                others &= allowed[columns]
            columns, values = columns[others], values[others]
            best = np.lexsort((columns, -values))[:n]
            lists[place, : len(best)] = columns[best]
            scores[place, : len(best)] = values[best]
        return TopN(lists, scores)

    def likeness(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32] | None:
        """None: it has no factors to compare items by."""
        return None

    def explain(self, history: Histories, item: int) -> Explanation:
        """What each item of one history adds to the score of `item`; the baseline is 0."""
        return explained(self.taste(history), item)

    def _weights(self, histories: Histories) -> NDArray[np.float32]:
        if self.exponent == 1.0:
            return histories.weights
        liked = histories.weights > 0
        powers = np.zeros_like(histories.weights)
        powers[liked] = histories.weights[liked] ** np.float32(self.exponent)
        return powers

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The edges, and the exponent."""
        return {**self.edges.to_arrays(), "exponent": np.array([self.exponent])}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        return cls(SparseMatrix.from_arrays(arrays), float(arrays["exponent"][0]))
