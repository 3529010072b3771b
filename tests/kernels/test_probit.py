"""The cut points' likelihood against plain NumPy and SciPy."""

import numpy as np
import pytest
from scipy.special import ndtr

from selera.kernels.probit import cut_point_likelihood


def log_likelihood(scores: np.ndarray, levels: np.ndarray, cuts: np.ndarray) -> float:
    ends = np.concatenate([[-np.inf], cuts, [np.inf]])
    return float(np.log(ndtr(ends[levels + 1] - scores) - ndtr(ends[levels] - scores)).sum())


def test_the_likelihood_of_cut_points_and_its_derivatives() -> None:
    rng = np.random.default_rng(4)
    scores = rng.normal(0, 1, 60).astype(np.float32)
    levels = rng.integers(0, 4, 60).astype(np.int32)
    cuts = np.array([-0.8, 0.1, 0.9])
    gradient, information = np.empty(3), np.empty((3, 3))
    value = cut_point_likelihood(scores, levels, cuts, gradient, information)
    assert value == pytest.approx(log_likelihood(scores, levels, cuts), rel=1e-9)
    step = 1e-4 * np.eye(3)
    for first in range(3):
        up = log_likelihood(scores, levels, cuts + step[first])
        down = log_likelihood(scores, levels, cuts - step[first])
        assert gradient[first] == pytest.approx((up - down) / 2e-4, abs=1e-5)
        slopes = [np.empty(3), np.empty(3)]
        ignored = np.empty((3, 3))
        cut_point_likelihood(scores, levels, cuts + step[first], slopes[0], ignored)
        cut_point_likelihood(scores, levels, cuts - step[first], slopes[1], ignored)
        np.testing.assert_allclose(information[first], (slopes[1] - slopes[0]) / 2e-4, atol=1e-4)


def test_cut_points_far_from_the_scores_stay_finite() -> None:
    gradient, information = np.empty(1), np.empty((1, 1))
    scores, levels = np.array([-30.0, 30.0], np.float32), np.array([1, 0], np.int32)
    value = cut_point_likelihood(scores, levels, np.array([0.0]), gradient, information)
    assert value == pytest.approx(-2 * (30**2 / 2 + np.log(30 * np.sqrt(2 * np.pi))), rel=1e-4)
    assert np.isfinite(gradient).all()
    assert information[0, 0] == pytest.approx(2.0, rel=0.01)
