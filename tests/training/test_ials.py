"""Implicit ALS against its objective, written out densely."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec.structs import replace as changed

from selera.contracts.histories import Histories
from selera.contracts.interactions import RatingScale
from selera.training.ials import IalsConfig, IalsFactors, fit_ials

N_USERS, N_ITEMS = 50, 24
SCALE = RatingScale(1, 5)
EXACT = IalsConfig(n_factors=5, n_epochs=4, unobserved_weight=0.1, n_cg_steps=40)


def histories() -> Histories:
    """Two tastes, some low ratings; user 6 has nothing, nobody has item 9."""
    rng = np.random.default_rng(8)
    same = np.equal.outer(np.arange(N_USERS) % 2, np.arange(N_ITEMS) % 2)
    held = rng.random((N_USERS, N_ITEMS)) < np.where(same, 0.5, 0.1)
    held[6], held[:, 9] = False, False
    users, items = np.nonzero(held)
    low = ~same[users, items] & (rng.random(len(users)) < 0.6)
    return Histories.plain(
        indptr=np.concatenate([[0], np.cumsum(held.sum(axis=1))]).astype(np.int64),
        items=items.astype(np.int32),
        weights=np.where(low, 0, rng.uniform(0.5, 3, len(users))).astype(np.float32),
        ratings=np.where(low, 1, np.nan).astype(np.float32),
    )


def dense(config: IalsConfig) -> tuple[np.ndarray, np.ndarray]:
    """c and p of all pairs, float64 (N_USERS, N_ITEMS)."""
    given = histories()
    confidences, targets = np.zeros((2, N_USERS, N_ITEMS))
    liked = given.weights > 0
    confidences[given.rows, given.items] = np.where(
        liked, 1 + config.alpha * given.weights, config.low_rating_confidence
    )
    targets[given.rows, given.items] = liked
    return confidences, targets


def penalties(config: IalsConfig, axis: int) -> np.ndarray:
    confidences, _ = dense(config)
    sizes = confidences.sum(axis=axis) + config.unobserved_weight * confidences.shape[axis]
    return config.regularization * sizes**config.regularization_exponent


def objective(factors: IalsFactors, config: IalsConfig) -> float:
    confidences, targets = dense(config)
    users, items = (
        each.astype(np.float64) for each in (factors.user_factors, factors.item_factors)
    )
    predicted = users @ items.T
    return float(
        (confidences * (predicted - targets) ** 2).sum()
        + config.unobserved_weight * (predicted**2).sum()
        + (penalties(config, 1) * (users**2).sum(axis=1)).sum()
        + (penalties(config, 0) * (items**2).sum(axis=1)).sum()
    )


def dense_users(items: np.ndarray, config: IalsConfig) -> np.ndarray:
    """The closed form of every user for given item factors."""
    confidences, targets = dense(config)
    held = penalties(config, 1)
    items = items.astype(np.float64)
    return np.array(
        [
            np.linalg.solve(
                (items.T * (c + config.unobserved_weight)) @ items
                + penalty * np.eye(items.shape[1]),
                items.T @ (c * p),
            )
            for c, p, penalty in zip(confidences, targets, held, strict=True)
        ]
    )


def fit(config: IalsConfig, *, seed: int = 0, n_threads: int = 1) -> IalsFactors:
    return fit_ials(histories(), N_ITEMS, config, seed=seed, scale=SCALE, n_threads=n_threads)


@pytest.mark.parametrize("exponent", [1.0, 0.5, 0.0])
def test_the_users_are_the_closed_form_for_the_items(exponent: float) -> None:
    config = changed(EXACT, regularization_exponent=exponent)
    factors = fit(config)
    expected = dense_users(factors.item_factors, config)
    np.testing.assert_allclose(factors.user_factors, expected, atol=1e-4)


def test_a_folded_in_user_is_the_user_of_the_training() -> None:
    factors = fit(EXACT)
    folded = factors.ranker().fold_in(histories())
    np.testing.assert_allclose(folded, factors.user_factors, atol=1e-4)


def test_the_axes_are_those_of_the_items_gramian() -> None:
    factors = fit(EXACT)
    items = factors.item_factors.astype(np.float64)
    np.testing.assert_allclose(items.T @ items, np.diag(factors.energies), atol=1e-4)


@pytest.mark.parametrize("solver", ["cg", "block"])
def test_the_objective_falls_every_epoch(solver: str) -> None:
    config = IalsConfig(n_factors=6, n_epochs=8, n_cg_steps=1, solver=solver, block_size=2)
    values: list[float] = []
    fit_ials(
        histories(),
        N_ITEMS,
        config,
        seed=1,
        scale=SCALE,
        watch=lambda factors: values.append(objective(factors, config)),
    )
    assert len(values) == 8
    assert np.all(np.diff(values) < 0)


def test_both_solvers_end_at_the_same_optimum() -> None:
    config = changed(EXACT, n_factors=3, n_epochs=150, regularization=0.05, n_cg_steps=3)
    descended = fit(config)
    swept = fit(changed(config, solver="block", block_size=2))
    values = objective(descended, config), objective(swept, config)
    assert values[0] == pytest.approx(values[1], rel=1e-5)
    np.testing.assert_allclose(
        descended.user_factors @ descended.item_factors.T,
        swept.user_factors @ swept.item_factors.T,
        atol=5e-3,
    )


@pytest.mark.parametrize("solver", ["cg", "block"])
def test_any_number_of_threads_makes_the_same_bytes(solver: str) -> None:
    rng = np.random.default_rng(2)
    rows = np.sort(rng.integers(0, 3000 * 900, 40_000))
    rows = np.unique(rows)
    users, items = np.divmod(rows, 900)
    many = Histories.plain(
        np.concatenate([[0], np.cumsum(np.bincount(users, minlength=3000))]),
        items.astype(np.int32),
    )
    config = IalsConfig(n_factors=9, n_epochs=2, solver=solver)
    one, *others = (fit_ials(many, 900, config, seed=3, n_threads=n) for n in (1, 2, 3))
    for other in others:
        assert one.user_factors.tobytes() == other.user_factors.tobytes()
        assert one.item_factors.tobytes() == other.item_factors.tobytes()
        assert one.energies.tobytes() == other.energies.tobytes()


def test_who_has_nothing_has_no_factors() -> None:
    factors = fit(EXACT)
    assert not factors.user_factors[6].any()
    assert not factors.item_factors[9].any()


def test_low_ratings_push_their_scores_down() -> None:
    given = histories()
    low = given.weights == 0
    strong = fit(changed(EXACT, low_rating_confidence=20.0))
    weak = fit(changed(EXACT, low_rating_confidence=0.0))
    scores = [
        np.einsum("nf,nf->n", each.user_factors[given.rows], each.item_factors[given.items])
        for each in (strong, weak)
    ]
    assert np.abs(scores[0][low]).mean() < 0.5 * np.abs(scores[1][low]).mean()


def test_an_item_folded_in_is_the_item_of_a_half_step() -> None:
    """Items of the training, taken for later ones, against their closed form."""
    factors, given = fit(EXACT), histories()
    confidences, targets = dense(EXACT)
    held = penalties(EXACT, 0)
    users = factors.user_factors.astype(np.float64)
    folded = factors.fold_in_items(given, N_ITEMS)
    for item in range(N_ITEMS):
        c, p = confidences[:, item], targets[:, item]
        normal = (users.T * (c + EXACT.unobserved_weight)) @ users + held[item] * np.eye(5)
        expected = np.linalg.solve(normal, users.T @ (c * p))
        np.testing.assert_allclose(folded[item], expected, atol=1e-4)


def test_the_order_of_equal_histories_and_a_plain_weight_do_not_matter() -> None:
    """Weights of 1 make a constant confidence, whatever alpha: only its size enters."""
    given = replace(histories(), weights=np.ones(len(histories().items), np.float32))
    config = changed(EXACT, alpha=0.0, unobserved_weight=0.1, regularization=0.01)
    doubled = changed(config, alpha=1.0, unobserved_weight=0.2)
    one, other = (fit_ials(given, N_ITEMS, each, seed=0) for each in (config, doubled))
    np.testing.assert_allclose(
        one.user_factors @ one.item_factors.T, other.user_factors @ other.item_factors.T, atol=1e-3
    )


def test_progress_hears_of_every_epoch() -> None:
    heard: list[tuple[str, int, int | None]] = []
    fit_ials(
        histories(),
        N_ITEMS,
        EXACT,
        seed=0,
        progress=lambda stage, done, total: heard.append((stage, done, total)),
    )
    assert heard == [("implicit als", epoch, 4) for epoch in range(1, 5)]
