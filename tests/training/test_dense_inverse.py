"""The swept inverse against LAPACK's in float64."""

import numpy as np
import pytest
from numpy.typing import NDArray

from selera.training.dense_inverse import invert_in_place


def positive_definite(n: int) -> NDArray[np.float32]:
    rows = np.random.default_rng(n).standard_normal((2 * n + 3, n)).astype(np.float32)
    return rows.T @ rows + np.eye(n, dtype=np.float32)


@pytest.mark.parametrize("n", [1, 2, 31, 32, 33, 64, 129, 300])
def test_the_inverse_is_that_of_lapack_for_sizes_beside_the_block(n: int) -> None:
    matrix = positive_definite(n)
    expected = np.linalg.inv(matrix.astype(np.float64))
    invert_in_place(matrix, block=32, n_threads=2)
    np.testing.assert_allclose(matrix, expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_array_equal(matrix, matrix.T)


def test_a_pivot_wider_than_lapack_gets_at_once_is_swept_itself() -> None:
    matrix = positive_definite(500)
    expected = np.linalg.inv(matrix.astype(np.float64))
    invert_in_place(matrix, block=300)
    np.testing.assert_allclose(matrix, expected, atol=1e-5 * np.abs(expected).max())


def test_the_upper_triangle_is_not_read() -> None:
    matrix = positive_definite(100)
    lower = np.tril(matrix) + np.triu(np.full_like(matrix, np.nan), 1)
    invert_in_place(matrix, block=32)
    invert_in_place(lower, block=32)
    np.testing.assert_array_equal(matrix, lower)


def test_the_inverse_is_the_same_at_any_number_of_threads() -> None:
    one, other = positive_definite(200), positive_definite(200)
    invert_in_place(one, block=32, n_threads=1)
    invert_in_place(other, block=32, n_threads=3)
    np.testing.assert_array_equal(one, other)


def test_a_matrix_that_is_not_positive_definite_is_refused() -> None:
    matrix = positive_definite(90)
    matrix[70, 70] = -1.0
    with pytest.raises(np.linalg.LinAlgError):
        invert_in_place(matrix, block=32)


def test_progress_ends_where_it_said_it_would() -> None:
    said: list[tuple[str, int, int | None]] = []
    invert_in_place(positive_definite(70), block=32, progress=lambda *report: said.append(report))
    assert said == [("dense inverse", done, 3) for done in (1, 2, 3)]
