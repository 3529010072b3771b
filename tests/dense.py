"""Plain matrices as histories and sparse matrices, and back: what dense twins are checked with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from selera.contracts.histories import Histories, ItemSets
from selera.contracts.sparse import SparseMatrix


def histories(
    weights: NDArray[np.float32],
    *,
    seen: NDArray[np.bool_] | None = None,
    ages: NDArray[np.float32] | None = None,
    purchases: NDArray[np.float32] | None = None,
) -> Histories:
    """Histories of a (users x items) matrix: its entries above 0, or those that are `seen`."""
    rows, items = np.nonzero(weights > 0 if seen is None else seen)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(weights)))])
    plain = Histories.plain(
        indptr,
        items.astype(np.int32),
        weights=weights[rows, items].astype(np.float32),
        ages=None if ages is None else ages[rows, items].astype(np.float32),
    )
    if purchases is None:
        return plain
    return replace(plain, purchases=purchases[rows, items].astype(np.float32))


def matrix_of(told: Histories, values: NDArray[np.float32], n_items: int) -> NDArray[np.float64]:
    """Users x items with these values at the entries of the histories."""
    matrix = np.zeros((len(told), n_items))
    matrix[told.rows, told.items] = values
    return matrix


def sparse(matrix: NDArray[np.float32]) -> SparseMatrix:
    """The entries that are not 0."""
    rows, columns = np.nonzero(matrix)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(matrix)))])
    values = matrix[rows, columns].astype(np.float32)
    return SparseMatrix(indptr, columns.astype(np.int32), values, matrix.shape[1])


def item_sets(*sets: set[int]) -> ItemSets:
    """One set of items for each user."""
    indptr = np.cumsum([0, *map(len, sets)]).astype(np.int64)
    return ItemSets(indptr, np.array([i for each in sets for i in sorted(each)], np.int32))
