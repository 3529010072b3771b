r"""SVD, explicit: biased matrix factorization by stochastic gradient descent ("Funk SVD").

Prediction (Koren, Bell & Volinsky 2009, "Matrix factorization techniques for recommender systems",
eq. 4)::

    r_ui = mean + b_u + b_i + p_u . q_i

Objective (eq. 5, and a damping), its sums over the known ratings, the users and the items::

    sum (r_ui - prediction)^2 + regularization * (b_u^2 + b_i^2 + |p_u|^2 + |q_i|^2)
    + damping * (sum (b_u^2 + |p_u|^2) + sum (b_i^2 + |q_i|^2))

For each rating in turn, with e = r_ui - prediction, both factors updated from their old values::

    b_u <- b_u + learning_rate * (e       - regularization * b_u)
    b_i <- b_i + learning_rate * (e       - regularization * b_i)
    p_u <- p_u + learning_rate * (e * q_i - regularization * p_u)
    q_i <- q_i + learning_rate * (e * p_u - regularization * q_i)

The damping counts once for a user or an item instead of once for each of its ratings: it holds back
those with few ratings and hardly touches those with many. So a small shop gets better stars than
from biases alone, without other settings. After each epoch everything is multiplied by
exp(-learning_rate * damping).

Biases begin at 0, factors at normal(0, init_std). Ratings are stretched to 0..4 first, so that the
settings mean the same on every scale. Without damping this is the algorithm of Surprise's `SVD` but
for two things: arithmetic is float32 (sums in any order), and the ratings' order is not theirs.

The order is the one of FPSG (Zhuang et al. 2013): users and items are cut into g groups each, which
makes g x g blocks of ratings. In round s of an epoch the g blocks (k, (k + s) mod g) share no user
and no item, so they run side by side; inside a block ratings go user by user, four users in turn,
shuffled within a user. g depends on the number of ratings alone: any number of threads gives the
same bytes on the same kind of processor.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from .factors import draw_factors, where_learned, zero_factors
from .workers import open_workers

_MANY_RATINGS = 500_000
_GROUPS_FEW, _GROUPS_MANY = 2, 8
_STREAMS = 4


class SvdConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the explicit SVD."""

    n_factors: Annotated[int, Meta(ge=1, le=4096)] = 32
    n_epochs: Annotated[int, Meta(ge=1, le=10_000)] = 80
    learning_rate: Annotated[float, Meta(gt=0.0, le=1.0)] = 0.007
    regularization: Annotated[float, Meta(ge=0.0)] = 0.05
    damping: Annotated[float, Meta(ge=0.0)] = 4.0
    init_std: Annotated[float, Meta(ge=0.0)] = 0.01


@dataclass(frozen=True, slots=True)
class SvdFactors:
    """What the explicit SVD learns, all of it on the stretched scale 0..4.

    config, scale : what they were learnt with
    mean : mean of the training ratings
    user_bias, item_bias : float32 (n_users,), (n_items,)
    user_factors, item_factors : float32 (n_users, n_factors), (n_items, n_factors); SVD++ adds to a
        user's own factors what their items say
    implicit_factors : float32 (n_items, n_factors), what having an item says of a user (SVD++);
        None where nothing of the kind is learnt
    """

    config: SvdConfig
    scale: RatingScale
    mean: float
    user_bias: NDArray[np.float32]
    item_bias: NDArray[np.float32]
    user_factors: NDArray[np.float32]
    item_factors: NDArray[np.float32]
    implicit_factors: NDArray[np.float32] | None = None

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
            implicit_factors=self.implicit_factors,
            learning_rate=self.config.learning_rate,
            regularization=self.config.regularization,
            damping=self.config.damping,
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
    order, *draws = np.random.default_rng(seed).spawn(3)
    user_factors, item_factors = (zero_factors(n, config.n_factors) for n in (n_users, n_items))
    arranged: list[_Blocks] = []

    def arrange() -> None:
        stretched = scale.stretch(ratings)
        arranged.append(_arrange(user_rows, item_rows, stretched, n_users, n_items, order))

    draw = (
        partial(draw_factors, rng, config.init_std, each[:, : config.n_factors])
        for rng, each in zip(draws, (user_factors, item_factors), strict=True)
    )
    with open_workers(n_threads) as workers:
        workers.run([arrange, *draw])
        (blocks,) = arranged
        mean = float(blocks.ratings.mean(dtype=np.float64))
        user_bias, item_bias = (np.zeros(n, dtype=np.float32) for n in (n_users, n_items))
        learned = (user_bias, item_bias, user_factors, item_factors)
        steps = np.float32(config.learning_rate), np.float32(config.regularization)
        for epoch in range(config.n_epochs):
            for round_ in blocks.rounds:
                workers.run(
                    partial(
                        biased_sgd_pass,
                        blocks.user_rows[part],
                        blocks.item_rows[part],
                        blocks.ratings[part],
                        np.float32(mean),
                        *learned,
                        *steps,
                    )
                    for part in round_
                )
            damp(config, *learned)
            progress("svd", epoch + 1, config.n_epochs)
    refuse_divergence("svd", config, item_bias, item_factors)
    return SvdFactors(
        config=config,
        scale=scale,
        mean=mean,
        user_bias=user_bias,
        item_bias=item_bias,
        user_factors=where_learned(user_factors, user_rows, config.n_factors),
        item_factors=where_learned(item_factors, item_rows, config.n_factors),
    )


def damp(config: SvdConfig, *learned: NDArray[np.float32]) -> None:
    """Pull all of it towards 0, in place, by the damping of one epoch."""
    if config.damping:
        for array in learned:
            array *= np.float32(np.exp(-config.learning_rate * config.damping))


def refuse_divergence(section: str, config: SvdConfig, *learned: NDArray[np.float32]) -> None:
    """Raise ConfigError, naming the setting in `training.<section>`, unless all is finite."""
    if not all(np.isfinite(array).all() for array in learned):
        rate = f"training.{section}.learning_rate {config.learning_rate:g}"
        raise ConfigError(f"the explicit SVD diverged: {rate} is too high. Set a lower one")


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
