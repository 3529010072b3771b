import math

import numpy as np
import pytest
from numpy.typing import NDArray

from selera.state import sequential
from selera.state.sequential import FEWEST, TIGHTEST_AT, compare_rates

ALPHA = 0.05
STEP = 100


def _looks(
    rates: tuple[float, float], share: float, n_runs: int, n_users: int, seed: int
) -> tuple[NDArray[np.float64], ...]:
    """Users and conversions of both sides at each look, float64 (n_runs, n_looks)."""
    random = np.random.default_rng(seed)
    n_looks = n_users // STEP
    n_treatment = random.binomial(STEP, share, (n_runs, n_looks))
    n_control = STEP - n_treatment
    counts = (
        n_control,
        random.binomial(n_control, rates[0]),
        n_treatment,
        random.binomial(n_treatment, rates[1]),
    )
    return tuple(each.cumsum(axis=1).astype(np.float64) for each in counts)


def _log_ratios(looks: tuple[NDArray[np.float64], ...]) -> NDArray[np.float64]:
    """log Lambda as the module's docstring writes it; -inf where nothing may be said yet."""
    n_c, s_c, n_t, s_t = looks
    p_c, p_t = s_c / np.maximum(n_c, 1), s_t / np.maximum(n_t, 1)
    level = -2 * math.log(ALPHA)
    rho_squared = (level + math.log(level) + 1) / TIGHTEST_AT
    known = n_c * n_t / (n_c + n_t) * rho_squared
    with np.errstate(divide="ignore", invalid="ignore"):
        v = p_c * (1 - p_c) / n_c + p_t * (1 - p_t) / n_t
        ratio = (p_t - p_c) ** 2 / (2 * v) * known / (1 + known) - np.log(np.sqrt(1 + known))
    fewest = np.minimum.reduce([s_c, n_c - s_c, s_t, n_t - s_t])
    return np.where(fewest >= FEWEST, ratio, -np.inf)


def test_the_simulations_formula_is_the_functions() -> None:
    looks = _looks((0.05, 0.07), 0.3, 20, 10_000, seed=3)
    ratios = _log_ratios(looks)

    for run, look in [(run, look) for run in range(20) for look in (0, 9, 30, 99)]:
        n_c, s_c, n_t, s_t = (int(each[run, look]) for each in looks)
        result = compare_rates((n_c, s_c), (n_t, s_t), ALPHA)
        expected = min(1.0, math.exp(-ratios[run, look])) if ratios[run, look] > -np.inf else 1.0
        assert result.p_value == pytest.approx(expected)
        assert (result.winner is not None) == (result.p_value <= ALPHA)


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.3])
@pytest.mark.parametrize("share", [0.5, 0.1])
def test_of_two_equal_versions_hardly_ever_one_wins_however_often_one_looks(
    rate: float, share: float
) -> None:
    ratios = _log_ratios(_looks((rate, rate), share, 1000, 20_000, seed=11))

    share_with_a_winner = (ratios >= -math.log(ALPHA)).any(axis=1).mean()

    assert share_with_a_winner <= ALPHA


def test_an_ordinary_test_looked_at_as_often_finds_a_winner_in_half_of_the_runs() -> None:
    """What the sequential test is for: the same looks at the usual p < 0.05."""
    n_c, s_c, n_t, s_t = _looks((0.05, 0.05), 0.5, 1000, 20_000, seed=11)
    pooled = (s_c + s_t) / (n_c + n_t)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (s_t / n_t - s_c / n_c) / np.sqrt(pooled * (1 - pooled) * (1 / n_c + 1 / n_t))

    assert (np.abs(z) > 1.96).any(axis=1).mean() > 0.35


def test_the_interval_covers_the_difference_at_all_looks_together() -> None:
    n_c, s_c, n_t, s_t = _looks((0.10, 0.12), 0.5, 300, 10_000, seed=5)
    missed = 0
    for run in range(300):
        for look in range(0, 100, 3):
            result = compare_rates(
                (int(n_c[run, look]), int(s_c[run, look])),
                (int(n_t[run, look]), int(s_t[run, look])),
            )
            if not result.low <= 0.02 <= result.high:
                missed += 1
                break

    assert missed <= ALPHA * 300


@pytest.mark.parametrize(
    ("rates", "typical"), [((0.05, 0.075), 3_900), ((0.05, 0.06), 15_900), ((0.10, 0.11), 28_000)]
)
def test_a_real_difference_is_found_after_the_users_that_are_told(
    rates: tuple[float, float], typical: int
) -> None:
    n_users = 4 * typical // STEP * STEP
    hits = _log_ratios(_looks(rates, 0.5, 600, n_users, seed=2)) >= -math.log(ALPHA)
    firsts = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, np.inf) * STEP

    assert hits.any(axis=1).mean() > 0.95
    assert np.median(firsts) == pytest.approx(typical, rel=0.12)
    assert f"{typical:,}" in str(sequential.__doc__)


def test_the_winner_is_the_side_with_the_higher_rate() -> None:
    assert compare_rates((5000, 250), (5000, 500)).winner == "treatment"
    assert compare_rates((5000, 500), (5000, 250)).winner == "control"
    assert compare_rates((5000, 250), (5000, 255)).winner is None


def test_swapping_the_sides_mirrors_the_result() -> None:
    one, other = compare_rates((900, 80), (4000, 500)), compare_rates((4000, 500), (900, 80))

    assert one.difference == pytest.approx(-(other.difference or 0))
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.p_value == pytest.approx(other.p_value)


def test_the_interval_leaves_zero_out_exactly_where_there_is_a_winner() -> None:
    for converted in range(260, 420):
        result = compare_rates((5000, 300), (5000, converted))
        assert (result.winner is not None) == (not result.low <= 0 <= result.high)


@pytest.mark.parametrize(
    ("control", "treatment"),
    [((0, 0), (0, 0)), ((0, 0), (10, 3)), ((100, 0), (100, 24)), ((100, 100), (100, 50))],
)
def test_nothing_is_said_of_a_handful(control: tuple[int, int], treatment: tuple[int, int]) -> None:
    result = compare_rates(control, treatment)

    assert (result.low, result.high, result.p_value, result.winner) == (-1.0, 1.0, 1.0, None)
    assert (result.difference is None) == (control[0] == 0)


@pytest.mark.parametrize("counts", [(10, 11), (10, -1), (-1, -1)])
def test_counts_that_cannot_be_are_refused(counts: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot have converted"):
        compare_rates(counts, (10, 1))
    with pytest.raises(ValueError, match="alpha must be above 0 and below 1"):
        compare_rates((10, 1), (10, 1), alpha=0)
