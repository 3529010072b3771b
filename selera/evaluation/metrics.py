"""Metrics, each with its formula and denominator, and the intervals that say how sure they are.

For user u let T be the set of held-out items (at least one; users without any are not judged) and
hit_p = 1 where place p = 1 .. n of u's list holds an item of T, else 0. Then, per user:

recall@n
    sum of hit_p / |T|. The denominator is ALL of T, not min(n, |T|).
ndcg@n
    sum of hit_p / log2(p + 1), divided by the same of the best possible list, which has
    min(n, |T|) hits in a row.
hr@n
    1 where the list has a hit, else 0.
mrr@n
    1 / p of the first hit, 0 without one.
map@n
    sum over hits of (hits up to p) / p, divided by min(n, |T|).
novelty@n
    mean over the list of -log2 of the share of training users who have the item (an item that
    nobody has counts as if one had it), in bits.

A metric is the mean over the users. An empty place is no hit. Ties are broken before: a list is an
order already (`selera.training.ranking`: the lower row first, and rows stand by falling popularity
in train, equal ones at random; so a ranker that says nothing gets the order of popularity).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import NO_ITEM

PerUser = Mapping[str, NDArray[np.float64]]
"""Metrics by name, float64 (m,) each: one number for each judged user."""

DEFINITIONS = {
    "ndcg": "discounted gain of the hits over that of the best possible list of the same length",
    "recall": "hits over all held-out items of the user (not over min(n, .))",
    "hr": "share of the users with at least one hit",
    "mrr": "1 / place of the first hit, 0 without one",
    "map": "mean precision at the hits, over min(n, held-out items)",
    "novelty": "mean -log2 of the share of training users who have the product, in bits",
    "coverage": "share of the available products that stand in at least one list",
    "gini": "inequality of how often the available products are recommended (0 equal, 1 one only)",
    "diversity": "mean 1 - cosine of the training users of two products of a list, over all pairs",
    "rmse": "root of the mean squared error over the held-out ratings, in stars",
    "mae": "mean absolute error over the held-out ratings, in stars",
}
"""What each metric is, in one sentence."""

_N_RESAMPLES = 2000


class Interval(msgspec.Struct, frozen=True):
    """A mean and its 95 % bootstrap interval; None where no user has a number of the own."""

    mean: float
    low: float | None
    high: float | None


def novelty(
    lists: NDArray[np.int32], n_users_of_items: NDArray[np.int64], n_users: int
) -> NDArray[np.float64]:
    """Novelty of each list, float64 (m,); 0 for an empty one.

    n_users_of_items : int64 (n_items,), training users who have the item; n_users : all of them
    """
    bits = -np.log2(np.maximum(n_users_of_items, 1) / max(n_users, 1))
    filled = lists != NO_ITEM
    sums: NDArray[np.float64] = np.where(filled, bits[np.maximum(lists, 0)], 0.0).sum(axis=1)
    means: NDArray[np.float64] = sums / np.maximum(filled.sum(axis=1), 1)
    return means


def coverage(lists: NDArray[np.int32], n_available: int) -> float:
    """Share of the available items that stand in at least one of the lists."""
    return len(np.unique(lists[lists != NO_ITEM])) / max(n_available, 1)


def gini(lists: NDArray[np.int32], n_available: int) -> float:
    """Gini index of how often each of the available items is recommended.

    sum over items i = 1 .. N, rising by count c_i, of (2 i - N - 1) c_i / (N sum of c_i).
    """
    shown = np.sort(np.bincount(lists[lists != NO_ITEM]))
    counts = np.zeros(n_available)
    shown = shown[shown > 0]
    counts[n_available - len(shown) :] = shown
    order = 2 * np.arange(1, n_available + 1) - n_available - 1
    return float((order * counts).sum() / max(n_available * counts.sum(), 1.0))


def rmse(predicted: NDArray[np.float32], actual: NDArray[np.float32]) -> float:
    """Root of the mean squared error over n >= 1 ratings, in stars."""
    errors = predicted.astype(np.float64) - actual
    return float(np.sqrt(np.mean(errors**2)))


def mae(predicted: NDArray[np.float32], actual: NDArray[np.float32]) -> float:
    """Mean absolute error over n >= 1 ratings, in stars."""
    return float(np.mean(np.abs(predicted.astype(np.float64) - actual)))


def summary(per_user: PerUser, *, seed: int) -> dict[str, Interval]:
    """The mean of each metric with its 95 % percentile interval from 2,000 resamples of users.

    All metrics share the resamples. Given the differences of two models on the same users, these
    are the paired intervals of their difference. Raises ValueError without users or with a NaN.
    """
    table = np.column_stack(list(per_user.values()))
    if not len(table) or np.isnan(table).any():
        raise ValueError("a bootstrap needs at least one user and no NaN")
    means = _resampled(seed, table) / len(table)
    lows, highs = np.quantile(means, [0.025, 0.975], axis=0)
    centers = table.mean(axis=0)
    return {
        name: Interval(float(center), float(low), float(high))
        for name, center, low, high in zip(per_user, centers, lows, highs, strict=True)
    }


def bootstrap_interval(per_user: NDArray[np.float64], *, seed: int) -> Interval:
    """`summary` of one metric."""
    return summary({"": per_user}, seed=seed)[""]


def relative_gain(
    challenger: NDArray[np.float64], champion: NDArray[np.float64], *, seed: int
) -> Interval:
    """How much higher the challenger's mean is, as a share of the champion's, paired by user.

    challenger, champion : float64 (m,), a metric of the same m >= 1 users. -0.02 says that the
    challenger reaches 98 % of the champion. Where the champion has nothing, any gain counts as 1.
    """
    table = np.column_stack([challenger, champion])
    if not len(table) or np.isnan(table).any():
        raise ValueError("a bootstrap needs at least one user and no NaN")
    sums = np.vstack([table.sum(axis=0), _resampled(seed, table)])
    over = np.where(sums[:, 1] > 0, sums[:, 1], 1.0)
    gains = np.where(sums[:, 1] > 0, sums[:, 0] / over - 1, np.sign(sums[:, 0]))
    low, high = np.quantile(gains[1:], [0.025, 0.975])
    return Interval(float(gains[0]), float(low), float(high))


def rating_summary(
    predicted: NDArray[np.float32],
    actual: NDArray[np.float32],
    users: NDArray[np.int64],
    *,
    seed: int,
) -> dict[str, Interval]:
    """RMSE and MAE over n >= 1 ratings, with intervals from resamples of the users who gave them.

    predicted, actual : float32 (n,), stars; users : int64 (n,), who gave each rating
    """
    errors = predicted.astype(np.float64) - actual
    _, owners = np.unique(users, return_inverse=True)
    sums = [np.bincount(owners, weights=each) for each in (errors**2, np.abs(errors))]
    table = np.column_stack([*sums, np.bincount(owners)])
    drawn = _resampled(seed, table)
    means = drawn[:, :2] / drawn[:, 2:]
    lows, highs = np.quantile(means, [0.025, 0.975], axis=0)
    return {
        "rmse": Interval(rmse(predicted, actual), float(lows[0] ** 0.5), float(highs[0] ** 0.5)),
        "mae": Interval(mae(predicted, actual), float(lows[1]), float(highs[1])),
    }


def rating_gain(
    predicted: NDArray[np.float32],
    baseline: NDArray[np.float32],
    actual: NDArray[np.float32],
    users: NDArray[np.int64],
    *,
    seed: int,
) -> Interval:
    """RMSE less the baseline's on the same ratings, below 0 where it is better, paired by user."""
    _, owners = np.unique(users, return_inverse=True)
    errors = [each.astype(np.float64) - actual for each in (predicted, baseline)]
    table = np.column_stack(
        [*(np.bincount(owners, weights=each**2) for each in errors), np.bincount(owners)]
    )
    drawn = _resampled(seed, table)
    gains = np.sqrt(drawn[:, 0] / drawn[:, 2]) - np.sqrt(drawn[:, 1] / drawn[:, 2])
    low, high = np.quantile(gains, [0.025, 0.975])
    return Interval(rmse(predicted, actual) - rmse(baseline, actual), float(low), float(high))


def _resampled(seed: int, table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Column sums of `table` over users drawn with replacement, float64 (resamples, columns)."""
    rng = np.random.default_rng(seed)
    n = len(table)
    sums = np.empty((_N_RESAMPLES, table.shape[1]))
    for resample in range(_N_RESAMPLES):
        sums[resample] = np.bincount(rng.integers(0, n, n), minlength=n) @ table
    return sums
