"""The ordered probit in NumPy: stars as what a latent normal value passes of the cut points.

Stars are the level s_k when the latent value lies between the cut points c_(k-1) and c_k (McCullagh
1980, "Regression models for ordinal data")::

    P(stars <= s_k) = cdf(c_k - mean of the latent value)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TINY = 1e-300
_CACHED = 1 << 15  # values at once: their many temporary arrays stay in the processor's cache
_POLYNOMIAL = (
    -1.26551223,
    1.00002368,
    0.37409196,
    0.09678418,
    -0.18628806,
    0.27886807,
    -1.13520398,
    1.48851587,
    -0.82215223,
    0.17087277,
)


def normal_cdf(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(standard normal < x), with a relative error below 2e-7 down to where it underflows.

    By the Chebyshev fit of erfc in Press et al., "Numerical Recipes", section 6.2.
    """
    z = np.abs(x) / np.sqrt(2.0)
    t = 1.0 / (1.0 + 0.5 * z)
    exponent = np.zeros_like(t)
    for coefficient in reversed(_POLYNOMIAL):
        exponent = exponent * t + coefficient
    tail = 0.5 * t * np.exp(np.maximum(exponent - z * z, -700.0))
    cdf: NDArray[np.float64] = np.where(x < 0, tail, 1.0 - tail)
    return cdf


def truncated_mean(
    means: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mean of a normal of deviation 1 of which only the part from `low` to `high` is left."""
    a, b = low - means, high - means
    upper = a > 0
    left, right = np.where(upper, -b, a), np.where(upper, -a, b)  # the lower tail is the exact one
    p = np.maximum(normal_cdf(right) - normal_cdf(left), _TINY)
    excess = (_density(left) - _density(right)) / p
    return np.clip(means + np.where(upper, -excess, excess), low, high)


def level_moments(
    levels: NDArray[np.float64],
    cuts: NDArray[np.float64],
    means: NDArray[np.float64],
    variances: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Expected stars and expected squared stars of latent values that are not sure themselves.

    levels : float64 (n_levels,), rising
    cuts : float64 (n_samples, n_levels - 1), rising in each line
    means, variances : float64 (n_samples, n), of the latent value before its noise of variance 1
    """
    first, second = np.full_like(means, levels[-1]), np.full_like(means, levels[-1] ** 2)
    spread = np.sqrt(1.0 + variances)
    n_lines = max(1, _CACHED // max(1, means.shape[1]))
    for start in range(0, len(means), n_lines):
        lines = slice(start, start + n_lines)
        for place in range(len(levels) - 1):
            below = normal_cdf((cuts[lines, place, None] - means[lines]) / spread[lines])
            first[lines] -= (levels[place + 1] - levels[place]) * below
            second[lines] -= (levels[place + 1] ** 2 - levels[place] ** 2) * below
    return first, second


def _density(x: NDArray[np.float64]) -> NDArray[np.float64]:
    density: NDArray[np.float64] = np.exp(-0.5 * np.minimum(x * x, 1400.0)) / np.sqrt(2.0 * np.pi)
    return density
