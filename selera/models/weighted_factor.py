r"""The weighted factor model: a user is the exact minimum of the objective that trained the items.

::

    w_u = argmin  sum over j in history of  c_uj (w . h_j - p_uj)^2
                  + alpha0 * sum over all items of (w . h_i)^2  +  penalty_u * |w|^2
        = A_u^-1 * sum over j of  c_uj p_uj h_j
    A_u = sum over j of c_uj h_j h_j^T + alpha0 * H^T H + penalty_u * I
    score(u, i) = w_u . h_i

What is liked has target p = 1 and confidence c = 1 + alpha * weight, a low rating has p = 0 and a
confidence of its own; `WeightedSquares` says the rest. Each score is exactly a sum over the history
(Hu, Koren & Volinsky 2008, section 5)::

    score(u, i) = sum over j of  h_i^T A_u^-1 h_j c_uj p_uj

A low rating has no summand: it lowers scores through A_u. The axes of the factors are those on
which H^T H is diagonal. So with P = alpha0 * H^T H + penalty_u * I, a diagonal, and
z_j = sqrt(c_uj / P) h_j, the rows of Z, a short history needs the small matrix Z Z^T alone::

    A_u = P^1/2 (I + Z^T Z) P^1/2,    (I + Z^T Z)^-1 Z^T = Z^T (I + Z Z^T)^-1
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Explanation, Histories, TopN
from ..contracts.protocols import Algebra, Arrays
from .algebra import NUMPY
from .clusters import ClusterIndex
from .factor import FactorTaste, cosines, index_arrays, similar_factors
from .taste import explained


@dataclass(frozen=True, slots=True)
class WeightedSquares:
    """What implicit ALS minimizes: which pairs count how much, and how far factors are held down.

    unobserved_weight : alpha0, what every pair counts with target 0
    regularization, exponent : penalty = regularization * (sum of c + alpha0 * n_others)^exponent
    alpha : c = 1 + alpha * weight of what is liked
    low_rating_confidence : c of stars below `middle` without any liking, target 0
    middle : of the shop's rating scale; NaN where it has none
    """

    unobserved_weight: float
    regularization: float
    exponent: float
    alpha: float
    low_rating_confidence: float
    middle: float = float("nan")

    def confidences(self, histories: Histories) -> NDArray[np.float32]:
        """c of each entry, float32 (nnz,); 0 for what is neither liked nor disliked."""
        liked = histories.weights > 0
        disliked = ~liked & (histories.ratings < self.middle)
        confidences = np.where(liked, 1 + np.float32(self.alpha) * histories.weights, 0)
        confidences[disliked] = self.low_rating_confidence
        return confidences.astype(np.float32)

    def penalties(
        self, indptr: NDArray[np.int64], confidences: NDArray[np.float32], n_others: int
    ) -> NDArray[np.float64]:
        """The penalty of each row, float64 (n_rows,); `n_others` is the size of the other side."""
        sums = np.concatenate([[0.0], np.cumsum(confidences, dtype=np.float64)])
        counts = sums[indptr[1:]] - sums[indptr[:-1]]
        sizes = np.maximum(counts, 0.0) + self.unobserved_weight * n_others
        penalties: NDArray[np.float64] = self.regularization * sizes**self.exponent
        return penalties


class RowProblem:
    """The ridge problem of one row, set up once: its minimum, and the parts of scores.

    fixed : float32 (n, n_factors), the other side's factors at the row's entries
    confidences, liked : float32 (n,), bool (n,); the targets are 1 where liked, else 0
    precisions : float64 (n_factors,), the diagonal P

    Solved in the smaller of the two spaces.
    """

    __slots__ = ("_gram", "_is_short", "_roots", "_targets", "_z")

    def __init__(
        self,
        fixed: NDArray[np.float32],
        confidences: NDArray[np.float32],
        liked: NDArray[np.bool_],
        precisions: NDArray[np.float64],
    ) -> None:
        scales = np.sqrt(confidences.astype(np.float64))
        self._roots = np.sqrt(precisions)
        self._targets = scales * liked
        z: NDArray[Any] = fixed * scales[:, None] / self._roots
        self._z = z
        self._is_short = len(z) < z.shape[1]
        self._gram = z @ z.T if self._is_short else z.T @ z
        np.einsum("kk->k", self._gram)[:] += 1

    def minimum(self) -> NDArray[np.float64]:
        """The row at which the objective is least, float64 (n_factors,)."""
        z, targets = self._z, self._targets
        if self._is_short:
            solution = np.linalg.solve(self._gram, targets) @ z
        else:
            solution = np.linalg.solve(self._gram, targets @ z)
        row: NDArray[np.float64] = solution / self._roots
        return row

    def contributions(self, offered: NDArray[np.float32]) -> NDArray[np.float64]:
        """What each entry adds to the scores of items with these factors, float64 (m, n).

        Place (i, j) is h_i^T A_u^-1 h_j c_uj p_uj; `offered`, float32 (m, n_factors), has the rows
        h_i.
        """
        z, asked = self._z, offered / self._roots
        if self._is_short:
            parts = np.linalg.solve(self._gram, z @ asked.T).T
        else:
            parts = np.linalg.solve(self._gram, asked.T).T @ z.T
        result: NDArray[np.float64] = parts * self._targets
        return result


@dataclass(frozen=True, slots=True)
class WeightedFactorModel:
    """Scores by item factors; a history is folded in by the ridge problem of the training.

    item_factors : float32 (n_items, n_factors)
    energies : float64 (n_factors,), the diagonal of H^T H, whose other entries are 0
    objective : what the factors minimize
    index : finds the best of a large catalogue; None where all are scored
    """

    name: ClassVar[str] = "weighted_factor"

    item_factors: NDArray[np.float32]
    energies: NDArray[np.float64]
    objective: WeightedSquares
    index: ClusterIndex | None = None

    def fold_in(self, histories: Histories) -> NDArray[np.float32]:
        """User factors, float32 (batch, n_factors); zero for an empty history."""
        confidences = self.objective.confidences(histories)
        precisions = self._precisions(histories, confidences)
        liked = histories.weights > 0
        users = np.empty((len(histories), self.item_factors.shape[1]), dtype=np.float32)
        for user in range(len(histories)):
            own = histories.entries(user)
            fixed = self.item_factors[histories.items[own]]
            problem = RowProblem(fixed, confidences[own], liked[own], precisions[user])
            users[user] = problem.minimum()
        return users

    def score(self, histories: Histories, algebra: Algebra = NUMPY) -> NDArray[np.float32]:
        """Scores of all items, float32 (batch, n_items); `algebra` has nothing to multiply."""
        return self.fold_in(histories) @ self.item_factors.T

    def taste(self, history: Histories) -> FactorTaste:
        """One history, folded in."""
        confidences = self.objective.confidences(history)
        problem = RowProblem(
            self.item_factors[history.items],
            confidences,
            history.weights > 0,
            self._precisions(history, confidences)[0],
        )
        user = problem.minimum().astype(np.float32)
        return FactorTaste(history, user, self.item_factors, self.index, problem.contributions)

    def similar(
        self, items: NDArray[np.int32], n: int, allowed: NDArray[np.bool_] | None = None
    ) -> TopN:
        """The n allowed items with the highest cosine between factors, as in `FactorModel`."""
        return similar_factors(self.item_factors, self.index, items, n, allowed)

    def likeness(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Cosines between the factors of some items."""
        return cosines(self.item_factors[items])

    def explain(self, history: Histories, item: int) -> Explanation:
        """What each item of one history adds to the score of `item`; the baseline is 0."""
        return explained(self.taste(history), item)

    def _precisions(
        self, histories: Histories, confidences: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """The diagonal P of each user, float64 (batch, n_factors)."""
        n_items = len(self.item_factors)
        penalties = self.objective.penalties(histories.indptr, confidences, n_items)
        return self.objective.unobserved_weight * self.energies + penalties[:, None]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Factors, energies, the numbers of the objective in one float64 array, and the index."""
        return {
            "item_factors": self.item_factors,
            "energies": self.energies,
            "objective": np.array(astuple(self.objective)),
            **index_arrays(self.index),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        objective = WeightedSquares(*arrays["objective"].tolist())
        index = ClusterIndex.from_arrays(arrays)
        return cls(arrays["item_factors"], arrays["energies"], objective, index)
