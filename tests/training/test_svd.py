"""The explicit SVD: learns, repeats to the byte, and folds users in as it trained them."""

import numpy as np
import pytest
from msgspec.structs import replace

from selera.contracts.errors import ConfigError
from selera.contracts.histories import Histories
from selera.contracts.interactions import RatingScale
from selera.training.svd import SvdConfig, damp, fit_svd

SCALE = RatingScale(1, 5)
N_USERS, N_ITEMS = 120, 80


def ratings(n: int = 4000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Stars from biases and two hidden factors, with a little noise; distinct pairs."""
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(N_USERS * N_ITEMS)[:n]
    users, items = (pairs // N_ITEMS).astype(np.int32), (pairs % N_ITEMS).astype(np.int32)
    p, q = rng.normal(0, 0.8, (N_USERS, 2)), rng.normal(0, 0.8, (N_ITEMS, 2))
    biases = rng.normal(0, 0.3, N_USERS)[users] + rng.normal(0, 0.3, N_ITEMS)[items]
    stars = 3 + biases + (p[users] * q[items]).sum(axis=1) + rng.normal(0, 0.1, n)
    return users, items, np.clip(stars, 1, 5).astype(np.float32)


def rmse(predicted: np.ndarray, actual: np.ndarray) -> float:
    return float(np.sqrt(np.mean((predicted - actual) ** 2)))


CONFIG = SvdConfig(n_factors=8, n_epochs=60, learning_rate=0.02, regularization=0.02)


def test_it_learns_what_made_the_ratings() -> None:
    users, items, stars = ratings()
    train, test = slice(0, 3400), slice(3400, None)
    factors = fit_svd(
        users[train], items[train], stars[train], N_USERS, N_ITEMS, CONFIG, scale=SCALE, seed=1
    )
    error = rmse(factors.predict(users[test], items[test]), stars[test])
    mean_error = rmse(np.full(600, stars[train].mean()), stars[test])
    assert error < 0.45 * mean_error


@pytest.mark.parametrize("n", [4000, 9000])
def test_any_number_of_threads_gives_the_same_bytes(n: int, monkeypatch) -> None:
    monkeypatch.setattr("selera.training.svd._MANY_RATINGS", 5000)  # both numbers of groups
    users, items, stars = ratings(n)
    results = [
        fit_svd(
            users, items, stars, N_USERS, N_ITEMS, CONFIG, scale=SCALE, seed=7, n_threads=n_threads
        )
        for n_threads in (1, 2, 5, None)
    ]
    for other in results[1:]:
        assert other.user_factors.tobytes() == results[0].user_factors.tobytes()
        assert other.item_factors.tobytes() == results[0].item_factors.tobytes()
        assert other.item_bias.tobytes() == results[0].item_bias.tobytes()


def test_another_seed_gives_another_model() -> None:
    users, items, stars = ratings()
    one, two = (
        fit_svd(users, items, stars, N_USERS, N_ITEMS, CONFIG, scale=SCALE, seed=seed)
        for seed in (1, 2)
    )
    assert not np.array_equal(one.item_factors, two.item_factors)


def test_every_rating_is_visited_once_an_epoch() -> None:
    users, items, stars = ratings(1000)
    frozen = SvdConfig(
        n_factors=1, n_epochs=1, learning_rate=1e-6, regularization=0.0, init_std=0.0
    )
    factors = fit_svd(users, items, stars, N_USERS, N_ITEMS, frozen, scale=SCALE, seed=0)
    expected = np.bincount(users, weights=stars - stars.mean(), minlength=N_USERS)
    np.testing.assert_allclose(factors.user_bias / 1e-6, expected, rtol=1e-3, atol=1e-3)


def test_damping_holds_back_those_with_few_ratings() -> None:
    """Two users one star above the mean of their items: one rates once, the other 80 times."""
    users = np.array([0] * 80 + [1] + [2, 3] * 80, np.int32)
    items = np.array([*range(80), 7, *np.repeat(np.arange(80), 2)], np.int32)
    stars = np.array([4.0] * 81 + [2.0, 3.0] * 80, np.float32)
    config = SvdConfig(n_factors=1, n_epochs=200, regularization=0.0, init_std=0.0)
    free, damped = (
        fit_svd(users, items, stars, 4, 80, replace(config, damping=damping), scale=SCALE, seed=0)
        for damping in (0.0, 4.0)
    )
    kept = damped.user_bias / free.user_bias
    assert kept[1] < 0.4
    assert kept[0] > 0.9


def test_damping_multiplies_everything_after_each_epoch() -> None:
    config = SvdConfig(learning_rate=0.1, damping=2.0)
    state = [np.full(3, 5, np.float32), np.full((2, 4), -1, np.float32)]
    damp(config, *state)
    np.testing.assert_allclose(state[0], 5 * np.exp(-0.2), rtol=1e-6)
    np.testing.assert_allclose(state[1], -np.exp(-0.2), rtol=1e-6)


def test_a_folded_in_user_is_predicted_like_a_trained_one() -> None:
    users, items, stars = ratings()
    train, test = slice(0, 3400), slice(3400, None)
    factors = fit_svd(
        users[train], items[train], stars[train], N_USERS, N_ITEMS, CONFIG, scale=SCALE, seed=1
    )
    model = factors.rater()
    folded = []
    for user, item in zip(users[test], items[test], strict=True):
        own = np.flatnonzero(users[train] == user)
        history = Histories.plain(np.array([0, len(own)]), items[own], ratings=stars[own])
        folded.append(model.predict(history, np.array([item], np.int32))[0, 0])
    trained = factors.predict(users[test], items[test])
    assert rmse(np.array(folded), stars[test]) < 1.1 * rmse(trained, stars[test])
    assert np.corrcoef(folded, trained)[0, 1] > 0.95


def test_another_scale_gives_the_same_stars_in_its_own_measure() -> None:
    users, items, stars = ratings()
    hundred = RatingScale(0, 100)
    five = fit_svd(users, items, stars, N_USERS, N_ITEMS, CONFIG, scale=SCALE, seed=1)
    other = fit_svd(users, items, (stars - 1) * 25, N_USERS, N_ITEMS, CONFIG, scale=hundred, seed=1)
    expected = (five.predict(users, items) - 1) * 25
    np.testing.assert_allclose(other.predict(users, items), expected, atol=0.05)


def test_a_descent_that_diverges_says_what_to_set() -> None:
    users, items, stars = ratings()
    wild = SvdConfig(n_factors=8, n_epochs=60, learning_rate=1.0)
    with pytest.raises(ConfigError, match=r"diverged: training\.svd\.learning_rate 1 is too high"):
        fit_svd(users, items, stars, N_USERS, N_ITEMS, wild, scale=SCALE, seed=1)


def test_who_has_no_rating_has_no_factors() -> None:
    users, items, stars = ratings(300)
    kept = (users != 3) & (items != 5)
    factors = fit_svd(
        users[kept], items[kept], stars[kept], N_USERS, N_ITEMS, CONFIG, scale=SCALE, seed=1
    )
    assert not factors.user_factors[3].any()
    assert not factors.item_factors[5].any()
    assert factors.item_factors[items[kept][0]].any()
