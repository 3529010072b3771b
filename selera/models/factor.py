r"""The factor model: a user is the weighted sum of the factors of the items in the history.

::

    z_u = sum over j in history of  w_uj * query_factors[j]      (fold-in, the same for everyone)
    score(u, i) = z_u . item_factors[i]

Every linear ranker of low rank has this form. PureSVD is the case query_factors = item_factors = V
(Cremonesi, Koren & Turrin 2010, eq. 5). The score is additive in the history, so the contribution
of item j to the score of item i is exactly w_uj * query_factors[j] . item_factors[i].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import NO_ITEM, Explanation, Explanations, Histories, TopN
from ..contracts.protocols import Algebra, Arrays
from .algebra import NUMPY
from .clusters import DIRECT, ClusterIndex
from .taste import Taste, explained
from .topn import top_n

Affinities = Callable[[NDArray[np.float32]], NDArray[np.floating[Any]]]
"""From item factors (m, n_factors) to what each entry of a history adds to scores (m, nnz)."""


class FactorTaste(Taste):
    """A user's factors, float32 (n_factors,), and the items' to multiply them with."""

    __slots__ = ("_affinities", "_index", "item_factors", "user")

    def __init__(
        self,
        history: Histories,
        user: NDArray[np.float32],
        item_factors: NDArray[np.float32],
        index: ClusterIndex | None,
        affinities: Affinities,
    ) -> None:
        super().__init__(history, len(item_factors))
        self.user, self.item_factors = user, item_factors
        self._index, self._affinities = index, affinities

    def _all(self) -> NDArray[np.float32]:
        return self.item_factors @ self.user

    def of(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Scores of some items, float32 (m,)."""
        if self._index is None:
            return super().of(items)
        scores: NDArray[np.float32] = self.item_factors[items] @ self.user
        return scores

    def best(self, n: int, open: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows of the n best open items, by the index where there is one."""
        if self._index is None:
            return super().best(n, open)
        if np.count_nonzero(open) <= DIRECT:
            return np.flatnonzero(open)
        return self._index.best(self.user, n, open)[0]

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the scores of all items; 0 where all are the same."""
        return super().moments() if self._index is None else self._index.moments(self.user)

    def explain(self, items: NDArray[np.integer[Any]]) -> Explanations:
        """The exact additive parts of the scores of distinct items; the baselines are 0."""
        parts = self._affinities(self.item_factors[items]).astype(np.float32)
        return Explanations(np.zeros(len(items)), self.history.items, parts)


@dataclass(frozen=True, slots=True)
class FactorModel:
    """Scores by two factor matrices.

    query_factors : float32 (n_items, n_factors), what an item says about the user who has it
    item_factors : float32 (n_items, n_factors), what an item offers to a user
    index : finds the best of a large catalogue; None where all are scored
    """

    name: ClassVar[str] = "factor"

    query_factors: NDArray[np.float32]
    item_factors: NDArray[np.float32]
    index: ClusterIndex | None = None

    def fold_in(self, histories: Histories, algebra: Algebra = NUMPY) -> NDArray[np.float32]:
        """User factors, float32 (batch, n_factors); zero for an empty history."""
        return algebra.times_dense(histories, histories.weights, self.query_factors)

    def score(self, histories: Histories, algebra: Algebra = NUMPY) -> NDArray[np.float32]:
        """Scores of all items, float32 (batch, n_items)."""
        return self.fold_in(histories, algebra) @ self.item_factors.T

    def taste(self, history: Histories) -> FactorTaste:
        """One history, folded in."""
        queries = self.query_factors[history.items]
        weights = history.weights

        def affinities(offered: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
            return weights * (offered @ queries.T)

        return FactorTaste(history, weights @ queries, self.item_factors, self.index, affinities)

    def similar(
        self, items: NDArray[np.int32], n: int, allowed: NDArray[np.bool_] | None = None
    ) -> TopN:
        """The n allowed items with the highest cosine between item factors, itself left out."""
        return similar_factors(self.item_factors, self.index, items, n, allowed)

    def likeness(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Cosines between the factors of some items."""
        return cosines(self.item_factors[items])

    def explain(self, history: Histories, item: int) -> Explanation:
        """What each item of one history adds to the score of `item`; the baseline is 0."""
        return explained(self.taste(history), item)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Both matrices, and the index where there is one."""
        factors = {"query_factors": self.query_factors, "item_factors": self.item_factors}
        return factors | index_arrays(self.index)

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        index = ClusterIndex.from_arrays(arrays)
        return cls(arrays["query_factors"], arrays["item_factors"], index)


def cosines(factors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosines of the rows of float32 (m, n_factors), float32 (m, m); 0 for a row of zeros."""
    lengths = np.sqrt(np.einsum("if,if->i", factors, factors))
    directions = factors / np.where(lengths > 0, lengths, np.float32(1))[:, None]
    likeness: NDArray[np.float32] = (directions @ directions.T).astype(np.float32)
    return likeness


def index_arrays(index: ClusterIndex | None) -> dict[str, NDArray[Any]]:
    """The arrays of an index, none where there is none."""
    return {} if index is None else index.to_arrays()


def similar_factors(
    factors: NDArray[np.float32],
    index: ClusterIndex | None,
    items: NDArray[np.int32],
    n: int,
    allowed: NDArray[np.bool_] | None,
) -> TopN:
    """The n allowed items with the highest cosine to each of `items`, itself left out.

    An item whose factors are all zero is similar to nothing: its list is empty.
    """
    if index is not None:
        return _similar_by_index(factors, index, items, n, allowed)
    squares = np.einsum("if,if->i", factors, factors)
    inverse = np.zeros_like(squares)
    inverse[squares > 0] = 1 / np.sqrt(squares[squares > 0])
    scores = factors[items] @ factors.T
    scores *= inverse[items, None] * inverse
    scores[:, (inverse == 0) if allowed is None else (inverse == 0) | ~allowed] = -np.inf
    scores[inverse[items] == 0] = -np.inf
    scores[np.arange(len(items)), items] = -np.inf
    return top_n(scores, n)


def _similar_by_index(
    factors: NDArray[np.float32],
    index: ClusterIndex,
    items: NDArray[np.int32],
    n: int,
    allowed: NDArray[np.bool_] | None,
) -> TopN:
    found = TopN(
        np.full((len(items), n), NO_ITEM, dtype=np.int32),
        np.full((len(items), n), -np.inf, dtype=np.float32),
    )
    for place, item in enumerate(items.tolist()):
        length = float(np.linalg.norm(factors[item]))
        if length > 0:
            open = np.ones(len(factors), np.bool_) if allowed is None else allowed.copy()
            open[item] = False
            best, cosines = index.best(factors[item] / np.float32(length), n, open, cosine=True)
            found.items[place, : len(best)] = best
            found.scores[place, : len(best)] = cosines
    return found
