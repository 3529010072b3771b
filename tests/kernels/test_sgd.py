"""Each kernel against its plain NumPy twin."""

import numpy as np
from scipy.sparse import random_array

from selera.kernels.sgd import biased_sgd_pass
from selera.kernels.sparse import multiply_rows


def plain_sgd_pass(users, items, ratings, mean, b_u, b_i, p, q, rate, regularization) -> None:
    for u, i, r in zip(users, items, ratings, strict=True):
        e = r - (mean + b_u[u] + b_i[i] + p[u] @ q[i])
        b_u[u] += rate * (e - regularization * b_u[u])
        b_i[i] += rate * (e - regularization * b_i[i])
        p_u = p[u].copy()
        p[u] += rate * (e * q[i] - regularization * p[u])
        q[i] += rate * (e * p_u - regularization * q[i])


def test_sgd_pass_equals_the_equations() -> None:
    rng = np.random.default_rng(5)
    n, n_users, n_items, n_factors = 400, 11, 7, 9
    users = rng.integers(0, n_users, n, dtype=np.int32)
    items = rng.integers(0, n_items, n, dtype=np.int32)
    ratings = rng.integers(1, 6, n).astype(np.float32)
    state = [
        np.zeros(n_users),
        np.zeros(n_items),
        rng.normal(0, 0.1, (n_users, n_factors)),
        rng.normal(0, 0.1, (n_items, n_factors)),
    ]
    compiled = [array.astype(np.float32) for array in state]
    rate, regularization = np.float32(0.02), np.float32(0.05)
    for _ in range(3):
        plain_sgd_pass(users, items, ratings, 3.0, *state, rate, regularization)
        biased_sgd_pass(users, items, ratings, np.float32(3), *compiled, rate, regularization)
    for twin, array in zip(state, compiled, strict=True):
        np.testing.assert_allclose(array, twin, atol=2e-5)


def test_multiply_rows_equals_scipy_on_any_range() -> None:
    rng = np.random.default_rng(6)
    matrix = random_array((50, 20), density=0.2, rng=rng, dtype=np.float32, format="csr")
    dense = rng.standard_normal((20, 13), dtype=np.float32)
    out = np.full((50, 13), np.nan, dtype=np.float32)
    arrays = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data
    multiply_rows(*arrays, dense, 10, 50, out)
    assert np.isnan(out[:10]).all()
    multiply_rows(*arrays, dense, 0, 10, out)
    np.testing.assert_allclose(out, matrix @ dense, atol=1e-5)
