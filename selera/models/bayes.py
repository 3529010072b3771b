r"""The Bayesian rating model: stars and how sure they are, as the mean over samples of a posterior.

Each sample s is a factorization machine whose pairs are those of different blocks::

    f_ui(t) = mean + w_u + w_i + w_t + p_u . q_i + p_u . z_t + q_i . z_t

(w_i, q_i) of all items and (w_t, z_t) of all times are stored; (w_u, p_u) is the sum of an implicit
part, sum over the history of (weights of item j) / sqrt(length), and of an own part. With a_j =
(1, q_j + z_t) and e_j what the rest leaves of the rating of item j, the own part has the posterior
(Bishop 2006, "Pattern recognition and machine learning", eq. 3.50 and 3.51)::

    precision = diag(prior precision) + noise precision * sum_j a_j a_j^T
    mean      = precision^-1 (prior precision * prior mean + noise precision * sum_j e_j a_j)

which is what the sampler would draw from, with the items held where the ratings of everybody else
left them. Its prior is that of a user of whom no profile is known. The stars are the mean of the
samples' means; their variance is the mean of the variances (noise, own part) plus the variance of
the means (items).

Where stars are levels of an ordered probit, e_j comes from the mean of the latent value given its
level. That depends on the own part, so both are found in turn: the variational solution, whose
precision is the one above.

All of it is on the scale 0..4; stars are stretched on the way in and back on the way out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Histories
from ..contracts.interactions import STRETCHED, RatingScale
from ..contracts.protocols import Arrays
from .probit import level_moments, truncated_mean

UNKNOWN_BIN = np.iinfo(np.int64).min
_TURNS = 12


@dataclass(frozen=True, slots=True)
class BayesModel:
    """Predicts stars and their deviation from a history.

    Line 0 of 1 + n_factors is the bias, the others are factors.

    means, noise_precisions : float64 (n_samples,)
    prior_means, prior_precisions : float64 (n_samples, 1 + n_factors), of a user's own part
    items : float32 (n_samples, n_items, 1 + n_factors)
    implicit : float32 (n_samples, n_items, 1 + n_factors), the weights of the items of a history;
        0 items where histories say nothing but their ratings
    times : float32 (n_samples, 1 + n_bins, 1 + n_factors), unknown and later times first
    bins : int64 (n_bins,), the times known in training, rising
    days_per_bin : how long a time is; 0 where there are none
    levels, cuts : float64 (n_levels,), (n_samples, n_levels - 1); no level where stars are f
    scale : predictions are clipped to it
    """

    name: ClassVar[str] = "bayes"

    means: NDArray[np.float64]
    noise_precisions: NDArray[np.float64]
    prior_means: NDArray[np.float64]
    prior_precisions: NDArray[np.float64]
    items: NDArray[np.float32]
    implicit: NDArray[np.float32]
    times: NDArray[np.float32]
    bins: NDArray[np.int64]
    days_per_bin: float
    levels: NDArray[np.float64]
    cuts: NDArray[np.float64]
    scale: RatingScale

    def predict(self, histories: Histories, items: NDArray[np.int32]) -> NDArray[np.float32]:
        """Predicted stars of the given items for each history, float32 (batch, len(items))."""
        return self.predict_with_deviation(histories, items)[0]

    def predict_with_deviation(
        self, histories: Histories, items: NDArray[np.int32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Stars and the standard deviation of a rating about them, float32 (batch, len(items)).

        The deviation is that of the stars which the user would give now: of what is not known and
        of the noise that all ratings have.
        """
        stars = np.empty((len(histories), len(items)), dtype=np.float32)
        deviations = np.empty_like(stars)
        times = self.times[:, :1]
        designs, offsets = self._relate(self.items[:, items], times)
        for user in range(len(histories)):
            own, covariances = self.fold_in(histories.take(user, user + 1))
            means = offsets + np.matmul(designs, own[:, :, None])[:, :, 0]
            variances = np.einsum("smf,smf->sm", np.matmul(designs, covariances), designs)
            stars[user], deviations[user] = posterior_stars(
                means, variances, self.noise_precisions, self.levels, self.cuts, self.scale
            )
        return stars, deviations

    def fold_in(self, history: Histories) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The line (w_u, p_u) of one user in each sample, and its covariance.

        float64 (n_samples, 1 + n_factors) and (n_samples, 1 + n_factors, 1 + n_factors).
        """
        rated = ~np.isnan(history.ratings)
        places = self._time_rows(history.ages[rated])
        designs, offsets = self._relate(self.items[:, history.items[rated]], self.times[:, places])
        implicit = self._implicit_part(history.items)
        offsets += np.matmul(designs, implicit[:, :, None])[:, :, 0]
        noise = self.noise_precisions[:, None]
        information = np.matmul(designs.transpose(0, 2, 1), designs) * noise[:, :, None]
        diagonal = np.arange(information.shape[1])
        information[:, diagonal, diagonal] += self.prior_precisions
        covariances = np.linalg.inv(information)
        pull = self.prior_precisions * self.prior_means

        def given(latent: NDArray[np.float64]) -> NDArray[np.float64]:
            """The mean of the own part where the ratings' sums are `latent`."""
            data = np.matmul((latent - offsets)[:, None, :], designs)[:, 0]
            mean: NDArray[np.float64] = np.matmul(covariances, (pull + noise * data)[:, :, None])
            return mean[:, :, 0]

        stretched = self.scale.stretch(history.ratings[rated]).astype(np.float64)
        if not len(self.levels):
            return given(stretched) + implicit, covariances
        levels = np.abs(stretched[:, None] - self.levels).argmin(axis=1)
        ends = np.pad(self.cuts, ((0, 0), (1, 1)), constant_values=(-np.inf, np.inf))
        own = self.prior_means
        for _ in range(_TURNS):
            means = offsets + np.matmul(designs, own[:, :, None])[:, :, 0]
            own = given(truncated_mean(means, ends[:, levels], ends[:, levels + 1]))
        return own + implicit, covariances

    def _relate(
        self, items: NDArray[np.float32], times: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What a user's line is multiplied by, and what is added, for items at times.

        float64 (n_samples, m, 1 + n_factors) and (n_samples, m); `times` may hold 1 for all m.
        """
        designs = (items + times).astype(np.float64)
        products = (items[:, :, 1:] * times[:, :, 1:]).sum(axis=2, dtype=np.float64)
        offsets: NDArray[np.float64] = self.means[:, None] + designs[:, :, 0] + products
        designs[:, :, 0] = 1.0
        return designs, offsets

    def _implicit_part(self, items: NDArray[np.int32]) -> NDArray[np.float64]:
        if not len(items) or not self.implicit.shape[1]:
            return np.zeros_like(self.prior_means)
        total: NDArray[np.float64] = self.implicit[:, items].sum(axis=1, dtype=np.float64)
        total /= np.sqrt(len(items))
        return total

    def _time_rows(self, ages: NDArray[np.float32]) -> NDArray[np.int64]:
        return time_rows(self.bins, time_bins(ages, self.days_per_bin))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays, and the numbers in one float64 array."""
        numbers = np.array([self.days_per_bin, self.scale.low, self.scale.high])
        return {name: getattr(self, name) for name in _ARRAYS} | {"numbers": numbers}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The inverse of `to_arrays`; nothing is copied."""
        days_per_bin, low, high = arrays["numbers"].tolist()
        held = {name: arrays[name] for name in _ARRAYS}
        return cls(**held, days_per_bin=days_per_bin, scale=RatingScale(low, high))


_ARRAYS = (
    "means",
    "noise_precisions",
    "prior_means",
    "prior_precisions",
    "items",
    "implicit",
    "times",
    "bins",
    "levels",
    "cuts",
)


def posterior_stars(
    means: NDArray[np.float64],
    variances: NDArray[np.float64],
    noise_precisions: NDArray[np.float64],
    levels: NDArray[np.float64],
    cuts: NDArray[np.float64],
    scale: RatingScale,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Stars and their deviation, float32 (n,), of samples on 0..4 whose sums are normal.

    means, variances : float64 (n_samples, n), of the sums
    """
    if len(levels):
        first, second = level_moments(levels, cuts, means, variances)
    else:
        first = means
        second = np.square(means) + variances + 1.0 / noise_precisions[:, None]
    mean = first.mean(axis=0)
    variance = np.maximum(second.mean(axis=0) - np.square(mean), 0.0)
    deviation = np.sqrt(variance) * ((scale.high - scale.low) / STRETCHED)
    return scale.unstretch(mean.astype(np.float32)), deviation.astype(np.float32)


def time_bins(ages: NDArray[np.float32], days_per_bin: float) -> NDArray[np.int64]:
    """The bin of each age, int64 (n,); `UNKNOWN_BIN` where there is no age, or no bin."""
    bins = np.full(len(ages), UNKNOWN_BIN)
    known = np.isfinite(ages) & (days_per_bin > 0)
    bins[known] = np.floor(ages[known] / max(days_per_bin, 1e-9)).astype(np.int64)
    return bins


def time_rows(known: NDArray[np.int64], bins: NDArray[np.int64]) -> NDArray[np.int64]:
    """1 + the place of each bin among the known ones, int64 (n,); 0 where it is not."""
    if not len(known):
        return np.zeros(len(bins), dtype=np.int64)
    places = np.minimum(np.searchsorted(known, bins), len(known) - 1)
    return np.where(known[places] == bins, 1 + places, 0)
