r"""SVD++: the explicit SVD, and what a user's items say of them even without stars.

Prediction (Koren 2008, "Factorization meets the neighborhood", eq. 15)::

    r_ui = mean + b_u + b_i + q_i . (p_u + z_u),   z_u = |N(u)|^-1/2 * sum of y_j over j in N(u)

N(u) is everything in the user's history: rated, visited, bought or reviewed. So visits and
purchases help to predict stars. The objective is the one of `svd.py`, its damping included, with
|y_j|^2 penalized too.
For each rating in turn b_u, b_i, p_u and q_i move as they do there (q_i along p_u + z_u), and every
j in N(u) by::

    y_j <- y_j + learning_rate * (e * |N(u)|^-1/2 * q_i - regularization * y_j)

Done as written, a rating costs |N(u)| vectors. But the sum over j of these moves is a move of z_u::

    z_u <- z_u + learning_rate * (e * q_i - regularization * z_u)

just as p_u moves. So the sum p_u + z_u is all that the ratings of one user need; after m ratings,
with s = 1 - learning_rate * regularization and v the sum before and v' after them,::

    g = (v' - s^m * v) / 2,   p_u <- s^m * p_u + g,   y_j <- s^m * y_j + |N(u)|^-1/2 * g

But for rounding, this is the trajectory of Koren's and Surprise's loops over user after user; N(u)
is read once and written once for all of the user's ratings instead of once for each.

Users go in the order of their rows, the ratings of each in a random one, on one thread: a user's
y_j are those that the user before has just moved. Where we differ: Koren's rate falls by a tenth
each epoch, and each kind of parameter has its own penalty; here one rate and one penalty serve all.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ..contracts.histories import Histories
from ..contracts.interactions import RatingScale
from ..contracts.protocols import Progress, silent
from ..kernels.svdpp import svdpp_pass
from .algebra import KERNELS
from .factors import random_factors, where_learned
from .svd import SvdConfig, SvdFactors, damp, refuse_divergence


class SvdPpConfig(SvdConfig, frozen=True, forbid_unknown_fields=True):
    """Settings of SVD++: those of the explicit SVD, with defaults of its own."""

    n_factors: Annotated[int, Meta(ge=1, le=4096)] = 32
    n_epochs: Annotated[int, Meta(ge=1, le=10_000)] = 60
    learning_rate: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.007
    regularization: Annotated[float, Meta(ge=0.0)] = 0.05
    damping: Annotated[float, Meta(ge=0.0)] = 4.0
    init_std: Annotated[float, Meta(ge=0.0)] = 0.02


def fit_svdpp(
    histories: Histories,
    n_items: int,
    config: SvdPpConfig,
    *,
    scale: RatingScale,
    seed: int,
    progress: Progress = silent,
) -> SvdFactors:
    """Learn from histories that hold at least one rating.

    Items that nobody rated have bias 0 and factors 0, items that no rating user has implicit
    factors 0; users without a rating have what their items say. Raises ConfigError where the
    descent diverges.
    """
    rng = np.random.default_rng(seed)
    rated = histories.where(~np.isnan(histories.ratings))
    order = _shuffled_within_users(rated, rng)
    items, ratings = rated.items[order], scale.stretch(rated.ratings[order])
    mean = float(ratings.mean(dtype=np.float64))
    user_bias = np.zeros(len(histories), dtype=np.float32)
    item_bias = np.zeros(n_items, dtype=np.float32)
    p, q, y = (
        random_factors(rng, n, config.n_factors, config.init_std)
        for n in (len(histories), n_items, n_items)
    )
    for epoch in range(config.n_epochs):
        svdpp_pass(
            rated.indptr,
            items,
            ratings,
            histories.indptr,
            histories.items,
            np.float32(mean),
            user_bias,
            item_bias,
            p,
            q,
            y,
            np.float32(config.learning_rate),
            np.float32(config.regularization),
        )
        damp(config, user_bias, item_bias, p, q, y)
        progress("svdpp", epoch + 1, config.n_epochs)
    refuse_divergence("svdpp", config, item_bias, q)
    has_rated = np.diff(rated.indptr) > 0
    known = histories.items[has_rated[histories.rows]]
    implicit = where_learned(y, known, config.n_factors)
    own = where_learned(p, np.flatnonzero(has_rated).astype(np.int32), config.n_factors)
    return SvdFactors(
        config=config,
        scale=scale,
        mean=mean,
        user_bias=user_bias,
        item_bias=item_bias,
        user_factors=own + _implied(histories, implicit),
        item_factors=where_learned(q, items, config.n_factors),
        implicit_factors=implicit,
    )


def _shuffled_within_users(histories: Histories, rng: np.random.Generator) -> NDArray[np.int64]:
    """Places of all entries: users in the order of their rows, each one's entries shuffled."""
    shuffled = rng.permutation(len(histories.items))
    return shuffled[np.argsort(histories.rows[shuffled], kind="stable")]


def _implied(histories: Histories, implicit_factors: NDArray[np.float32]) -> NDArray[np.float32]:
    """z_u of every user, float32 (n_users, n_factors)."""
    lengths = np.maximum(np.diff(histories.indptr), 1)
    shares = np.repeat(1 / np.sqrt(lengths), np.diff(histories.indptr)).astype(np.float32)
    return KERNELS.times_dense(histories, shares, np.ascontiguousarray(implicit_factors))
