"""The Gibbs sweep against plain NumPy."""

import numpy as np
import pytest

from selera.kernels.gibbs import gibbs_sweep

N_USERS, N_ITEMS, N_FACTORS = 5, 4, 3


def problem(seed: int) -> dict[str, np.ndarray]:
    """Two blocks: ids and two columns that overlap for users, ids for items."""
    rng = np.random.default_rng(seed)
    users = np.hstack(
        [np.eye(N_USERS), rng.random((N_USERS, 2)) * (rng.random((N_USERS, 2)) < 0.7)]
    )
    design = np.zeros((N_USERS + N_ITEMS, 7 + N_ITEMS), dtype=np.float32)
    design[:N_USERS, :7], design[N_USERS:, 7:] = users, np.eye(N_ITEMS)
    return {
        "design": design,
        "rows": np.array(
            [rng.integers(0, N_USERS, 30), N_USERS + rng.integers(0, N_ITEMS, 30)], dtype=np.int32
        ),
        "groups": np.array([0] * 5 + [1] * 2 + [2] * 4, dtype=np.int32),
        "means": rng.normal(0, 0.3, (1 + N_FACTORS, 3)),
        "precisions": rng.gamma(2.0, 1.0, (1 + N_FACTORS, 3)),
        "normals": rng.standard_normal((1 + N_FACTORS, 2, 11), dtype=np.float32),
        "weights": rng.normal(0, 0.5, (1 + N_FACTORS, 11)),
        "targets": rng.normal(0, 1.0, 30),
    }


def prediction(weights: np.ndarray, problem: dict[str, np.ndarray]) -> np.ndarray:
    """The machine by its definition: biases, and products of different blocks."""
    users, items = (problem["design"][rows] @ weights.T for rows in problem["rows"])
    return users[:, 0] + items[:, 0] + (users[:, 1:] * items[:, 1:]).sum(axis=1)


def slow_sweep(problem: dict[str, np.ndarray], noise: float) -> np.ndarray:
    """Each weight from its conditional; h is how the prediction moves with the weight."""
    weights = problem["weights"].copy()
    for line in range(len(weights)):
        for feature, group in enumerate(problem["groups"]):
            if feature == 7:
                trade(weights[line], line, problem)
            moved = weights.copy()
            moved[line, feature] += 1.0
            h = prediction(moved, problem) - prediction(weights, problem)
            rest = problem["targets"] - prediction(weights, problem) + h * weights[line, feature]
            prior = problem["precisions"][line, group]
            precision = prior + noise * h @ h
            mean = (prior * problem["means"][line, group] + noise * h @ rest) / precision
            normal = problem["normals"][line, 0, feature]
            weights[line, feature] = mean + normal / np.sqrt(precision)
    return weights


def trade(weights: np.ndarray, line: int, problem: dict[str, np.ndarray]) -> None:
    """The columns of the users against the ids: what both priors make of a shift, on a grid."""
    means, precisions = problem["means"][line], problem["precisions"][line]
    for feature in (5, 6):
        x = problem["design"][:N_USERS, feature]
        shifts = np.linspace(-9, 9, 20_001)
        ids = weights[:N_USERS, None] - x[:, None] * shifts - means[0]
        column = weights[feature] + shifts - means[1]
        energy = (precisions[0] * ids**2).sum(axis=0) / 2 + precisions[1] * column**2 / 2
        density = np.exp(energy.min() - energy)
        mean = (density @ shifts) / density.sum()
        deviation = np.sqrt(density @ (shifts - mean) ** 2 / density.sum())
        shift = mean + deviation * problem["normals"][line, 1, feature]
        weights[feature] += shift
        weights[:N_USERS] -= x * shift


def sweep(problem: dict[str, np.ndarray], noise: float) -> tuple[np.ndarray, ...]:
    """Weights, totals and residuals after the compiled sweep."""
    design = problem["design"]
    columns, rows = np.nonzero(design.T)
    weights = problem["weights"].copy()
    totals = weights @ design.T.astype(np.float64)
    residuals = (problem["targets"] - prediction(weights, problem)).astype(np.float32)
    gibbs_sweep(
        problem["rows"],
        np.array([[0, 5, 7], [7, 11, 11]]),
        np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=11))]),
        rows.astype(np.int32),
        design[rows, columns],
        problem["groups"],
        problem["means"],
        problem["precisions"],
        noise,
        problem["normals"],
        weights,
        totals,
        residuals,
    )
    return weights, totals, residuals


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_sweep_draws_each_weight_from_its_conditional(seed: int) -> None:
    given = problem(seed)
    weights, totals, residuals = sweep(given, 1.7)
    np.testing.assert_allclose(weights, slow_sweep(given, 1.7), atol=1e-5)
    np.testing.assert_allclose(totals, weights @ given["design"].T, atol=1e-5)
    np.testing.assert_allclose(residuals, given["targets"] - prediction(weights, given), atol=1e-5)


def test_a_feature_of_which_nothing_is_known_follows_its_prior() -> None:
    given = problem(3)
    given["rows"] = np.maximum(given["rows"], np.array([[1], [N_USERS + 1]])).astype(np.int32)
    weights, _, _ = sweep(given, 1.0)
    prior = given["means"][:, 2] + given["normals"][:, 0, 7] / np.sqrt(given["precisions"][:, 2])
    np.testing.assert_allclose(weights[:, 7], prior, atol=1e-12)
