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

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Explanation, Explanations, Histories, TopN
from ..contracts.protocols import Algebra, Arrays
from ..contracts.sparse import SparseMatrix
from .algebra import NUMPY
from .clusters import ClusterIndex
from .factor import FactorModel, FactorTaste, cosines, index_arrays
from .few import FewTaste, edges_taste
from .retrieval import retrieve_top
from .taste import LARGE, Taste, explained


@dataclass(frozen=True, slots=True)
class SpectralFilterModel:
    """Scores by a sparse item-to-item matrix plus two factor matrices.

    edges : (n_items, n_items), what having the row's item says for the column's
    query_factors : float32 (n_items, n_factors), what an item says about the user who has it
    item_factors : float32 (n_items, n_factors), what an item offers to a user
    index : finds the best of a large catalogue by factors; None where all are scored
    """

    name: ClassVar[str] = "spectral_filter"

    edges: SparseMatrix
    query_factors: NDArray[np.float32]
    item_factors: NDArray[np.float32]
    index: ClusterIndex | None = None

    def score(self, histories: Histories, algebra: Algebra = NUMPY) -> NDArray[np.float32]:
        """Scores of all items, float32 (batch, n_items)."""
        weights = histories.weights
        scores = algebra.times_dense(histories, weights, self.query_factors) @ self.item_factors.T
        scores += algebra.times_sparse(histories, weights, self.edges)
        return scores

    def taste(self, history: Histories) -> SpectralTaste:
        """One history, folded in."""
        factors = FactorModel(self.query_factors, self.item_factors, self.index)
        return SpectralTaste(
            factors.taste(history), edges_taste(history, history.weights, self.edges)
        )

    def similar(
        self, items: NDArray[np.int32], n: int, allowed: NDArray[np.bool_] | None = None
    ) -> TopN:
        """The n allowed items that each item alone speaks for most, itself left out."""
        alone = [Histories.plain(np.array([0, 1]), items[at : at + 1]) for at in range(len(items))]
        return retrieve_top([self.taste(each) for each in alone], n, allowed=allowed)

    def likeness(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32] | None:
        """Cosines between the factors of some items; None where there are no factors."""
        return cosines(self.item_factors[items]) if self.item_factors.shape[1] else None

    def explain(self, history: Histories, item: int) -> Explanation:
        """What each item of one history adds to the score of `item`; the baseline is 0."""
        return explained(self.taste(history), item)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The edges, both factor matrices, and the index where there is one."""
        factors = {"query_factors": self.query_factors, "item_factors": self.item_factors}
        return {**self.edges.to_arrays(), **factors, **index_arrays(self.index)}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        edges = SparseMatrix.from_arrays(arrays)
        index = ClusterIndex.from_arrays(arrays)
        return cls(edges, arrays["query_factors"], arrays["item_factors"], index)


class SpectralTaste(Taste):
    """The sum of a user's part of low rank and the sparse part, which is exact."""

    __slots__ = ("_edges", "_factors")

    def __init__(self, factors: FactorTaste, edges: FewTaste) -> None:
        super().__init__(factors.history, factors.n_items)
        self._factors, self._edges = factors, edges

    def _all(self) -> NDArray[np.float32]:
        return self._factors.all() + self._edges.all()

    def of(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Scores of some items, float32 (m,)."""
        if self.n_items <= LARGE:
            return super().of(items)
        return self._factors.of(items) + self._edges.of(items)

    def best(self, n: int, open: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The best of both parts, and all items that the sparse part names."""
        if self._factors.n_items <= LARGE:
            return super().best(n, open)
        named, _ = self._edges.sums()
        return np.union1d(self._factors.best(n, open), named[open[named]])

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the scores of all items; 0 where all are the same."""
        if self.n_items <= LARGE:
            return super().moments()
        (mean, deviation), (sparse_mean, sparse_deviation) = (
            self._factors.moments(),
            self._edges.moments(),
        )
        named, scores = self._edges.sums()
        together = float(self._factors.of(named).astype(np.float64) @ scores) / self.n_items
        covariance = together - mean * sparse_mean
        variance = deviation**2 + sparse_deviation**2 + 2 * covariance
        return mean + sparse_mean, float(np.sqrt(max(variance, 0.0)))

    def explain(self, items: NDArray[np.integer[Any]]) -> Explanations:
        """The exact additive parts of the scores of distinct items; the baselines are 0."""
        parts = self._factors.explain(items), self._edges.explain(items)
        contributions = parts[0].contributions + parts[1].contributions
        return Explanations(parts[0].baselines, self.history.items, contributions)
