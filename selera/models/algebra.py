"""Products of histories and matrices in NumPy: what runs while a request is answered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Histories
from ..contracts.protocols import Algebra
from ..contracts.sparse import SparseMatrix


class NumpyAlgebra:
    """The `Algebra` of answering: one history after another, summed in float64 where sparse."""

    def times_dense(
        self, histories: Histories, weights: NDArray[np.float32], matrix: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Rows X @ matrix, float32 (batch, k)."""
        out = np.zeros((len(histories), matrix.shape[1]), dtype=np.float32)
        for user in range(len(histories)):
            entries = histories.entries(user)
            out[user] = weights[entries] @ matrix[histories.items[entries]]
        return out

    def times_sparse(
        self, histories: Histories, weights: NDArray[np.float32], matrix: SparseMatrix
    ) -> NDArray[np.float32]:
        """Rows X @ matrix, float32 (batch, n_columns)."""
        out = np.empty((len(histories), matrix.n_columns), dtype=np.float32)
        lengths = np.diff(matrix.indptr)
        for user in range(len(histories)):
            entries = histories.entries(user)
            items = histories.items[entries]
            counts = lengths[items]
            ends = np.cumsum(counts)
            shifts = np.repeat(matrix.indptr[items] - (ends - counts), counts)
            places = shifts + np.arange(int(ends[-1]) if len(ends) else 0)
            summands = matrix.values[places] * np.repeat(weights[entries], counts)
            out[user] = np.bincount(matrix.columns[places], summands, matrix.n_columns)
        return out


NUMPY: Algebra = NumpyAlgebra()
