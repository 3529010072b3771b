"""The Krylov space where singular values fall slowly, are equal, or are 0."""

import numpy as np
import pytest
from scipy.sparse import csr_array, eye_array, random_array

from selera.training import spectral, tall
from selera.training.spectral import truncated_svd


def flat_matrix(n_rows: int, n_columns: int) -> csr_array:
    """A random matrix: its singular values fall slowly, which power iterations do not like."""
    matrix = random_array((n_rows, n_columns), density=0.05, rng=np.random.default_rng(3))
    return csr_array(matrix.tocsr(), dtype=np.float32)


@pytest.mark.parametrize("shape", [(700, 400), (400, 700)])
def test_slowly_falling_values_are_those_of_lapack(shape: tuple[int, int]) -> None:
    matrix = flat_matrix(*shape)
    values, vectors = truncated_svd(matrix, 20, n_power_iterations=30, seed=1)
    _, exact, right = np.linalg.svd(matrix.toarray(), full_matrices=False)
    np.testing.assert_allclose(values, exact[:20], rtol=1e-4)
    assert np.linalg.norm(right[:20] @ vectors) ** 2 == pytest.approx(20, abs=1e-2)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(20), atol=1e-4)


def test_equal_singular_values_are_all_found() -> None:
    """A random block of 8 sees 8 dimensions of the identity and no more: the space goes on."""
    values, vectors = truncated_svd(csr_array(2 * eye_array(500, dtype=np.float32)), 50, seed=0)
    np.testing.assert_allclose(values, np.full(50, 2.0), rtol=1e-5)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(50), atol=1e-4)


def test_what_is_numerically_zero_is_left_out() -> None:
    rng = np.random.default_rng(2)
    matrix = csr_array((rng.random((300, 5)) @ rng.random((5, 200))).astype(np.float32))
    values, vectors = truncated_svd(matrix, 40, seed=0)
    assert values.shape == (5,)
    assert vectors.shape == (200, 5)
    nothing, no_vectors = truncated_svd(csr_array((30, 20), dtype=np.float32), 4, seed=0)
    assert (nothing.shape, no_vectors.shape) == ((0,), (20, 0))


def test_small_values_beside_a_large_one_are_exact() -> None:
    scales = np.array([20.0, *np.linspace(2, 1, 40)], dtype=np.float32)
    rng = np.random.default_rng(4)
    left, right = (np.linalg.qr(rng.standard_normal((n, 41)))[0] for n in (400, 300))
    matrix = csr_array(((left * scales) @ right.T).astype(np.float32))
    values, _ = truncated_svd(matrix, 6, seed=0)
    np.testing.assert_allclose(values, scales[:6], rtol=1e-3)


@pytest.mark.parametrize("n_threads", [2, 5])
def test_any_number_of_threads_gives_the_same_bytes(
    n_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (spectral, tall):
        monkeypatch.setattr(module, "_ROWS_PER_TASK", 37)
    one, many = (
        truncated_svd(flat_matrix(200, 300), 10, seed=3, n_threads=n) for n in (1, n_threads)
    )
    assert one[0].tobytes() == many[0].tobytes()
    assert one[1].tobytes() == many[1].tobytes()
