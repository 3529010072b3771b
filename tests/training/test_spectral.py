"""The randomized SVD against LAPACK, and what PureSVD makes of it."""

import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from selera.models.signals import SignalConfig, histories_of
from selera.training.puresvd import PureSvdConfig, fit_puresvd
from selera.training.spectral import truncated_svd
from tests.tastes import START, checkerboard


def low_rank_matrix() -> csr_array:
    rng = np.random.default_rng(0)
    left = random_array((300, 12), density=0.4, rng=rng)
    right = random_array((12, 90), density=0.4, rng=rng)
    return csr_array((left @ right).tocsr(), dtype=np.float32)


def test_it_finds_the_singular_triplets_that_lapack_finds() -> None:
    matrix = low_rank_matrix()
    values, vectors = truncated_svd(matrix, 6, seed=1)
    _, exact_values, exact_vectors = np.linalg.svd(matrix.toarray(), full_matrices=False)
    np.testing.assert_allclose(values, exact_values[:6], rtol=1e-4)
    np.testing.assert_allclose(np.abs(np.sum(vectors * exact_vectors[:6].T, axis=0)), 1, atol=1e-3)


@pytest.mark.parametrize("n_threads", [2, 5])
def test_any_number_of_threads_gives_the_same_bytes(n_threads: int, monkeypatch) -> None:
    monkeypatch.setattr("selera.training.spectral._ROWS_PER_TASK", 17)
    one = truncated_svd(low_rank_matrix(), 8, seed=3, n_threads=1)
    many = truncated_svd(low_rank_matrix(), 8, seed=3, n_threads=n_threads)
    assert one[0].tobytes() == many[0].tobytes()
    assert one[1].tobytes() == many[1].tobytes()


def test_more_factors_than_the_matrix_has_are_cut() -> None:
    values, vectors = truncated_svd(low_rank_matrix()[:5], 64, seed=0)
    assert values.shape == (5,)
    assert vectors.shape == (90, 5)


def test_puresvd_is_the_projection_of_the_paper() -> None:
    interactions = checkerboard()
    histories = histories_of(interactions, now=START, config=SignalConfig())
    config = PureSvdConfig(n_factors=4, column_damping=0.0, output_exponent=0.0)
    model = fit_puresvd(histories, interactions.n_items, config, seed=0)
    matrix = csr_array((histories.weights, histories.items, histories.indptr)).toarray()
    _, _, vectors = np.linalg.svd(matrix, full_matrices=False)
    expected = matrix @ vectors[:4].T @ vectors[:4]
    np.testing.assert_allclose(model.score(histories), expected, atol=1e-3)


def test_an_item_that_nobody_likes_scores_zero() -> None:
    interactions = checkerboard()
    kept = interactions.where(interactions.item_rows != 5)
    model = fit_puresvd(
        histories_of(kept, now=START, config=SignalConfig()), kept.n_items, PureSvdConfig(), seed=0
    )
    histories = histories_of(kept, now=START, config=SignalConfig())
    assert np.isfinite(model.item_factors).all()
    assert (model.score(histories)[:, 5] == 0).all()
