"""Both algebras, that of answering and that of training, against dense products."""

import numpy as np
import pytest

from selera.contracts.histories import Histories
from selera.contracts.protocols import Algebra
from selera.models.algebra import NUMPY
from selera.training.algebra import KERNELS
from tests.dense import histories, matrix_of, sparse

N_USERS, N_ITEMS, N_COLUMNS = 25, 14, 9
RNG = np.random.default_rng(3)

both = pytest.mark.parametrize("algebra", [NUMPY, KERNELS], ids=["numpy", "kernels"])


def some_histories() -> Histories:
    """The first, the last and one more history are empty."""
    weights = np.where(RNG.random((N_USERS, N_ITEMS)) < 0.3, RNG.gamma(2, 1, (N_USERS, N_ITEMS)), 0)
    weights[[0, 11, N_USERS - 1]] = 0
    return histories(weights.astype(np.float32))


TOLD = some_histories()
SIGNED = RNG.normal(size=len(TOLD.items)).astype(np.float32)
"""Weights of the entries other than those in the histories."""


@both
def test_a_product_with_a_dense_matrix_is_the_dense_product(algebra: Algebra) -> None:
    matrix = RNG.normal(size=(N_ITEMS, N_COLUMNS)).astype(np.float32)
    told = algebra.times_dense(TOLD, SIGNED, matrix)
    assert told.dtype == np.float32
    np.testing.assert_allclose(told, matrix_of(TOLD, SIGNED, N_ITEMS) @ matrix, atol=1e-5)


@both
def test_a_product_with_a_sparse_matrix_is_the_dense_product(algebra: Algebra) -> None:
    matrix = RNG.normal(size=(N_ITEMS, N_COLUMNS)).astype(np.float32)
    matrix[RNG.random(matrix.shape) < 0.6] = 0
    matrix[[0, 5, N_ITEMS - 1]] = 0
    told = algebra.times_sparse(TOLD, SIGNED, sparse(matrix))
    assert told.dtype == np.float32
    np.testing.assert_allclose(told, matrix_of(TOLD, SIGNED, N_ITEMS) @ matrix, atol=1e-5)


@both
def test_empty_histories_and_empty_matrices_give_zeros(algebra: Algebra) -> None:
    nothing = histories(np.zeros((3, N_ITEMS), np.float32))
    dense = np.ones((N_ITEMS, 4), np.float32)
    assert algebra.times_dense(nothing, nothing.weights, dense).tolist() == [[0] * 4] * 3
    assert algebra.times_sparse(nothing, nothing.weights, sparse(dense)).tolist() == [[0] * 4] * 3
    empty = sparse(np.zeros((N_ITEMS, 4), np.float32))
    assert not algebra.times_sparse(TOLD, SIGNED, empty).any()


@both
def test_no_histories_give_no_rows(algebra: Algebra) -> None:
    nobody = TOLD.take(4, 4)
    dense = np.ones((N_ITEMS, 4), np.float32)
    assert algebra.times_dense(nobody, nobody.weights, dense).shape == (0, 4)
    assert algebra.times_sparse(nobody, nobody.weights, sparse(dense)).shape == (0, 4)


@both
def test_any_layout_of_the_arrays_gives_the_same(algebra: Algebra) -> None:
    matrix = RNG.normal(size=(N_ITEMS, N_COLUMNS)).astype(np.float32)
    strided = np.repeat(SIGNED, 2)[::2]
    told = algebra.times_dense(TOLD, strided, np.asfortranarray(matrix))
    np.testing.assert_allclose(told, algebra.times_dense(TOLD, SIGNED, matrix), atol=1e-6)
    edges = sparse(matrix)
    np.testing.assert_array_equal(
        algebra.times_sparse(TOLD, strided, edges), algebra.times_sparse(TOLD, SIGNED, edges)
    )


def test_a_batch_and_its_parts_give_the_same() -> None:
    matrix = sparse(RNG.normal(size=(N_ITEMS, N_COLUMNS)).astype(np.float32))
    whole = KERNELS.times_sparse(TOLD, TOLD.weights, matrix)
    part = TOLD.take(7, 19)
    np.testing.assert_array_equal(KERNELS.times_sparse(part, part.weights, matrix), whole[7:19])
