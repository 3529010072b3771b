"""SVD++: what it learns from items without stars, and how it folds users in."""

import numpy as np
import pytest

from selera.contracts.errors import ConfigError
from selera.contracts.histories import Histories
from selera.contracts.interactions import RatingScale
from selera.training.svd import SvdConfig, SvdFactors, fit_svd
from selera.training.svdpp import SvdPpConfig, fit_svdpp

SCALE = RatingScale(1, 5)
N_USERS, N_ITEMS = 300, 60
CONFIG = SvdPpConfig(
    n_factors=8, n_epochs=40, learning_rate=0.02, regularization=0.05, init_std=0.05
)
NAN = float("nan")


def shop(n_rated: int = 5, n_visits: int = 12) -> tuple[Histories, np.ndarray]:
    """Users who visit what they like and rate a few items at random; and everybody's true stars."""
    rng = np.random.default_rng(4)
    taste = rng.normal(0, 1, (N_USERS, 2)) @ rng.normal(0, 1, (2, N_ITEMS))
    stars = np.clip(3 + taste + rng.normal(0, 0.3, taste.shape), 1, 5)
    given = np.full((N_USERS, N_ITEMS), np.nan)
    is_known = np.zeros((N_USERS, N_ITEMS), dtype=bool)
    for user in range(N_USERS):
        rated = rng.permutation(N_ITEMS)[:n_rated]
        given[user, rated] = stars[user, rated]
        is_known[user, rated] = True
        is_known[user, np.argsort(-taste[user] + rng.gumbel(0, 0.3, N_ITEMS))[:n_visits]] = True
    users, items = np.nonzero(is_known)
    indptr = np.concatenate([[0], np.cumsum(is_known.sum(axis=1))]).astype(np.int64)
    ratings = given[users, items].astype(np.float32)
    return Histories.plain(indptr, items.astype(np.int32), ratings=ratings), stars


def only_rated(histories: Histories) -> Histories:
    return histories.where(~np.isnan(histories.ratings))


def fitted(histories: Histories, config: SvdPpConfig = CONFIG, seed: int = 1) -> SvdFactors:
    return fit_svdpp(histories, N_ITEMS, config, scale=SCALE, seed=seed)


def all_pairs() -> tuple[np.ndarray, np.ndarray]:
    users, items = np.divmod(np.arange(N_USERS * N_ITEMS, dtype=np.int32), N_ITEMS)
    return users.astype(np.int32), items.astype(np.int32)


def error(predicted: np.ndarray, stars: np.ndarray) -> float:
    """RMSE over all pairs, the few rated ones among them."""
    return float(np.sqrt(np.mean((predicted.reshape(stars.shape) - stars) ** 2)))


def test_visits_help_to_predict_stars() -> None:
    histories, stars = shop()
    with_visits = fitted(histories).predict(*all_pairs())
    without = fitted(only_rated(histories)).predict(*all_pairs())
    rated = only_rated(histories)
    svd = fit_svd(
        rated.rows.astype(np.int32),
        rated.items,
        rated.ratings,
        N_USERS,
        N_ITEMS,
        SvdConfig(n_factors=8, n_epochs=40, learning_rate=0.02, regularization=0.05),
        scale=SCALE,
        seed=1,
    ).predict(*all_pairs())
    assert error(with_visits, stars) < 0.8 * error(without, stars)
    assert error(with_visits, stars) < 0.8 * error(svd, stars)


def test_a_folded_in_user_is_predicted_like_a_trained_one() -> None:
    histories, stars = shop()
    factors = fitted(histories)
    trained = factors.predict(*all_pairs()).reshape(stars.shape)
    folded = factors.rater().predict(histories, np.arange(N_ITEMS, dtype=np.int32))
    assert error(folded, stars) < 1.03 * error(trained, stars)
    assert np.corrcoef(folded.ravel(), trained.ravel())[0, 1] > 0.97


def test_users_who_were_not_in_training_are_predicted_as_well() -> None:
    histories, stars = shop()
    n_train = 250
    factors = fit_svdpp(histories.take(0, n_train), N_ITEMS, CONFIG, scale=SCALE, seed=1)
    items = np.arange(N_ITEMS, dtype=np.int32)
    old = error(factors.rater().predict(histories.take(0, 50), items), stars[:50])
    new = error(factors.rater().predict(histories.take(n_train, N_USERS), items), stars[n_train:])
    assert new < 1.15 * old


def test_the_same_seed_gives_the_same_bytes_and_another_one_others() -> None:
    histories, _ = shop()
    one, again, other = (fitted(histories, seed=seed) for seed in (7, 7, 8))
    for name in ("user_bias", "item_bias", "user_factors", "item_factors", "implicit_factors"):
        assert getattr(one, name).tobytes() == getattr(again, name).tobytes()
    assert not np.array_equal(one.implicit_factors, other.implicit_factors)


def test_who_only_visits_has_what_the_items_say_and_no_bias() -> None:
    histories, _ = shop()
    ratings = histories.ratings.copy()
    ratings[histories.entries(3)] = np.nan
    visitor = Histories.plain(histories.indptr, histories.items, ratings=ratings)
    factors = fitted(visitor)
    own = visitor.items[visitor.entries(3)]
    implied = factors.implicit_factors[own].sum(axis=0) / np.sqrt(len(own))
    assert factors.user_bias[3] == 0
    np.testing.assert_allclose(factors.user_factors[3], implied, atol=1e-5)


def test_items_that_nobody_rated_or_knows_have_no_factors() -> None:
    histories = Histories.plain(
        np.array([0, 3, 5, 6]),
        np.array([0, 1, 4, 0, 1, 5], np.int32),
        ratings=np.array([5, 2, NAN, 4, 1, NAN], np.float32),
    )
    factors = fit_svdpp(histories, 7, CONFIG, scale=SCALE, seed=0)
    implicit = factors.implicit_factors
    assert implicit is not None
    assert factors.item_factors.any(axis=1).tolist() == [True, True, *[False] * 5]
    assert implicit.any(axis=1).tolist() == [True, True, False, False, True, False, False]
    assert np.isfinite(factors.predict(*np.zeros((2, 1), np.int32))).all()


def test_a_descent_that_diverges_says_what_to_set() -> None:
    histories, _ = shop()
    with pytest.raises(ConfigError, match=r"training\.svdpp\.learning_rate 1 is too high"):
        fitted(histories, SvdPpConfig(n_factors=8, learning_rate=1.0))
