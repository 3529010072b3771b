r"""Source and target of an item graph: what users did leads to what users bought.

An edge i -> j says what evidence for item i foretells. The source side is all evidence, x_ui =
`Histories.weights`: visits, purchases, good ratings, each decayed. The target side is what a shop
wants to foretell: purchases, p_uj = `Histories.purchases`, mixed with the evidence so that an item
which nobody has bought yet can be reached as well::

    y_uj = (1 - v) N(p)_uj + v N(x)_uj          v = target_visit_share

N is what the trainer does to a matrix before it is used (RP3beta: transition probabilities); it
comes before the mixing, so that the share holds for users with few purchases too. Where nobody
bought anything, v = 1: the plain symmetric graph. Asymmetric co-visitation matrices (click -> buy,
buy -> buy) were the common base of the best solutions of the OTTO challenge (RecSys/Kaggle 2022).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..contracts.histories import Histories
from ..contracts.sparse import SparseMatrix
from .products import sparse_of

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Values = NDArray[np.float64]


def target_values(
    histories: Histories, visit_share: float, normalize: Callable[[Values], Values]
) -> Values:
    """y_uj of every entry of the histories, float64 (nnz,); `normalize` is N."""
    weights = normalize(histories.weights.astype(np.float64))
    if visit_share == 1.0 or not histories.purchases.any():
        return weights
    purchases = normalize(histories.purchases.astype(np.float64))
    return (1.0 - visit_share) * purchases + visit_share * weights


def matrix_of(histories: Histories, values: Values, n_items: int) -> SparseMatrix:
    """Users x items with these values, float64 (nnz,), at the entries; zeros are left out."""
    kept = values != 0
    indptr = np.concatenate([[0], np.cumsum(kept)])[histories.indptr]
    entries = values[kept].astype(np.float32), histories.items[kept], indptr
    return sparse_of(csr_array(entries, shape=(len(histories), n_items)))


def sums_by(places: NDArray[np.int32] | NDArray[np.int64], values: Values, n: int) -> Values:
    """The sum of the values at each place 0 .. n-1, float64 (n,)."""
    return np.bincount(places, values, n).astype(np.float64)


def power(values: Values, exponent: float) -> Values:
    """values ** exponent, and 0 where a value is 0 whatever the exponent."""
    powers = np.zeros_like(values)
    positive = values > 0
    powers[positive] = values[positive] ** exponent
    return powers
