"""The Bayesian rating model: closed forms by hand, the laws of folding in, and the probit."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import truncnorm

from selera.contracts.histories import Histories
from selera.contracts.interactions import RatingScale
from selera.models.bayes import UNKNOWN_BIN, BayesModel, time_bins, time_rows
from selera.models.probit import level_moments, normal_cdf, truncated_mean

SCALE = RatingScale(0, 4)
N_SAMPLES, N_ITEMS, N_FACTORS = 3, 9, 2
ALL_ITEMS = np.arange(N_ITEMS, dtype=np.int32)


def model(*, probit: bool = False, scale: RatingScale = SCALE, spread: float = 0.4) -> BayesModel:
    rng = np.random.default_rng(2)
    lines = 1 + N_FACTORS
    levels = np.arange(5.0) if probit else np.empty(0)
    cuts = np.array([-1.2, -0.4, 0.3, 1.1]) + rng.normal(0, 0.05, (N_SAMPLES, 1))
    return BayesModel(
        means=np.zeros(N_SAMPLES) if probit else np.array([2.0, 2.1, 1.9]),
        noise_precisions=np.ones(N_SAMPLES) if probit else np.array([1.5, 1.4, 1.6]),
        prior_means=rng.normal(0, 0.1, (N_SAMPLES, lines)),
        prior_precisions=rng.uniform(2, 6, (N_SAMPLES, lines)),
        items=rng.normal(0, spread, (N_SAMPLES, N_ITEMS, lines)).astype(np.float32),
        implicit=rng.normal(0, 0.2, (N_SAMPLES, N_ITEMS, lines)).astype(np.float32),
        times=rng.normal(0, 0.2, (N_SAMPLES, 3, lines)).astype(np.float32),
        bins=np.array([4, 7]),
        days_per_bin=2.0,
        levels=levels,
        cuts=cuts if probit else np.empty((N_SAMPLES, 0)),
        scale=scale,
    )


def history(stars: dict[int, float], ages: dict[int, float] | None = None) -> Histories:
    items = np.array(sorted(stars), dtype=np.int32)
    return Histories.plain(
        np.array([0, len(items)]),
        items,
        ratings=np.array([stars[item] for item in items.tolist()], np.float32),
        ages=np.array([(ages or {}).get(item, np.nan) for item in items.tolist()], np.float32),
    )


def by_hand(
    rater: BayesModel, stars: dict[int, float], rows: dict[int, int], asked: int
) -> tuple[float, float]:
    """Stars and deviation in the scale 0..4, one sample and one rating after another."""
    firsts, seconds = [], []
    for s in range(N_SAMPLES):
        implicit = rater.implicit[s, sorted(stars)].sum(axis=0) / math.sqrt(len(stars))
        information = np.diag(rater.prior_precisions[s])
        pull = rater.prior_precisions[s] * rater.prior_means[s]
        for item, given in stars.items():
            q, z = rater.items[s, item], rater.times[s, rows.get(item, 0)]
            a = np.array([1.0, *(q + z)[1:]])
            rest = given - rater.means[s] - q[0] - z[0] - q[1:] @ z[1:] - implicit @ a
            if not math.isnan(given):
                information = information + rater.noise_precisions[s] * np.outer(a, a)
                pull = pull + rater.noise_precisions[s] * rest * a
        line = np.linalg.solve(information, pull) + implicit
        q, z = rater.items[s, asked], rater.times[s, 0]
        a = np.array([1.0, *(q + z)[1:]])
        mean = rater.means[s] + q[0] + z[0] + q[1:] @ z[1:] + line @ a
        firsts.append(mean)
        variance = a @ np.linalg.solve(information, a) + 1 / rater.noise_precisions[s]
        seconds.append(mean**2 + variance)
    return float(np.mean(firsts)), math.sqrt(np.mean(seconds) - np.mean(firsts) ** 2)


@pytest.mark.parametrize("asked", [0, 5])
def test_stars_and_deviation_are_those_of_the_posterior(asked: int) -> None:
    given = {1: 4.0, 2: 1.0, 5: float("nan"), 6: 3.0}
    rater = model()
    stars, deviations = rater.predict_with_deviation(
        history(given, {1: 8.5, 2: 15.0, 6: 99.0}), np.array([asked], np.int32)
    )
    expected = by_hand(rater, given, {1: 1, 2: 2}, asked)
    assert (stars[0, 0], deviations[0, 0]) == pytest.approx(expected, abs=1e-5)


def test_another_scale_stretches_stars_and_deviations() -> None:
    wide = model(scale=RatingScale(1, 9))
    stars, deviations = model().predict_with_deviation(history({1: 4.0, 2: 1.0}), ALL_ITEMS)
    twice, twice_deviations = wide.predict_with_deviation(history({1: 9.0, 2: 3.0}), ALL_ITEMS)
    np.testing.assert_allclose(twice, 1 + 2 * stars, rtol=1e-5)
    np.testing.assert_allclose(twice_deviations, 2 * deviations, rtol=1e-5)


@pytest.mark.parametrize("probit", [False, True])
def test_the_deviation_shrinks_with_every_rating(probit: bool) -> None:
    rater = model(probit=probit, spread=0.05)
    asked = np.array([8], np.int32)
    deviations = []
    for n in (0, 1, 4, 8):
        known = history(dict.fromkeys(range(n), 2.0))
        _, covariances = rater.fold_in(known)
        deviations.append(float(np.trace(covariances, axis1=1, axis2=2).mean()))
    assert deviations == sorted(deviations, reverse=True)
    told = rater.predict_with_deviation(history(dict.fromkeys(range(8), 2.0)), asked)[1]
    untold = rater.predict_with_deviation(history({}), asked)[1]
    assert told < untold


@pytest.mark.parametrize("probit", [False, True])
def test_those_who_rate_high_are_expected_to_rate_high(probit: bool) -> None:
    rater = model(probit=probit)
    low, high = (
        rater.predict(history(dict.fromkeys(range(5), stars)), ALL_ITEMS) for stars in (0.0, 4.0)
    )
    assert (low + 0.5 < high).all()
    assert 0 <= low.min() < high.max() <= 4


def test_a_user_alone_and_in_a_batch_get_the_same() -> None:
    rater = model(probit=True)
    users = [history({1: 4.0}), history({2: 0.0, 5: 3.0})]
    batch = Histories.plain(
        np.array([0, 1, 3]),
        np.array([1, 2, 5], np.int32),
        ratings=np.array([4, 0, 3], np.float32),
    )
    together = rater.predict(batch, ALL_ITEMS)
    for alone, line in zip(users, together, strict=True):
        np.testing.assert_array_equal(rater.predict(alone, ALL_ITEMS)[0], line)


def test_arrays_tell_everything() -> None:
    rater = model(probit=True)
    again = BayesModel.from_arrays(rater.to_arrays())
    known = history({1: 4.0, 3: 2.0}, {1: 9.0})
    np.testing.assert_array_equal(
        again.predict_with_deviation(known, ALL_ITEMS),
        rater.predict_with_deviation(known, ALL_ITEMS),
    )


def test_the_probit_settles_where_latent_means_and_the_line_agree() -> None:
    rater = model(probit=True)
    given = {0: 4.0, 3: 1.0, 4: 2.0}
    own, _ = rater.fold_in(history(given))
    for s in range(N_SAMPLES):
        implicit = rater.implicit[s, sorted(given)].sum(axis=0) / math.sqrt(len(given))
        part = own[s] - implicit
        ends = [-np.inf, *rater.cuts[s], np.inf]
        gradient = rater.prior_precisions[s] * (rater.prior_means[s] - part)
        for item, level in given.items():
            q, z = rater.items[s, item], rater.times[s, 0]
            a = np.array([1.0, *(q + z)[1:]])
            mean = q[0] + z[0] + q[1:] @ z[1:] + own[s] @ a
            low, high = ends[int(level)] - mean, ends[int(level) + 1] - mean
            gradient += a * truncnorm.mean(low, high)
        np.testing.assert_allclose(gradient, 0, atol=2e-3)


def test_times_have_the_bin_in_which_they_lie() -> None:
    ages = np.array([0.5, 8.0, 9.9, 10.0, -0.1, np.nan], np.float32)
    assert time_bins(ages, 2.0).tolist() == [0, 4, 4, 5, -1, UNKNOWN_BIN]
    assert time_bins(ages, 0.0).tolist() == [UNKNOWN_BIN] * 6
    assert time_rows(np.array([4, 7]), time_bins(ages, 2.0)).tolist() == [0, 1, 1, 0, 0, 0]
    assert time_rows(np.empty(0, np.int64), time_bins(ages, 2.0)).tolist() == [0] * 6


def test_the_normal_distribution_is_exact_in_its_tail() -> None:
    x = np.concatenate([np.linspace(-30, 8, 400), [-np.inf, np.inf]])
    np.testing.assert_allclose(normal_cdf(x), ndtr(x), rtol=2e-7, atol=1e-300)


def test_means_of_truncated_normals() -> None:
    means = np.array([0.0, 0.5, -1.0, 2.0, 6.0, -7.0])
    low = np.array([-1.0, -np.inf, 0.2, 1.0, -np.inf, 0.5])
    high = np.array([0.5, 0.0, np.inf, 1.4, -1.0, np.inf])
    expected = truncnorm.mean(low - means, high - means, loc=means)
    np.testing.assert_allclose(truncated_mean(means, low, high), expected, atol=1e-4)


def test_moments_of_levels_when_the_latent_value_is_not_sure() -> None:
    levels, cuts = np.array([0.0, 1.0, 4.0]), np.array([[-0.5, 0.8]])
    first, second = level_moments(levels, cuts, np.array([[0.3]]), np.array([[0.9]]))
    latent = NormalDist(0.3, math.sqrt(1.9))
    p = np.diff([0.0, latent.cdf(-0.5), latent.cdf(0.8), 1.0])
    assert first[0, 0] == pytest.approx(float(p @ levels), abs=1e-6)
    assert second[0, 0] == pytest.approx(float(p @ levels**2), abs=1e-6)
