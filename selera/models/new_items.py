r"""Scores of items without any behavior, from their features and a user's scores of the others.

Ridge regression of one user's scores s of the warm items on their centered features F::

    beta = (F^T F + lambda I)^-1 F^T s
    score_new = mean(s) + gain * (f_new - mean(f)) . beta

For a ranker that is linear in its item side, s = V u, the same regression on the columns of V gives
the item factors of the new items, and their product with u is this score; here it works for any
ranker, as nothing but its scores is asked for.

The values of a regression lie nearer together than the scores that it was fitted to: new items
would hardly come to the top or to the bottom. `boldness` b gives back a part of the lost spread:
gain = (sd(s) / sd(F beta))^b. With 0 the score is the expected one; with 1 new items are
spread as the others are, and have the same chance of the top.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.features import Features
from ..contracts.protocols import Arrays

_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class NewItemModel:
    """The features of the warm items that teach, and what the regression needs of them.

    items : int32 (n_warm,), rows of these items, rising
    indptr, columns : int64 (n_warm + 1,), int32 (nnz,), their features as in `Features`
    inverse : float32 (n_columns, n_columns), (F^T F + lambda I)^-1 of the centered features
    shares : float64 (n_columns,), the part of the items that has each feature: mean(f)
    covariance : float32 (n_columns, n_columns), of the features over these items
    boldness : float32 (1,)
    """

    items: NDArray[np.int32]
    indptr: NDArray[np.int64]
    columns: NDArray[np.int32]
    inverse: NDArray[np.float32]
    shares: NDArray[np.float64]
    covariance: NDArray[np.float32]
    boldness: NDArray[np.float32]

    def score(self, scores: NDArray[np.float32], new: Features) -> NDArray[np.float32]:
        """Scores of new items, float32 (batch, len(new)).

        `scores`, float32 (batch, n_items), are the ranker's of all items that it knows; `new` has
        the features of the new items, in the columns of the training.
        """
        return self.extend(scores[:, self.items], new)

    def extend(self, known: NDArray[np.float32], new: Features) -> NDArray[np.float32]:
        """The same from the scores of `items` alone, float32 (batch, n_warm)."""
        known = known.astype(np.float64)
        means = known.mean(axis=1, keepdims=True)
        centered = known - means
        sums = _column_sums(centered, self.indptr, self.columns, len(self.inverse))
        beta = (sums.astype(np.float32) @ self.inverse).astype(np.float64)
        expected = _row_sums(beta, new.indptr, new.columns) - (beta @ self.shares)[:, None]
        together = (beta.astype(np.float32) @ self.covariance) * beta
        spread = np.sqrt(np.maximum(together.sum(axis=1), 0.0))
        deviations = np.sqrt(np.square(centered).mean(axis=1))
        lost = deviations / np.maximum(spread, _TINY)
        gain = np.where(spread > _TINY, lost, 0.0) ** float(self.boldness[0])
        result: NDArray[np.float32] = (means + gain[:, None] * expected).astype(np.float32)
        return result

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays named in the class docstring."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied.

        Older files lack the moments of the features, which are computed then.
        """
        held = dict(arrays)
        if "shares" not in held:
            n_columns = len(held["inverse"])
            held["shares"], held["covariance"] = moments(held["indptr"], held["columns"], n_columns)
        held["covariance"] = held["covariance"].astype(np.float32, copy=False)
        return cls(**held)


def moments(
    indptr: NDArray[np.int64], columns: NDArray[np.int32], n_columns: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance of some items' features, float64 (n_columns,), (n_columns, n_columns)."""
    n_items = len(indptr) - 1
    has = np.zeros((n_items, n_columns), dtype=np.float32)
    has[np.repeat(np.arange(n_items), np.diff(indptr)), columns] = 1.0
    shares = has.mean(axis=0, dtype=np.float64)
    together = (has.T @ has).astype(np.float64)  # counts, exact in float32 below 2^24
    return shares, together / n_items - np.outer(shares, shares)


def _row_sums(
    values: NDArray[np.float64], indptr: NDArray[np.int64], columns: NDArray[np.int32]
) -> NDArray[np.float64]:
    """For each row of features the sum of the values of its columns, float64 (batch, n_rows)."""
    sums = np.zeros((len(values), len(indptr) - 1))
    filled = np.flatnonzero(indptr[1:] > indptr[:-1])
    if len(filled):
        sums[:, filled] = np.add.reduceat(values[:, columns], indptr[filled], axis=1)
    return sums


def _column_sums(
    values: NDArray[np.float64],
    indptr: NDArray[np.int64],
    columns: NDArray[np.int32],
    n_columns: int,
) -> NDArray[np.float64]:
    """For each column the sum of the values of the rows that have it, float64 (batch, n_columns).

    Rows whose values sum to 0 need no centering of the columns.
    """
    lengths = np.diff(indptr)
    return np.stack(
        [np.bincount(columns, np.repeat(each, lengths), minlength=n_columns) for each in values]
    )
