"""PureSVD with its two diagonal scalings, against a dense SVD by LAPACK."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from selera.contracts.histories import Histories
from selera.training import PureSvdConfig, fit_puresvd
from selera.training.spectral import truncated_svd

N_USERS, N_ITEMS, N_FACTORS = 40, 18, 5


def weights() -> np.ndarray:
    """Items of very different popularity and hidden tastes; nobody has item 7."""
    rng = np.random.default_rng(11)
    tastes = rng.gamma(0.6, 1, (N_USERS, 6)) @ rng.gamma(0.6, 1, (6, N_ITEMS))
    held = rng.random((N_USERS, N_ITEMS)) < np.linspace(0.9, 0.15, N_ITEMS)
    matrix = np.where(held, tastes, 0)
    matrix[:, 7] = 0
    return matrix.astype(np.float32)


def histories() -> Histories:
    matrix = csr_array(weights())
    matrix.sort_indices()
    return Histories.plain(
        indptr=matrix.indptr.astype(np.int64),
        items=matrix.indices.astype(np.int32),
        weights=matrix.data,
        ratings=np.full(matrix.nnz, np.nan, np.float32),
    )


def dense(config: PureSvdConfig) -> tuple[np.ndarray, ...]:
    """S and T as vectors, and the leading singular triplets of W S: values, right vectors."""
    matrix = weights().astype(np.float64)
    lengths = np.sqrt((matrix**2).sum(axis=0))
    known = lengths > 0
    damping, output = np.zeros(N_ITEMS), np.zeros(N_ITEMS)
    damping[known] = 1 / lengths[known] ** config.column_damping
    output[known] = lengths[known] ** config.output_exponent
    _, values, right = np.linalg.svd(matrix * damping, full_matrices=False)
    vectors = right[:N_FACTORS].T.copy()
    for column in vectors.T:
        column *= np.sign(max(column.tolist(), key=abs))  # the largest entry is positive
    return damping, output, values[:N_FACTORS], vectors


SETTINGS = pytest.mark.parametrize(
    ("column_damping", "output_exponent"),
    [(0.5, 0.5), (1.0, 0.0), (0.0, 1.0), (0.3, -0.7), (0.7, 1.5)],
)


def config_of(column_damping: float, output_exponent: float) -> PureSvdConfig:
    return PureSvdConfig(
        n_factors=N_FACTORS, column_damping=column_damping, output_exponent=output_exponent
    )


@SETTINGS
def test_scores_are_the_scaled_projection(column_damping: float, output_exponent: float) -> None:
    config = config_of(column_damping, output_exponent)
    damping, output, _, vectors = dense(config)
    expected = (weights() * damping) @ vectors @ vectors.T * output
    scores = fit_puresvd(histories(), N_ITEMS, config, seed=0).score(histories())
    np.testing.assert_allclose(scores, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@SETTINGS
def test_query_factors_hold_the_damping_and_item_factors_the_output(
    column_damping: float, output_exponent: float
) -> None:
    config = config_of(column_damping, output_exponent)
    damping, output, values, vectors = dense(config)
    model = fit_puresvd(histories(), N_ITEMS, config, seed=0)
    for factors, expected in (
        (model.query_factors, damping[:, None] * vectors / values),
        (model.item_factors, output[:, None] * vectors * values),
    ):
        assert factors.dtype == np.float32
        np.testing.assert_allclose(factors, expected, atol=2e-3 * np.abs(expected).max())


def test_folded_in_users_are_the_left_singular_vectors() -> None:
    users = fit_puresvd(histories(), N_ITEMS, config_of(0.5, 0.5), seed=0).fold_in(histories())
    np.testing.assert_allclose(users.T @ users, np.eye(N_FACTORS), atol=1e-4)


def test_an_item_that_nobody_has_has_no_factors() -> None:
    model = fit_puresvd(histories(), N_ITEMS, config_of(0.5, -0.7), seed=0)
    assert not model.query_factors[7].any()
    assert not model.item_factors[7].any()


@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_the_largest_entry_of_each_right_vector_is_positive(seed: int) -> None:
    signed = weights() - weights().mean()
    _, vectors = truncated_svd(csr_array(signed), 8, seed=seed)
    for column in vectors.T:
        assert max(column.tolist(), key=abs) > 0
    _, negated = truncated_svd(csr_array(-signed), 8, seed=seed + 10)
    np.testing.assert_allclose(negated, vectors, atol=1e-3)
