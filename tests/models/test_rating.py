"""The rating model: gradient flow against small explicit steps, and the laws that follow from it.

The scale is 0..4, as wide as the one on which the model computes, so that numbers stay by hand.
"""

from dataclasses import replace

import numpy as np
import pytest

from selera.contracts.histories import Histories
from selera.contracts.interactions import RatingScale
from selera.models import RatingModel

SCALE = RatingScale(0, 4)
N_ITEMS, N_FACTORS = 12, 3
ALL_ITEMS = np.arange(N_ITEMS, dtype=np.int32)
MEAN = 2.0
STARS = np.array([1, 3, 2.5, 1.5, 3, 2, 1, 2.5, 3, 2, 1.5, 2.25], np.float32)
NAN = float("nan")


def model(
    *,
    learning_rate: float = 0.01,
    n_epochs: int = 40,
    regularization: float = 0.08,
    damping: float = 0.0,
    scale: RatingScale = SCALE,
    factors: np.ndarray | None = None,
    item_bias: np.ndarray | None = None,
) -> RatingModel:
    rng = np.random.default_rng(5)
    drawn_bias = rng.normal(0, 0.2, N_ITEMS).astype(np.float32)
    drawn_factors = rng.normal(0, 0.6, (N_ITEMS, N_FACTORS)).astype(np.float32)
    return RatingModel(
        mean=MEAN,
        item_bias=drawn_bias if item_bias is None else item_bias,
        item_factors=drawn_factors if factors is None else factors,
        learning_rate=learning_rate,
        regularization=regularization,
        damping=damping,
        n_epochs=n_epochs,
        scale=scale,
    )


def histories(*users: dict[int, float]) -> Histories:
    """One history per dict of item -> stars, NaN for an item that was seen but not rated."""
    items = [item for user in users for item in sorted(user)]
    stars = [user[item] for user in users for item in sorted(user)]
    return Histories.plain(
        indptr=np.cumsum([0, *map(len, users)]).astype(np.int64),
        items=np.array(items, np.int32),
        weights=np.ones(len(items), np.float32),
        ratings=np.array(stars, np.float32),
    )


def rated(n: int) -> dict[int, float]:
    return {item: float(STARS[item]) for item in range(n)}


def by_small_steps(rater: RatingModel, user: dict[int, float], n_steps: int = 20_000) -> np.ndarray:
    """Predicted stars of all items from explicit Euler steps down the gradient of the objective."""
    bias, factors = 0.0, np.zeros(rater.item_factors.shape[1])
    items = np.array(sorted(user))
    stars = np.array([user[item] for item in sorted(user)])
    rows = rater.item_factors[items].astype(np.float64)
    known = stars - rater.mean - rater.item_bias[items]
    step = rater.learning_rate * rater.n_epochs / n_steps
    penalty = len(items) * rater.regularization + rater.damping
    for _ in range(n_steps):
        errors = known - bias - rows @ factors
        bias, factors = (
            bias + step * (errors.sum() - penalty * bias),
            factors + step * (errors @ rows - penalty * factors),
        )
    return rater.mean + rater.item_bias + bias + rater.item_factors @ factors


@pytest.mark.parametrize("damping", [0.0, 2.0])
@pytest.mark.parametrize("n_ratings", [1, 2, 3, 4, 5, 10])
def test_a_user_flows_down_the_gradient_of_the_stated_objective(
    n_ratings: int, damping: float
) -> None:
    rater, user = model(damping=damping), rated(n_ratings)
    expected = by_small_steps(rater, user)
    assert 0 < expected.min() < expected.max() < 4  # clipping would hide a difference
    np.testing.assert_allclose(
        rater.predict(histories(user), ALL_ITEMS)[0], expected, rtol=0, atol=1e-4
    )


@pytest.mark.parametrize("n_ratings", [3, 10])
def test_the_time_is_the_learning_rate_times_the_number_of_epochs(n_ratings: int) -> None:
    user = histories(rated(n_ratings))
    slow = model(learning_rate=0.005, n_epochs=80).predict(user, ALL_ITEMS)
    fast = model(learning_rate=0.02, n_epochs=20).predict(user, ALL_ITEMS)
    np.testing.assert_allclose(slow, fast, atol=1e-6)


@pytest.mark.parametrize("n_ratings", [2, 9])
def test_endless_time_gives_the_ridge_solution_and_a_short_one_stops_early(n_ratings: int) -> None:
    endless, short = model(n_epochs=1_000_000), model(n_epochs=20)
    user = rated(n_ratings)
    rows = np.hstack([np.ones((n_ratings, 1)), endless.item_factors[:n_ratings]])
    targets = STARS[:n_ratings] - MEAN - endless.item_bias[:n_ratings]
    gram = rows.T @ rows + n_ratings * 0.08 * np.eye(1 + N_FACTORS)
    ridge = np.linalg.solve(gram, rows.T @ targets)
    expected = MEAN + endless.item_bias + ridge[0] + endless.item_factors @ ridge[1:]
    np.testing.assert_allclose(
        endless.predict(histories(user), ALL_ITEMS)[0], np.clip(expected, 0, 4), atol=1e-4
    )
    moved = short.predict(histories(user), ALL_ITEMS)[0] - MEAN - short.item_bias
    whole = endless.predict(histories(user), ALL_ITEMS)[0] - MEAN - endless.item_bias
    assert 0 < np.linalg.norm(moved) < 0.7 * np.linalg.norm(whole)


def test_one_rating_and_no_factors_by_hand() -> None:
    rater = model(
        factors=np.zeros((N_ITEMS, N_FACTORS), np.float32),
        item_bias=np.full(N_ITEMS, 0.25, np.float32),
    )
    bias = (3 - MEAN - 0.25) * (1 - np.exp(-0.4 * 1.08)) / 1.08
    answer = rater.predict(histories({4: 3.0}), ALL_ITEMS)[0]
    np.testing.assert_allclose(answer, MEAN + 0.25 + bias, rtol=1e-6)


@pytest.mark.parametrize("n_ratings", [2, 6])
def test_the_penalty_grows_with_the_number_of_ratings(n_ratings: int) -> None:
    """Every rating given to two twin items moves a user as far as one of each in twice the time."""
    single = model(regularization=0.5)
    half_factors, half_bias = single.item_factors[:6], single.item_bias[:6]
    factors, item_bias = np.tile(half_factors, (2, 1)), np.tile(half_bias, 2)
    once = model(regularization=0.5, n_epochs=60, factors=factors, item_bias=item_bias)
    twice = model(regularization=0.5, n_epochs=30, factors=factors, item_bias=item_bias)
    user = rated(n_ratings)
    twins = user | {item + 6: stars for item, stars in user.items()}
    np.testing.assert_allclose(
        twice.predict(histories(twins), ALL_ITEMS),
        once.predict(histories(user), ALL_ITEMS),
        atol=1e-5,
    )


@pytest.mark.parametrize("user", [{}, {2: NAN, 7: NAN}])
def test_without_ratings_the_answer_is_the_mean_and_the_bias_of_the_item(
    user: dict[int, float],
) -> None:
    rater = model()
    answer = rater.predict(histories(user), ALL_ITEMS)
    np.testing.assert_allclose(answer[0], MEAN + rater.item_bias, rtol=1e-6)


def test_what_was_seen_but_not_rated_changes_nothing() -> None:
    rater = model()
    with_visits = rated(3) | {8: NAN, 9: NAN}
    np.testing.assert_array_equal(
        rater.predict(histories(with_visits), ALL_ITEMS),
        rater.predict(histories(rated(3)), ALL_ITEMS),
    )


def test_predictions_are_clipped_to_the_scale_and_only_there() -> None:
    item_bias = np.zeros(N_ITEMS, np.float32)
    item_bias[:3] = [9, -9, 0.5]
    answer = model(item_bias=item_bias).predict(histories({}), ALL_ITEMS)[0]
    np.testing.assert_allclose(answer[:3], [4, 0, 2.5])


def test_only_the_items_asked_for_are_answered_in_their_order() -> None:
    rater, user = model(), histories(rated(4))
    wanted = np.array([9, 0, 9, 3], np.int32)
    np.testing.assert_allclose(
        rater.predict(user, wanted)[0], rater.predict(user, ALL_ITEMS)[0][wanted], rtol=1e-6
    )


def test_a_batch_gets_what_each_of_its_users_gets_alone() -> None:
    rater = model()
    users = [rated(10), {}, {11: 1.0}, {2: NAN, 5: 3.5}, rated(3)]
    together = rater.predict(histories(*users), ALL_ITEMS)
    assert together.shape == (5, N_ITEMS)
    assert together.dtype == np.float32
    for place, user in enumerate(users):
        np.testing.assert_array_equal(together[place], rater.predict(histories(user), ALL_ITEMS)[0])
    assert len({row.tobytes() for row in together}) == 5


def with_implicit(rater: RatingModel) -> RatingModel:
    factors = np.random.default_rng(8).normal(0, 0.3, (N_ITEMS, N_FACTORS)).astype(np.float32)
    return replace(rater, implicit_factors=factors)


def test_implicit_factors_shift_a_user_before_the_ratings_do() -> None:
    """The flow starts from z_u: the same as a model whose item biases are raised by q_i . z_u."""
    rater = with_implicit(model())
    user = rated(5) | {8: NAN, 10: NAN}
    assert rater.implicit_factors is not None
    implied = rater.implicit_factors[sorted(user)].sum(axis=0) / np.sqrt(7)
    shifted = (rater.item_bias + rater.item_factors @ implied).astype(np.float32)
    plain = replace(rater, implicit_factors=None, item_bias=shifted)
    np.testing.assert_allclose(
        rater.predict(histories(user), ALL_ITEMS),
        plain.predict(histories(user), ALL_ITEMS),
        atol=1e-5,
    )


def test_a_visit_changes_the_answer_where_there_are_implicit_factors() -> None:
    rater = with_implicit(model())
    assert rater.implicit_factors is not None
    answer = rater.predict(histories({4: NAN}), ALL_ITEMS)[0]
    expected = MEAN + rater.item_bias + rater.item_factors @ rater.implicit_factors[4]
    np.testing.assert_allclose(answer, expected, rtol=1e-5)
    nobody = rater.predict(histories({}), ALL_ITEMS)[0]
    np.testing.assert_allclose(nobody, MEAN + rater.item_bias, rtol=1e-6)


@pytest.mark.parametrize("rater", [model(), with_implicit(model())], ids=["svd", "svdpp"])
def test_the_arrays_of_a_model_make_it_again(rater: RatingModel) -> None:
    again = RatingModel.from_arrays(rater.to_arrays())
    assert (again.implicit_factors is None) == (rater.implicit_factors is None)
    np.testing.assert_array_equal(
        again.predict(histories(rated(4) | {9: NAN}), ALL_ITEMS),
        rater.predict(histories(rated(4) | {9: NAN}), ALL_ITEMS),
    )
