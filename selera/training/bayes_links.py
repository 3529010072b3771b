"""From the sum of a factorization machine to stars: with normal noise, or by an ordered probit."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from ..kernels.probit import cut_point_likelihood

_CUT_PRECISION = 0.01
_NOISE_SHAPE = _NOISE_RATE = 0.5
_T_FREEDOM = 5.0
_NEWTON_STEPS = 50
_NEWTON_PRECISION = 1e-6


class _Posterior(NamedTuple):
    """The log density of cut points, its first derivatives, and the second ones negated."""

    value: float
    gradient: NDArray[np.float64]
    information: NDArray[np.float64]


class Link(Protocol):
    """What stands between the sum and the stars, and its own unknowns.

    targets : float32 (n,), what sum and noise add up to
    mean : what is added to the sum
    noise_precision : one by the variance of a rating about the sum
    cuts : float64 (n_cuts,), rising; empty where stars are the sum itself
    """

    targets: NDArray[np.float32]
    mean: float
    noise_precision: float
    cuts: NDArray[np.float64]

    def draw(self, residuals: NDArray[np.float32], rng: np.random.Generator) -> None:
        """Draw the own unknowns given the sum; `residuals` follow, in place."""
        ...


class NormalLink:
    """Stars are the sum and normal noise; the mean and the noise's precision are drawn.

    residuals : stars - mean - sum. The mean has a flat prior, the precision a gamma one.
    """

    def __init__(self, stars: NDArray[np.float32]) -> None:
        self.mean = float(stars.mean(dtype=np.float64))
        self.noise_precision = 1.0
        self.cuts = np.empty(0)
        self.targets = stars - np.float32(self.mean)

    def draw(self, residuals: NDArray[np.float32], rng: np.random.Generator) -> None:
        """See `Link`."""
        n = len(residuals)
        squares = float(np.square(residuals, dtype=np.float64).sum())
        shape, rate = _NOISE_SHAPE + n / 2, _NOISE_RATE + squares / 2
        self.noise_precision = float(rng.gamma(shape) / rate)
        deviation = 1.0 / np.sqrt(n * self.noise_precision)
        step = residuals.mean(dtype=np.float64) + deviation * rng.standard_normal()
        self.mean += float(step)
        residuals -= np.float32(step)


class ProbitLink:
    """Stars are levels that a latent value passes: the latent values and the cut points are drawn.

    residuals : latent value - sum. The latent noise has variance 1; the mean is in the cut points,
    which have a wide normal prior. They are drawn with the latent values summed out (a Metropolis
    step whose proposals are Student-t about the mode): given the latent values they would hardly
    move where there are many ratings (Cowles 1996).
    """

    def __init__(self, levels: NDArray[np.int32], n_levels: int) -> None:
        shares = np.cumsum(np.bincount(levels, minlength=n_levels))[:-1] / len(levels)
        self.mean = 0.0
        self.noise_precision = 1.0
        self.cuts = ndtri(shares)
        self.levels = levels
        self.targets = np.zeros(len(levels), dtype=np.float32)

    def draw(self, residuals: NDArray[np.float32], rng: np.random.Generator) -> None:
        """See `Link`."""
        scores = self.targets - residuals
        if len(self.cuts):
            self._draw_cuts(scores, rng)
        ends = np.concatenate([[-np.inf], self.cuts, [np.inf]])
        noise = truncated_normal(
            ends[self.levels] - scores,
            ends[self.levels + 1] - scores,
            rng.random(len(scores)),
        )
        residuals[:] = noise
        self.targets = scores + residuals

    def _draw_cuts(self, scores: NDArray[np.float32], rng: np.random.Generator) -> None:
        """One Metropolis step that is independent of the cut points as they are."""
        current = self._posterior(scores, self.cuts)
        mode, information = self._mode(scores, current)
        root = np.linalg.cholesky(information).astype(np.float64)
        scale = np.sqrt(_T_FREEDOM / rng.chisquare(_T_FREEDOM))
        proposal = mode + scale * np.linalg.solve(root.T, rng.standard_normal(len(mode)))
        chance = rng.random()
        if (np.diff(proposal) <= 0).any():
            return
        gain = self._posterior(scores, proposal).value - current.value
        gain += _log_t(root, self.cuts - mode) - _log_t(root, proposal - mode)
        if np.log(chance) < gain:
            self.cuts = proposal

    def _mode(
        self, scores: NDArray[np.float32], current: _Posterior
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The likeliest cut points and the information about them, by Newton's method.

        The density is log-concave (Pratt 1981); a step that leaves the order or does not gain is
        halved.
        """
        cuts, (value, gradient, information) = self.cuts, current
        for _ in range(_NEWTON_STEPS):
            step = np.linalg.solve(information, gradient)
            if gradient @ step < _NEWTON_PRECISION:
                break
            while True:
                trial = cuts + step
                if (np.diff(trial) > 0).all():
                    found = self._posterior(scores, trial)
                    if found.value >= value - _NEWTON_PRECISION:
                        break
                step = step / 2
            cuts, (value, gradient, information) = trial, found
        return cuts, information

    def _posterior(self, scores: NDArray[np.float32], cuts: NDArray[np.float64]) -> _Posterior:
        gradient, information = np.empty(len(cuts)), np.empty((len(cuts), len(cuts)))
        value = cut_point_likelihood(scores, self.levels, cuts, gradient, information)
        value -= _CUT_PRECISION / 2 * float(cuts @ cuts)
        gradient -= _CUT_PRECISION * cuts
        information[np.diag_indices_from(information)] += _CUT_PRECISION
        return _Posterior(value, gradient, information)


def truncated_normal(
    low: NDArray[np.float64], high: NDArray[np.float64], uniforms: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Standard normal values between `low` and `high`, from uniform ones, all float64 (n,).

    Above 0 the mirrored interval is used, whose probabilities are exact however small.
    """
    upper = low > 0
    a, b = np.where(upper, -high, low), np.where(upper, -low, high)
    below, above = ndtr(a), ndtr(b)
    values = np.clip(ndtri(below + uniforms * (above - below)), a, b)
    drawn: NDArray[np.float64] = np.where(upper, -values, values)
    return drawn


def _log_t(root: NDArray[np.float64], offset: NDArray[np.float64]) -> float:
    """Log density of the proposals, but for a constant; `root` is of their precision."""
    square = float(np.square(root.T @ offset).sum())
    return -(_T_FREEDOM + len(offset)) / 2 * float(np.log1p(square / _T_FREEDOM))
