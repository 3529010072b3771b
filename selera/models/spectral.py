r"""A filter of the item graph's spectrum: one sparse part that is exact, one part of low rank.

::

    score(u, i) = sum over j in history of  w_uj (S[j, i] + query_factors[j] . item_factors[i])

S holds what two items say of each other directly; the factors what the whole shop says of them:
higher powers of the graph, or its leading eigenvectors alone. GF-CF (Shen et al. 2021) and
polynomials of the co-occurrence matrix have this form; what scales their result item by item is
folded into the columns of S and into the item factors. The score is additive in the history, so
every contribution is exact.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Explanation, Histories, TopN
from ..contracts.protocols import Algebra, Arrays
from ..contracts.sparse import SparseMatrix
from .algebra import NUMPY
from .topn import top_n


@dataclass(frozen=True, slots=True)
class SpectralFilterModel:
    """Scores by a sparse item-to-item matrix plus two factor matrices.

    edges : (n_items, n_items), what having the row's item says for the column's
    query_factors : float32 (n_items, n_factors), what an item says about the user who has it
    item_factors : float32 (n_items, n_factors), what an item offers to a user
    """

    name: ClassVar[str] = "spectral_filter"

    edges: SparseMatrix
    query_factors: NDArray[np.float32]
    item_factors: NDArray[np.float32]

    def score(self, histories: Histories, algebra: Algebra = NUMPY) -> NDArray[np.float32]:
        """Scores of all items, float32 (batch, n_items)."""
        weights = histories.weights
        scores = algebra.times_dense(histories, weights, self.query_factors) @ self.item_factors.T
        scores += algebra.times_sparse(histories, weights, self.edges)
        return scores

    def similar(self, items: NDArray[np.int32], n: int) -> TopN:
        """The n items that each item alone speaks for most, itself left out."""
        ones = np.ones(len(items), dtype=np.float32)
        alone = Histories.plain(np.arange(len(items) + 1), items, weights=ones)
        scores = self.score(alone)
        scores[np.arange(len(items)), items] = -np.inf
        return top_n(scores, n)

    def explain(self, history: Histories, item: int) -> Explanation:
        """What each item of one history adds to the score of `item`; the baseline is 0."""
        affinities = self.query_factors[history.items] @ self.item_factors[item]
        for place, source in enumerate(history.items.tolist()):
            columns, values = self.edges.row(source)
            found = np.searchsorted(columns, item)
            if found < len(columns) and columns[found] == item:
                affinities[place] += values[found]
        return Explanation(0.0, history.items, history.weights * affinities)

    def explainer(self, history: Histories) -> Callable[[int], Explanation]:
        """`explain` for many items of one history, which have nothing costly in common."""
        return partial(self.explain, history)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The edges and both factor matrices."""
        factors = {"query_factors": self.query_factors, "item_factors": self.item_factors}
        return {**self.edges.to_arrays(), **factors}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        edges = SparseMatrix.from_arrays(arrays)
        return cls(edges, arrays["query_factors"], arrays["item_factors"])
