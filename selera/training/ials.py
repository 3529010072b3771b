r"""Implicit ALS: weighted matrix factorization of what was seen and all that was not.

Objective (Hu, Koren & Volinsky 2008; in the form of Rendle, Krichene, Zhang & Koren 2022,
"Revisiting the performance of iALS on item recommendation benchmarks", eq. 1-4), with
y_ui = w_u . h_i::

    sum over observed (u, i) of  c_ui (y_ui - p_ui)^2  +  alpha0 * sum over all (u, i) of  y_ui^2
    + regularization * (sum over u of #_u^nu |w_u|^2  +  sum over i of #_i^nu |h_i|^2)
    #_u = sum over the user's observed i of c_ui + alpha0 * n_items,   #_i alike

An epoch is two half-steps: the items, each the minimum of a ridge problem of its own while the
users are held, then the users::

    w_u = (sum c_ui h_i h_i^T + alpha0 * H^T H + penalty_u * I)^-1  sum c_ui p_ui h_i

Where we differ from the paper: pairs have confidences c, and low ratings a target p of 0
(`models/weighted_factor.py`); # sums confidences, so that it counts pairs where all c are 1; and
before each half-step both sides are turned onto the axes on which H^T H is diagonal. Products and
penalties do not change by that, but the dense part of every ridge problem becomes a scaling, which
is also the best preconditioner (`kernels/ials.py`). How a row's problem is solved:

- `cg`: a few steps of conjugate gradients from where the row is (Takacs, Pilaszy & Tikk 2011, here
  preconditioned, so that one or two are enough);
- `block`: a sweep over blocks of factors, the others held (iALS++, Rendle et al. 2021).

Users and items are numbered by falling counts while training, so that rows which are often read lie
together. Users begin at normal(0, 1 / sqrt(n_factors)), ten times the spread in the paper, which
saves an epoch or two. Float32; Gramians are summed in float64 in a fixed order. The same bytes for
any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ..contracts.histories import Histories
from ..contracts.interactions import RatingScale
from ..contracts.protocols import Progress, silent
from ..kernels.ials import descend_rows, sweep_rows
from ..models.weighted_factor import RowProblem, WeightedFactorModel, WeightedSquares
from .sides import Side, both_sides
from .workers import Workers, open_workers

_PIECE_ROWS = 4096

Matrix = NDArray[np.float32]


class IalsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of implicit ALS."""

    n_factors: Annotated[int, Meta(ge=1, le=4096)] = 64
    n_epochs: Annotated[int, Meta(ge=1, le=10_000)] = 16
    unobserved_weight: Annotated[float, Meta(gt=0.0)] = 1.0
    regularization: Annotated[float, Meta(gt=0.0)] = 0.01
    regularization_exponent: Annotated[float, Meta(ge=0.0, le=2.0)] = 1.0
    alpha: Annotated[float, Meta(ge=0.0)] = 1.0
    low_rating_confidence: Annotated[float, Meta(ge=0.0)] = 1.0
    solver: Literal["cg", "block"] = "cg"
    n_cg_steps: Annotated[int, Meta(ge=1, le=1000)] = 2
    block_size: Annotated[int, Meta(ge=1, le=4096)] = 16


@dataclass(frozen=True, slots=True)
class IalsFactors:
    """What implicit ALS learns, on axes where the Gramian of the items is diagonal.

    user_factors, item_factors : float32 (n_users, n_factors), (n_items, n_factors)
    energies : float64 (n_factors,), the diagonal of the items' Gramian
    objective : what they minimize
    """

    user_factors: Matrix
    item_factors: Matrix
    energies: NDArray[np.float64]
    objective: WeightedSquares

    def ranker(self) -> WeightedFactorModel:
        """The item side, as a model that folds any user in; what died out is left out.

        The penalty drives what the data does not hold up towards 0 epoch by epoch: it adds nothing
        that float32 can tell, and products of numbers so small cost many times those of others.
        """
        least = float(np.finfo(np.float32).eps) ** 2
        alive = self.energies >= least * self.energies.max(initial=0.0)
        factors = np.ascontiguousarray(self.item_factors[:, alive])
        factors[np.abs(factors) < least * np.abs(factors).max(initial=0.0)] = 0
        return WeightedFactorModel(factors, self.energies[alive], self.objective)

    def fold_in_items(self, histories: Histories, n_items: int) -> Matrix:
        """Exact factors of items that came after the training, float32 (n_items, n_factors).

        histories : what the users of the training, in their order, did with these items alone
        """
        energies, axes = np.linalg.eigh(_gramian(self.user_factors))
        users = self.user_factors @ axes.astype(np.float32)
        confidences = self.objective.confidences(histories)
        liked = histories.weights > 0
        order = np.argsort(histories.items, kind="stable")
        counts = np.bincount(histories.items, minlength=n_items)
        indptr = np.concatenate([[0], np.cumsum(counts)])
        penalties = self.objective.penalties(indptr, confidences[order], len(users))
        precisions = self.objective.unobserved_weight * np.maximum(energies, 0)
        rows = np.empty((n_items, users.shape[1]))
        for item in range(n_items):
            own = order[indptr[item] : indptr[item + 1]]
            diagonal = precisions + penalties[item]
            fixed = users[histories.rows[own]]
            rows[item] = RowProblem(fixed, confidences[own], liked[own], diagonal).minimum()
        turned_back: Matrix = (rows @ axes.T).astype(np.float32)
        return turned_back


Watch = Callable[[IalsFactors], None]
"""Shown the factors after each epoch."""


def fit_ials(
    histories: Histories,
    n_items: int,
    config: IalsConfig,
    *,
    seed: int,
    scale: RatingScale | None = None,
    n_threads: int | None = None,
    progress: Progress = silent,
    watch: Watch | None = None,
) -> IalsFactors:
    """Learn both sides from the histories of all users.

    `scale` tells which stars are low; `watch` is shown the factors after each epoch. The result
    depends on the arguments but not on `n_threads`. Users and items without an observed pair have
    factors 0.
    """
    objective = WeightedSquares(
        config.unobserved_weight,
        config.regularization,
        config.regularization_exponent,
        config.alpha,
        config.low_rating_confidence,
        float("nan") if scale is None else scale.middle,
    )
    users, items = both_sides(histories, n_items, objective)
    rng = np.random.default_rng(seed)
    user_factors = rng.standard_normal((len(histories), config.n_factors), dtype=np.float32)
    user_factors *= np.float32(1 / np.sqrt(config.n_factors))
    user_factors[np.diff(users.indptr) == 0] = 0
    item_factors = np.zeros((n_items, config.n_factors), dtype=np.float32)
    energies = np.zeros(config.n_factors)

    def learned() -> IalsFactors:
        return IalsFactors(
            user_factors[users.places], item_factors[items.places], energies, objective
        )

    with threadpool_limits(1, user_api="blas"), open_workers(n_threads) as workers:
        for epoch in range(config.n_epochs):
            user_factors, _ = _half_step(items, user_factors, item_factors, config, workers)
            item_factors, energies = _half_step(users, item_factors, user_factors, config, workers)
            progress("implicit als", epoch + 1, config.n_epochs)
            if watch is not None:
                watch(learned())
    return learned()


def _half_step(
    side: Side, fixed: Matrix, moving: Matrix, config: IalsConfig, workers: Workers
) -> tuple[Matrix, NDArray[np.float64]]:
    """Solve the rows of `moving`, in place; `fixed` on its own axes, and its energies there."""
    energies, axes = np.linalg.eigh(_gramian(fixed, workers))
    turned = np.empty_like(fixed)
    turn = axes.astype(np.float32)
    workers.run(partial(np.matmul, fixed[part], turn, turned[part]) for part in _pieces(fixed))
    precisions = (config.unobserved_weight * np.maximum(energies, 0)).astype(np.float32)
    arrays = side.indptr, side.columns, side.scales, side.targets, turned, precisions

    def improve(part: slice) -> None:
        moving[part] = moving[part] @ turn
        problem = (*arrays, side.penalties, part.start, part.stop)
        if config.solver == "block":
            sweep_rows(*problem, config.block_size, moving)
        else:
            descend_rows(*problem, config.n_cg_steps, moving)

    workers.run(partial(improve, part) for part in side.parts if part.stop > part.start)
    return turned, energies


def _gramian(factors: Matrix, workers: Workers | None = None) -> NDArray[np.float64]:
    """F^T F, float64 (n_factors, n_factors); pieces are multiplied in float32, summed in order."""
    pieces = _pieces(factors)
    products = np.empty((len(pieces), factors.shape[1], factors.shape[1]), dtype=np.float32)
    tasks = [
        partial(np.matmul, factors[piece].T, factors[piece], product)
        for piece, product in zip(pieces, products, strict=True)
    ]
    if workers is None:
        for task in tasks:
            task()
    else:
        workers.run(tasks)
    gramian: NDArray[np.float64] = products.sum(axis=0, dtype=np.float64)
    return gramian


def _pieces(factors: Matrix) -> list[slice]:
    return [slice(start, start + _PIECE_ROWS) for start in range(0, len(factors), _PIECE_ROWS)]
