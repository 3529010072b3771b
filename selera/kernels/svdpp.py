"""Stochastic gradient descent for SVD++, user after user, each user's implicit factors at once."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(
    "void(int64[::1], int32[::1], float32[::1], int64[::1], int32[::1], float32,"
    " float32[::1], float32[::1], float32[:, ::1], float32[:, ::1], float32[:, ::1],"
    " float32, float32)",
    nogil=True,
    cache=True,
    fastmath=True,
)
def svdpp_pass(
    rated_indptr: NDArray[np.int64],
    rated_items: NDArray[np.int32],
    ratings: NDArray[np.float32],
    known_indptr: NDArray[np.int64],
    known_items: NDArray[np.int32],
    mean: np.float32,
    user_bias: NDArray[np.float32],
    item_bias: NDArray[np.float32],
    user_factors: NDArray[np.float32],
    item_factors: NDArray[np.float32],
    implicit_factors: NDArray[np.float32],
    learning_rate: np.float32,
    regularization: np.float32,
) -> None:
    """Visit all ratings once, in their order, updating biases and factors in place.

    rated_indptr : int64 (n_users + 1,), the ratings of user u are rated_indptr[u] : [u + 1]
    rated_items, ratings : int32, float32 (n_ratings,)
    known_indptr, known_items : int64 (n_users + 1,), int32 (nnz,), N(u) in the same form; it holds
        at least one item wherever there is a rating
    user_bias, item_bias : float32 (n_users,), (n_items,)
    user_factors, item_factors, implicit_factors : float32 (n_users or n_items, n_factors)

    The updates are those of `selera.training.svdpp`, whose docstring says why both halves of a user
    move alike, so that N(u) is read once and written once for all of the user's ratings.
    """
    n_factors = item_factors.shape[1]
    shrink = np.float32(1.0) - learning_rate * regularization
    both = np.empty(n_factors, np.float32)
    gain = np.empty(n_factors, np.float32)
    for u in range(len(user_bias)):
        if rated_indptr[u] == rated_indptr[u + 1]:
            continue
        known = known_items[known_indptr[u] : known_indptr[u + 1]]
        scale = np.float32(1.0 / np.sqrt(len(known)))
        own = user_factors[u]
        both[:] = 0
        for place in range(len(known)):
            y = implicit_factors[known[place]]
            for f in range(n_factors):
                both[f] += y[f]
        for f in range(n_factors):
            both[f] = own[f] + scale * both[f]
            gain[f] = both[f]
        kept = np.float32(1.0)
        for place in range(rated_indptr[u], rated_indptr[u + 1]):
            i = rated_items[place]
            q = item_factors[i]
            product = np.float32(0.0)
            for f in range(n_factors):
                product += both[f] * q[f]
            error = ratings[place] - mean - user_bias[u] - item_bias[i] - product
            step = learning_rate * error
            user_bias[u] = shrink * user_bias[u] + step
            item_bias[i] = shrink * item_bias[i] + step
            kept *= shrink
            for f in range(n_factors):
                both_f = both[f]
                both[f] = shrink * both_f + np.float32(2.0) * step * q[f]
                q[f] = shrink * q[f] + step * both_f
        for f in range(n_factors):
            gain[f] = np.float32(0.5) * (both[f] - kept * gain[f])
            own[f] = kept * own[f] + gain[f]
            gain[f] *= scale
        for place in range(len(known)):
            y = implicit_factors[known[place]]
            for f in range(n_factors):
                y[f] = kept * y[f] + gain[f]
