"""Products that keep the largest entries of each row, against dense NumPy."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from selera.contracts.sparse import SparseMatrix
from selera.training import products
from selera.training.products import largest_of_product, scipy_of, sparse_of, transposed


def sparse(n_rows: int, n_columns: int, density: float, seed: int, signed: bool = False):
    rng = np.random.default_rng(seed)
    matrix = csr_array(random_array((n_rows, n_columns), density=density, rng=rng).tocsr())
    matrix.sort_indices()
    if signed:
        matrix.data -= 0.5
    return sparse_of(csr_array(matrix, dtype=np.float32))


def dense(matrix: SparseMatrix) -> np.ndarray:
    return scipy_of(matrix).toarray()


def largest(full: np.ndarray, most: int) -> np.ndarray:
    """The `most` largest entries of each row that are not 0, ties to the lower column."""
    kept = np.zeros_like(full)
    for row, values in enumerate(full):
        order = [c for c in np.argsort(-values, kind="stable") if values[c] != 0][:most]
        kept[row, order] = values[order]
    return kept


def test_all_entries_are_the_product() -> None:
    left, right = sparse(40, 23, 0.2, 0), sparse(23, 61, 0.2, 1)
    product = largest_of_product(left, right)
    np.testing.assert_allclose(dense(product), dense(left) @ dense(right), rtol=1e-5)
    assert (product.values != 0).all()


@pytest.mark.parametrize("most", [1, 3, 17, 100])
@pytest.mark.parametrize("signed", [False, True])
def test_a_row_keeps_its_largest_entries_with_columns_rising(most: int, signed: bool) -> None:
    left, right = sparse(50, 30, 0.3, 2, signed), sparse(30, 45, 0.3, 3, signed)
    scales = np.random.default_rng(4).random(45).astype(np.float32)
    product = largest_of_product(left, right, most, column_scales=scales)
    full = dense(largest_of_product(left, right)) * scales
    np.testing.assert_array_equal(dense(product), largest(full, most))
    for row in range(50):
        columns, _ = product.row(row)
        assert (np.diff(columns) > 0).all()


def test_of_equal_entries_the_lower_columns_stay() -> None:
    ones = sparse_of(csr_array(np.ones((4, 20), np.float32)))
    product = largest_of_product(transposed(ones), ones, 3)
    assert product.columns.reshape(20, 3).tolist() == [[0, 1, 2]] * 20
    assert set(product.values.tolist()) == {4.0}


def test_shrinkage_counts_the_summands() -> None:
    matrix = sparse(60, 25, 0.2, 5)
    product = largest_of_product(transposed(matrix), matrix, shrinkage=3.0)
    values, held = dense(matrix), dense(matrix) > 0
    counts = held.T.astype(float) @ held
    np.testing.assert_allclose(
        dense(product), values.T @ values * counts / (counts + 3.0), rtol=1e-5
    )


def test_the_diagonal_is_weighed_before_anything_is_kept() -> None:
    matrix = sparse(60, 25, 0.3, 6)
    full = dense(largest_of_product(transposed(matrix), matrix))
    without = dense(largest_of_product(transposed(matrix), matrix, 4, self_weight=0.0))
    np.testing.assert_array_equal(without, largest(full * (1 - np.eye(25, dtype=np.float32)), 4))
    half = dense(largest_of_product(transposed(matrix), matrix, 4, self_weight=0.5))
    np.testing.assert_array_equal(half, largest(full * (1 - np.eye(25, dtype=np.float32) / 2), 4))


def test_empty_rows_and_an_empty_matrix_have_no_entries() -> None:
    empty = sparse_of(csr_array((5, 7), dtype=np.float32))
    product = largest_of_product(transposed(empty), empty, 3)
    assert (product.n_rows, product.n_columns, len(product.values)) == (7, 7, 0)


@pytest.mark.parametrize("n_threads", [2, 5])
def test_any_number_of_threads_gives_the_same_bytes(
    n_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    matrix = sparse(300, 80, 0.1, 7)
    whole = largest_of_product(transposed(matrix), matrix, 9, n_threads=1)
    monkeypatch.setattr(products, "_ENTRIES_PER_TASK", 50)
    parts = largest_of_product(transposed(matrix), matrix, 9, n_threads=n_threads)
    for one, other in zip(whole.to_arrays().values(), parts.to_arrays().values(), strict=True):
        assert one.tobytes() == other.tobytes()
