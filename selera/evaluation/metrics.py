"""Metrics, each with its formula and denominator, and the interval that says how sure they are."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

_N_RESAMPLES = 2000


class Interval(msgspec.Struct, frozen=True):
    """A mean and its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


def hits(recommended: NDArray[np.int32], relevant: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which places of one list hold a relevant item, bool (n,)."""
    return np.isin(recommended, relevant)


def recall(recommended: NDArray[np.int32], relevant: NDArray[np.int32]) -> float:
    """Recall@n of one user: relevant items in the list, over ALL relevant items (not min(n, .)).

    recommended : int32 (n,), best first, -1 for empty places; relevant : int32 (m,), m >= 1
    """
    return float(hits(recommended, relevant).sum() / len(relevant))


def ndcg(recommended: NDArray[np.int32], relevant: NDArray[np.int32]) -> float:
    """NDCG@n of one user with gain 1 for each relevant item.

    DCG = sum over places p = 1..n of hit_p / log2(p + 1); divided by the DCG of the best possible
    list, min(n, m) hits in a row. Shapes as in `recall`.
    """
    discounts = 1 / np.log2(np.arange(2, len(recommended) + 2))
    gained = discounts[hits(recommended, relevant)].sum()
    return float(gained / discounts[: len(relevant)].sum())


def rmse(predicted: NDArray[np.float32], actual: NDArray[np.float32]) -> float:
    """Root of the mean squared error over n >= 1 ratings, in stars."""
    errors = predicted.astype(np.float64) - actual
    return float(np.sqrt(np.mean(errors**2)))


def mae(predicted: NDArray[np.float32], actual: NDArray[np.float32]) -> float:
    """Mean absolute error over n >= 1 ratings, in stars."""
    return float(np.mean(np.abs(predicted.astype(np.float64) - actual)))


def bootstrap_interval(per_user: NDArray[np.float64], *, seed: int) -> Interval:
    """Mean over users with its 95 % percentile interval from 2,000 resamples of the users.

    Given the differences of two models on the same users, it is the paired interval of their
    difference. Raises ValueError without users or with a NaN.
    """
    if not len(per_user) or np.isnan(per_user).any():
        raise ValueError("a bootstrap needs at least one user and no NaN")
    rng = np.random.default_rng(seed)
    means = np.empty(_N_RESAMPLES)
    for resample in range(_N_RESAMPLES):
        means[resample] = per_user[rng.integers(0, len(per_user), len(per_user))].mean()
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(per_user.mean()), float(low), float(high))
