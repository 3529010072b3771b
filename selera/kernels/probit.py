"""The likelihood of the cut points of an ordered probit."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(nogil=True, cache=True)
def _interval(low: float, high: float) -> float:
    """P(low < standard normal < high), exact in the tails."""
    if low > 0:
        low, high = -high, -low
    return 0.5 * (math.erfc(-high / math.sqrt(2.0)) - math.erfc(-low / math.sqrt(2.0)))


@numba.njit(nogil=True, cache=True)
def _density(x: float) -> float:
    return math.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


@numba.njit(
    "float64(float32[::1], int32[::1], float64[::1], float64[::1], float64[:, ::1])",
    nogil=True,
    cache=True,
)
def cut_point_likelihood(
    scores: NDArray[np.float32],
    levels: NDArray[np.int32],
    cuts: NDArray[np.float64],
    gradient: NDArray[np.float64],
    information: NDArray[np.float64],
) -> float:
    """Log likelihood of the cut points of an ordered probit; its derivatives go to the last two.

    scores : float32 (n,), means of the latent values
    levels : int32 (n,), 0 .. len(cuts): the latent value lies between cuts[level - 1] and
        cuts[level]
    gradient : float64 (n_cuts,)
    information : float64 (n_cuts, n_cuts), the second derivatives with the sign changed
    """
    n_cuts = len(cuts)
    gradient[:] = 0
    information[:] = 0
    total = 0.0
    for place in range(len(scores)):
        level = levels[place]
        low = cuts[level - 1] - scores[place] if level > 0 else -math.inf
        high = cuts[level] - scores[place] if level < n_cuts else math.inf
        p = max(_interval(low, high), 1e-300)
        total += math.log(p)
        at_low = _density(low) / p if level > 0 else 0.0
        at_high = _density(high) / p if level < n_cuts else 0.0
        if level > 0:
            gradient[level - 1] -= at_low
            information[level - 1, level - 1] += at_low * (at_low - low)
        if level < n_cuts:
            gradient[level] += at_high
            information[level, level] += at_high * (at_high + high)
        if 0 < level < n_cuts:
            information[level - 1, level] -= at_low * at_high
            information[level, level - 1] -= at_low * at_high
    return total
