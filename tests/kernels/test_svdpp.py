"""The SVD++ kernel against the equations as they are written: every y_j at every rating."""

import numpy as np
import pytest

from selera.kernels.svdpp import svdpp_pass

N_USERS, N_ITEMS, RATE, REGULARIZATION = 9, 14, np.float32(0.03), np.float32(0.1)


def written_out(rated, ratings, known, mean, b_u, b_i, p, q, y) -> None:
    """Koren's loop in float64; `rated` and `known` are lists of item lists."""
    place = 0
    for u, items in enumerate(rated):
        for i in items:
            share = len(known[u]) ** -0.5
            z = share * y[known[u]].sum(axis=0)
            e = ratings[place] - (mean + b_u[u] + b_i[i] + q[i] @ (p[u] + z))
            place += 1
            b_u[u] += RATE * (e - REGULARIZATION * b_u[u])
            b_i[i] += RATE * (e - REGULARIZATION * b_i[i])
            y[known[u]] += RATE * (e * share * q[i] - REGULARIZATION * y[known[u]])
            p_u = p[u].copy()
            p[u] += RATE * (e * q[i] - REGULARIZATION * p[u])
            q[i] += RATE * (e * (p_u + z) - REGULARIZATION * q[i])


def compressed(lists: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    indptr = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    return indptr, np.concatenate(lists).astype(np.int32)


@pytest.mark.parametrize("n_factors", [1, 5, 16, 70])
def test_svdpp_pass_equals_the_equations(n_factors: int) -> None:
    rng = np.random.default_rng(n_factors)
    known = [rng.permutation(N_ITEMS)[: rng.integers(4, N_ITEMS)] for _ in range(N_USERS)]
    rated = [items[: rng.integers(0, len(items) + 1)] for items in known]
    rated[3], known[5], rated[5] = rated[3][:0], known[5][:0], rated[5][:0]
    ratings = rng.integers(0, 5, sum(map(len, rated))).astype(np.float32)
    sizes = [N_USERS, N_ITEMS, (N_USERS, n_factors), (N_ITEMS, n_factors), (N_ITEMS, n_factors)]
    state = [rng.normal(0, 0.2, size) for size in sizes]
    compiled = [array.astype(np.float32) for array in state]
    for _ in range(3):
        written_out(rated, ratings, known, 2.0, *state)
        rows = (*compressed(rated), ratings, *compressed(known), np.float32(2))
        svdpp_pass(*rows, *compiled, RATE, REGULARIZATION)
    for twin, array in zip(state, compiled, strict=True):
        np.testing.assert_allclose(array, twin, atol=3e-5)
