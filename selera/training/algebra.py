"""Products of histories and matrices by compiled kernels: what training and evaluation use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Histories
from ..contracts.protocols import Algebra
from ..contracts.sparse import SparseMatrix
from ..kernels.sparse import multiply_rows, multiply_sparse_rows


class KernelAlgebra:
    """The `Algebra` of whole batches, on the caller's thread alone; kernels release the GIL."""

    def times_dense(
        self, histories: Histories, weights: NDArray[np.float32], matrix: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Rows X @ matrix, float32 (batch, k)."""
        out = np.empty((len(histories), matrix.shape[1]), dtype=np.float32)
        rows = histories.indptr, histories.items, np.ascontiguousarray(weights)
        multiply_rows(*rows, np.ascontiguousarray(matrix), 0, len(histories), out)
        return out

    def times_sparse(
        self, histories: Histories, weights: NDArray[np.float32], matrix: SparseMatrix
    ) -> NDArray[np.float32]:
        """Rows X @ matrix, float32 (batch, n_columns)."""
        out = np.empty((len(histories), matrix.n_columns), dtype=np.float32)
        rows = histories.indptr, histories.items, np.ascontiguousarray(weights)
        right = matrix.indptr, matrix.columns, matrix.values
        multiply_sparse_rows(*rows, *right, 0, len(histories), out)
        return out


KERNELS: Algebra = KernelAlgebra()
