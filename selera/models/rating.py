r"""The rating model: the stars that a user would give, by biased matrix factorization.

::

    r_ui = mean + b_u + b_i + p_u . q_i                       (Koren, Bell & Volinsky 2009, eq. 4)
    r_ui = mean + b_u + b_i + (p_u + z_u) . q_i               (SVD++: Koren 2008, eq. 15)
    z_u  = |N(u)|^-1/2 * sum of y_j over j in N(u), all items of the history, rated or not

All of it is on the scale 0..4, whatever the shop's is, so that a learning rate means the same
everywhere; stars are stretched on the way in and back on the way out.

The item side (mean, b_i, q_i, y_j) is stored; the user side comes from the history. With items held
fixed, z_u is a sum, and training moves w = (b_u, p_u) down the gradient of

    1/2 sum over j of (e_j - a_j . w)^2 + (m * regularization + damping) / 2 * |w|^2
    e_j = r_uj - mean - b_j - z_u . q_j,   a_j = (1, q_j),   m = number of the user's ratings

in steps of `learning_rate`, for `n_epochs` passes from (near) 0. Small steps follow the gradient
flow, whose solution at time t = learning_rate * n_epochs is closed (A has the rows a_j)::

    w(t) = V diag((1 - exp(-t l)) / l) V^T A^T e
    A^T A + (m * regularization + damping) * I = V diag(l) V^T

So a folded-in user gets the objective *and* the early stopping that trained everyone else: three
ratings move a new user a little, three hundred move far. t -> infinity is the ridge solution. It is
the same user but for two things: the items stand where training left them, not where they were on
the way there, and the steps are infinitely small (`benchmarks/` measures the difference).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Histories
from ..contracts.interactions import RatingScale
from ..contracts.protocols import Arrays


@dataclass(frozen=True, slots=True)
class RatingModel:
    """Predicts stars from a history.

    mean : mean rating of the training data, on 0..4
    item_bias : float32 (n_items,), how much better than the mean an item is rated
    item_factors : float32 (n_items, n_factors)
    implicit_factors : float32 (n_items, n_factors), the y_j of SVD++; None without them
    learning_rate, regularization, damping, n_epochs : what trained the items, and folds users in
    scale : predictions are clipped to it
    """

    name: ClassVar[str] = "rating"

    mean: float
    item_bias: NDArray[np.float32]
    item_factors: NDArray[np.float32]
    learning_rate: float
    regularization: float
    damping: float
    n_epochs: int
    scale: RatingScale
    implicit_factors: NDArray[np.float32] | None = None

    def fold_in(
        self, items: NDArray[np.int32], ratings: NDArray[np.float32]
    ) -> tuple[float, NDArray[np.float32]]:
        """Bias b_u and factors p_u + z_u, float32 (n_factors,), of a user with this history.

        items : int32 (n,), all that the user has to do with
        ratings : float32 (n,), stars, NaN for items without

        A user without ratings has bias 0 and factors z_u, which are 0 without implicit factors: the
        answer is then mean + b_i.
        """
        implied = self._implied(items)
        rated = ~np.isnan(ratings)
        items = items[rated]
        stretched = self.scale.stretch(ratings[rated]).astype(np.float64)
        factors = self.item_factors[items].astype(np.float64)
        residuals = stretched - self.mean - self.item_bias[items] - factors @ implied
        design = np.ones((len(items), 1 + factors.shape[1]))
        design[:, 1:] = factors
        solution = _gradient_flow(
            design,
            residuals,
            time=self.learning_rate * self.n_epochs,
            penalty=self.regularization * len(items) + self.damping,
        )
        return float(solution[0]), (solution[1:] + implied).astype(np.float32)

    def _implied(self, items: NDArray[np.int32]) -> NDArray[np.float64]:
        """z_u, float64 (n_factors,), of a user who has to do with these items."""
        if self.implicit_factors is None or not len(items):
            return np.zeros(self.item_factors.shape[1])
        shares = np.full(len(items), len(items) ** -0.5)
        return shares @ self.implicit_factors[items]

    def predict(self, histories: Histories, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Predicted stars of the given items for each history, float32 (batch, len(items))."""
        predictions = np.empty((len(histories), len(items)), dtype=np.float32)
        base = self.mean + self.item_bias[items]
        for user in range(len(histories)):
            entries = histories.entries(user)
            bias, factors = self.fold_in(histories.items[entries], histories.ratings[entries])
            predictions[user] = base + bias + self.item_factors[items] @ factors
        return self.scale.unstretch(predictions)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The item arrays, and the numbers in one float64 array."""
        steps = [self.learning_rate, self.regularization, self.damping, float(self.n_epochs)]
        implicit = self.implicit_factors
        return {
            **({} if implicit is None else {"implicit_factors": implicit}),
            "item_bias": self.item_bias,
            "item_factors": self.item_factors,
            "numbers": np.array([self.mean, *steps, self.scale.low, self.scale.high]),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        mean, *steps, low, high = arrays["numbers"].tolist()
        learning_rate, regularization, damping, n_epochs = steps
        return cls(
            mean=mean,
            item_bias=arrays["item_bias"],
            item_factors=arrays["item_factors"],
            implicit_factors=arrays.get("implicit_factors"),
            learning_rate=learning_rate,
            regularization=regularization,
            damping=damping,
            n_epochs=int(n_epochs),
            scale=RatingScale(low, high),
        )


def _gradient_flow(
    design: NDArray[np.float64], targets: NDArray[np.float64], *, time: float, penalty: float
) -> NDArray[np.float64]:
    """Minimize 1/2 |targets - design w|^2 + penalty / 2 |w|^2 from w = 0 for a `time`.

    Solved in the smaller of the two spaces: by the Gram matrix of the columns, or of the rows.
    """
    n_rows, n_columns = design.shape
    if n_rows == 0:
        return np.zeros(n_columns)
    if n_rows < n_columns:
        values, vectors = np.linalg.eigh(design @ design.T)
        return design.T @ (vectors @ (_filter(values + penalty, time) * (vectors.T @ targets)))
    values, vectors = np.linalg.eigh(design.T @ design)
    return vectors @ (_filter(values + penalty, time) * (vectors.T @ (design.T @ targets)))


def _filter(values: NDArray[np.float64], time: float) -> NDArray[np.float64]:
    """(1 - exp(-time * l)) / l, which tends to `time` as l tends to 0."""
    values = np.maximum(values, 1e-12)
    return -np.expm1(-time * values) / values
