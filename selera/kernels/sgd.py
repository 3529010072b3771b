"""Stochastic gradient descent for biased matrix factorization, one block of ratings at a time."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(
    "void(int32[::1], int32[::1], float32[::1], float32,"
    " float32[::1], float32[::1], float32[:, ::1], float32[:, ::1], float32, float32)",
    nogil=True,
    cache=True,
    fastmath=True,
)
def biased_sgd_pass(
    user_rows: NDArray[np.int32],
    item_rows: NDArray[np.int32],
    ratings: NDArray[np.float32],
    mean: np.float32,
    user_bias: NDArray[np.float32],
    item_bias: NDArray[np.float32],
    user_factors: NDArray[np.float32],
    item_factors: NDArray[np.float32],
    learning_rate: np.float32,
    regularization: np.float32,
) -> None:
    """Visit the given ratings once, in their order, updating the last four arrays in place.

    user_rows, item_rows : int32 (n,)
    ratings : float32 (n,), stars
    user_bias : float32 (n_users,)
    item_bias : float32 (n_items,)
    user_factors : float32 (n_users, n_factors)
    item_factors : float32 (n_items, n_factors)

    The updates are those of `selera.training.svd`. Two calls may run at once when they share
    neither a user nor an item.
    """
    n_factors = user_factors.shape[1]
    shrink = np.float32(1.0) - learning_rate * regularization
    for place in range(len(ratings)):
        u = np.uint64(user_rows[place])  # unsigned: an index below 0 would cost a check
        i = np.uint64(item_rows[place])
        p = user_factors[u]
        q = item_factors[i]
        product = np.float32(0.0)
        for f in range(n_factors):
            product += p[f] * q[f]
        error = ratings[place] - mean - user_bias[u] - item_bias[i] - product
        step = learning_rate * error
        user_bias[u] = shrink * user_bias[u] + step
        item_bias[i] = shrink * item_bias[i] + step
        for f in range(n_factors):
            p_f = p[f]
            p[f] = shrink * p_f + step * q[f]
            q[f] = shrink * q[f] + step * p_f
