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
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Explanation, Histories, TopN
from ..contracts.protocols import Algebra, Arrays
from .algebra import NUMPY
from .topn import top_n


@dataclass(frozen=True, slots=True)
class FactorModel:
    """Scores by two factor matrices.

    query_factors : float32 (n_items, n_factors), what an item says about the user who has it
    item_factors : float32 (n_items, n_factors), what an item offers to a user
    """

    name: ClassVar[str] = "factor"

    query_factors: NDArray[np.float32]
    item_factors: NDArray[np.float32]

    def fold_in(self, histories: Histories, algebra: Algebra = NUMPY) -> NDArray[np.float32]:
        """User factors, float32 (batch, n_factors); zero for an empty history."""
        return algebra.times_dense(histories, histories.weights, self.query_factors)

    def score(self, histories: Histories, algebra: Algebra = NUMPY) -> NDArray[np.float32]:
        """Scores of all items, float32 (batch, n_items)."""
        return self.fold_in(histories, algebra) @ self.item_factors.T

    def similar(self, items: NDArray[np.int32], n: int) -> TopN:
        """The n items with the highest cosine between their item factors, itself left out.

        An item whose factors are all zero is similar to nothing: its list is empty.
        """
        squares = np.einsum("if,if->i", self.item_factors, self.item_factors)
        inverse = np.zeros_like(squares)
        inverse[squares > 0] = 1 / np.sqrt(squares[squares > 0])
        scores = self.item_factors[items] @ self.item_factors.T
        scores *= inverse[items, None] * inverse
        scores[:, inverse == 0] = -np.inf
        scores[inverse[items] == 0] = -np.inf
        scores[np.arange(len(items)), items] = -np.inf
        return top_n(scores, n)

    def explain(self, history: Histories, item: int) -> Explanation:
        """What each item of one history adds to the score of `item`; the baseline is 0."""
        affinities = self.query_factors[history.items] @ self.item_factors[item]
        return Explanation(0.0, history.items, history.weights * affinities)

    def explainer(self, history: Histories) -> Callable[[int], Explanation]:
        """`explain` for many items of one history, which have nothing costly in common."""
        return partial(self.explain, history)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Both matrices."""
        return {"query_factors": self.query_factors, "item_factors": self.item_factors}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        return cls(arrays["query_factors"], arrays["item_factors"])
