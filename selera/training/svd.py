r"""SVD, explicit: biased matrix factorization by stochastic gradient descent ("Funk SVD").

Prediction (Koren, Bell & Volinsky 2009, "Matrix factorization techniques for recommender systems",
eq. 4)::

    r_ui = mean + b_u + b_i + p_u . q_i

Objective over the known ratings (eq. 5)::

    sum (r_ui - prediction)^2 + regularization * (b_u^2 + b_i^2 + |p_u|^2 + |q_i|^2)

For each rating in turn, with e = r_ui - prediction, both factors updated from their old values::

    b_u <- b_u + learning_rate * (e       - regularization * b_u)
    b_i <- b_i + learning_rate * (e       - regularization * b_i)
    p_u <- p_u + learning_rate * (e * q_i - regularization * p_u)
    q_i <- q_i + learning_rate * (e * p_u - regularization * q_i)

Biases begin at 0, factors at normal(0, init_std). Ratings are stretched to 0..4 first, so that the
settings mean the same on every scale. This is the algorithm of Surprise's `SVD` but for two things:
arithmetic is float32 (sums in any order), and the order of the ratings is not theirs.

The order is the one of FPSG (Zhuang et al. 2013): users and items are cut into g groups each, which
makes g x g blocks of ratings. In round s of an epoch the g blocks (k, (k + s) mod g) share no user
and no item, so they run side by side; inside a block ratings go user by user, four users in turn,
shuffled within a user. g depends on the number of ratings alone: any number of threads gives the
same bytes on the same kind of processor.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ..contracts.errors import ConfigError
from ..contracts.interactions import RatingScale
from ..contracts.protocols import Progress, silent
from ..kernels.sgd import biased_sgd_pass
from ..models.rating import RatingModel
from .workers import open_workers

_MANY_RATINGS = 500_000
_GROUPS_FEW, _GROUPS_MANY = 2, 8
_LANES = 64
_STREAMS = 4


class SvdConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the explicit SVD."""

    n_factors: Annotated[int, Meta(ge=1, le=4096)] = 32
    n_epochs: Annotated[int, Meta(ge=1, le=10_000)] = 40
    learning_rate: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.01
    regularization: Annotated[float, Meta(ge=0.0)] = 0.08
    init_std: Annotated[float, Meta(ge=0.0)] = 0.05


@dataclass(frozen=True, slots=True)
class SvdFactors:
    """What the explicit SVD learns, all of it on the stretched scale 0..4.

    config, scale : what they were learnt with
    mean : mean of the training ratings
    user_bias, item_bias : float32 (n_users,), (n_items,)
    user_factors, item_factors : float32 (n_users, n_factors), (n_items, n_factors)
    """

    config: SvdConfig
    scale: RatingScale
    mean: float
    user_bias: NDArray[np.float32]
    item_bias: NDArray[np.float32]
    user_factors: NDArray[np.float32]
    item_factors: NDArray[np.float32]

    def predict(
        self,
        user_rows: NDArray[np.int32],
        item_rows: NDArray[np.int32],
        ages: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Predicted stars of (user, item) pairs, float32 (n,), clipped to the scale.

        `ages` say nothing to this model.
        """
        products = np.einsum("nf,nf->n", self.user_factors[user_rows], self.item_factors[item_rows])
        biases = self.user_bias[user_rows] + self.item_bias[item_rows]
        return self.scale.unstretch(np.float32(self.mean) + biases + products)

    def rater(self) -> RatingModel:
        """The item side, as a model that folds any user in."""
        return RatingModel(
            mean=self.mean,
            item_bias=self.item_bias,
            item_factors=self.item_factors,
            learning_rate=self.config.learning_rate,
            regularization=self.config.regularization,
            n_epochs=self.config.n_epochs,
            scale=self.scale,
        )


def fit_svd(
    user_rows: NDArray[np.int32],
    item_rows: NDArray[np.int32],
    ratings: NDArray[np.float32],
    n_users: int,
    n_items: int,
    config: SvdConfig,
    *,
    scale: RatingScale,
    seed: int,
    n_threads: int | None = None,
    progress: Progress = silent,
) -> SvdFactors:
    """Learn biases and factors from n >= 1 ratings: rows int32 (n,), stars float32 (n,).

    The result depends on the arguments but not on `n_threads`. Users and items without a rating
    have bias 0 and factors 0. Raises ConfigError where the descent diverges.
    """
    rng = np.random.default_rng(seed)
    blocks = _arrange(user_rows, item_rows, scale.stretch(ratings), n_users, n_items, rng)
    mean = float(blocks.ratings.mean(dtype=np.float64))
    learned = SvdFactors(
        config=config,
        scale=scale,
        mean=mean,
        user_bias=np.zeros(n_users, dtype=np.float32),
        item_bias=np.zeros(n_items, dtype=np.float32),
        user_factors=_random_factors(rng, n_users, config),
        item_factors=_random_factors(rng, n_items, config),
    )
    state = (
        np.float32(mean),
        learned.user_bias,
        learned.item_bias,
        learned.user_factors,
        learned.item_factors,
        np.float32(config.learning_rate),
        np.float32(config.regularization),
    )
    with open_workers(n_threads) as workers:
        for epoch in range(config.n_epochs):
            for round_ in blocks.rounds:
                workers.run(
                    partial(
                        biased_sgd_pass,
                        blocks.user_rows[part],
                        blocks.item_rows[part],
                        blocks.ratings[part],
                        *state,
                    )
                    for part in round_
                )
            progress("svd", epoch + 1, config.n_epochs)
    if not (np.isfinite(learned.item_factors).all() and np.isfinite(learned.item_bias).all()):
        rate = f"training.svd.learning_rate {config.learning_rate:g}"
        raise ConfigError(f"the explicit SVD diverged: {rate} is too high. Set a lower one")
    return replace(
        learned,
        user_factors=_rated(learned.user_factors, user_rows, config.n_factors),
        item_factors=_rated(learned.item_factors, item_rows, config.n_factors),
    )


def _rated(
    factors: NDArray[np.float32], rows: NDArray[np.int32], n_factors: int
) -> NDArray[np.float32]:
    """The first `n_factors` columns; 0 for those who have no rating and so learnt nothing."""
    has_rating = np.bincount(rows, minlength=len(factors)) > 0
    return np.where(has_rating[:, None], factors[:, :n_factors], np.float32(0))


@dataclass(frozen=True, slots=True)
class _Blocks:
    """Ratings in the order of training; a round is a list of parts that may run side by side."""

    user_rows: NDArray[np.int32]
    item_rows: NDArray[np.int32]
    ratings: NDArray[np.float32]
    rounds: list[list[slice]]


def _arrange(
    user_rows: NDArray[np.int32],
    item_rows: NDArray[np.int32],
    ratings: NDArray[np.float32],
    n_users: int,
    n_items: int,
    rng: np.random.Generator,
) -> _Blocks:
    """Sort ratings by user group, item group and user, shuffled within a user, users in turn."""
    n_groups = _GROUPS_FEW if len(ratings) < _MANY_RATINGS else _GROUPS_MANY
    shuffled = rng.permutation(len(ratings))
    users, items = user_rows[shuffled], item_rows[shuffled]
    user_groups = _groups(np.bincount(users, minlength=n_users), n_groups)
    item_groups = _groups(np.bincount(items, minlength=n_items), n_groups)
    block = user_groups[users] * n_groups + item_groups[items]
    halves = (users & 0xFFFF).astype(np.uint16), (users >> 16).astype(np.uint16)
    order = np.lexsort((*halves, block.astype(np.uint16)))  # 16-bit keys are sorted by radix
    ends = np.cumsum(np.bincount(block, minlength=n_groups**2)).tolist()
    blocks = [slice(start, end) for start, end in pairwise([0, *ends])]
    order = np.concatenate([_interleaved(order[each]) for each in blocks])
    rounds = [
        [blocks[g * n_groups + (g + shift) % n_groups] for g in range(n_groups)]
        for shift in range(n_groups)
    ]
    return _Blocks(users[order], items[order], ratings[shuffled[order]], rounds)


def _interleaved(order: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same places, taken in turn from four equal parts.

    An update has to wait for the one before it where both are of the same user; four users in turn
    keep the processor busy (2.3 times as fast at 32 factors) and all four in its cache.
    """
    rest = len(order) % _STREAMS
    body = order[: len(order) - rest].reshape(_STREAMS, -1).T.ravel()
    return np.concatenate([body, order[len(order) - rest :]])


def _groups(counts: NDArray[np.int64], n_groups: int) -> NDArray[np.int64]:
    """Group of each row: contiguous ranges of rows that hold about equally many ratings."""
    middles = np.cumsum(counts) - counts / 2
    groups = (middles * n_groups / max(int(counts.sum()), 1)).astype(np.int64)
    return np.minimum(groups, n_groups - 1)


def _random_factors(rng: np.random.Generator, n: int, config: SvdConfig) -> NDArray[np.float32]:
    """Factors float32 (n, width): columns past `n_factors` are 0, and every update keeps them so.

    Past 64 the width is a multiple of 64: whole vector registers, unrolled, with no rest to loop
    over (100 factors take 1.6 times as long as 128).
    """
    n_lines = -(-config.n_factors // _LANES)
    width = config.n_factors if n_lines == 1 else n_lines * _LANES
    factors = np.zeros((n, width), dtype=np.float32)
    drawn = rng.standard_normal((n, config.n_factors), dtype=np.float32)
    np.multiply(drawn, np.float32(config.init_std), out=factors[:, : config.n_factors])
    return factors
