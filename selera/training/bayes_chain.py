"""One Markov chain of the Bayesian factorization machine: its state, a sweep, and what is kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..kernels.gibbs import gibbs_sweep
from .bayes_design import Design
from .bayes_links import Link

_INIT_STD = 0.1
_PRIOR_SHAPE, _PRIOR_RATE = 2.0, 0.5
_NO_EFFECT = 1e8


class Sample(NamedTuple):
    """One state of a chain, as much of it as predicts.

    totals : float32 (n_block_rows, 1 + n_factors)
    implicit : float32 (n_items, 1 + n_factors), weights of the items of a history; 0 lines if none
    prior_mean, prior_precision : float64 (1 + n_factors,), of a user of unknown profile
    mean, noise_precision, cuts : of the link
    """

    totals: NDArray[np.float32]
    implicit: NDArray[np.float32]
    prior_mean: NDArray[np.float64]
    prior_precision: NDArray[np.float64]
    mean: float
    noise_precision: float
    cuts: NDArray[np.float64]


class Chain:
    """A chain that begins at small random factors; its draws depend on its seed alone."""

    def __init__(
        self, design: Design, link: Link, n_factors: int, seed: np.random.SeedSequence
    ) -> None:
        self._design = design
        self._link = link
        self._rng = np.random.default_rng(seed)
        self._n_groups = int(design.groups.max()) + 1
        n_features, n_lines = len(design.groups), 1 + n_factors
        self.weights = _INIT_STD * self._rng.standard_normal((n_lines, n_features))
        self.weights[0] = 0.0
        self._totals = np.array([design.sums(line, slice(None)) for line in self.weights])
        self._residuals = link.targets - self._products()
        self._informed = np.flatnonzero(design.informed)
        groups = design.groups[self._informed]
        self._lines = (np.arange(n_lines)[:, None] * self._n_groups + groups).ravel()
        self._counts = np.bincount(groups, minlength=self._n_groups)
        self._means = np.zeros((n_lines, self._n_groups))
        self._precisions = np.ones((n_lines, self._n_groups))

    def sweep(self) -> None:
        """Draw the unknowns of the link, then the priors, then every weight."""
        self._link.draw(self._residuals, self._rng)
        self._means, self._precisions = self._priors()
        design, (n_lines, n_features) = self._design, self.weights.shape
        gibbs_sweep(
            design.rows,
            design.blocks,
            design.starts,
            design.feature_rows,
            design.values,
            design.groups,
            self._means,
            self._precisions,
            self._link.noise_precision,
            self._rng.standard_normal((n_lines, 2, n_features), dtype=np.float32),
            self.weights,
            self._totals,
            self._residuals,
        )

    def _priors(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Means and precisions of all groups, float64 (1 + n_factors, n_groups), from normal-gamma.

        Only weights of which a rating says something count: the others are but echoes of the prior.
        A group without one has no effect.
        """
        shape = (len(self.weights), self._n_groups)
        informed = self.weights[:, self._informed].ravel()
        first = self._sums(informed, shape)
        second = self._sums(np.square(informed), shape)
        n = self._counts
        rates = _PRIOR_RATE + (second - np.square(first) / (1 + n)) / 2
        precisions = self._rng.gamma(np.broadcast_to(_PRIOR_SHAPE + n / 2, shape)) / rates
        precisions[:, n == 0] = _NO_EFFECT
        deviations = 1.0 / np.sqrt((1 + n) * precisions)
        return first / (1 + n) + deviations * self._rng.standard_normal(shape), precisions

    def _sums(self, values: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.float64]:
        sums = np.bincount(self._lines, values, minlength=shape[0] * shape[1])
        return sums.astype(np.float64).reshape(shape)

    def _products(self) -> NDArray[np.float32]:
        """The sum of the machine for every rating, float32 (n,)."""
        rows = self._design.rows
        total: NDArray[np.float64] = self._totals[0][rows].sum(axis=0)
        for line in self._totals[1:]:
            parts = line[rows]
            total += (np.square(parts.sum(axis=0)) - np.square(parts).sum(axis=0)) / 2
        return total.astype(np.float32)

    def sample(self) -> Sample:
        """The state as it is, copied."""
        design, link = self._design, self._link
        totals = self._totals.copy()
        if len(design.bins):
            totals[:, design.n_users + design.n_items] = self._means[:, design.groups[-1]]
        prior_mean, prior_precision = self._prior_of_strangers()
        return Sample(
            totals=np.ascontiguousarray(totals.T, dtype=np.float32),
            implicit=np.ascontiguousarray(self.weights[:, design.implicit].T, dtype=np.float32),
            prior_mean=prior_mean,
            prior_precision=prior_precision,
            mean=link.mean,
            noise_precision=link.noise_precision,
            cuts=link.cuts.copy(),
        )

    def _prior_of_strangers(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and precision of id and profile together, over the users who rated something."""
        design = self._design
        raters = np.unique(design.rows[0])
        told = np.array([design.sums(line, design.profile)[raters] for line in self.weights])
        own = design.groups[0]
        variances = 1.0 / self._precisions[:, own] + told.var(axis=1)
        return self._means[:, own] + told.mean(axis=1), 1.0 / variances
