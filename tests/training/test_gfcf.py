"""GF-CF, its polynomial, and Turbo-CF against their formulas, written densely."""

import numpy as np
import pytest

from selera.models.spectral import SpectralFilterModel
from selera.training.gfcf import GfcfConfig, fit_gfcf
from selera.training.products import scipy_of
from selera.training.turbocf import TurboCfConfig, fit_turbocf
from tests.training.test_item_graphs import N_ITEMS, histories, power, weights

N_FACTORS = 4
POLYNOMIAL = GfcfConfig(
    n_factors=N_FACTORS, low_pass=0.2, second_order=-1.05, third_order=0.4, output_exponent=0.26
)


def normalized(x: np.ndarray) -> np.ndarray:
    users, items = x.sum(axis=1), x.sum(axis=0)
    return power(users, -0.5)[:, None] * x * power(items, -0.5)


def dense_gfcf(c: GfcfConfig) -> np.ndarray:
    x = weights().astype(np.float64)
    items = x.sum(axis=0)
    _, values, right = np.linalg.svd(normalized(x), full_matrices=False)
    v, s = right[:N_FACTORS].T, values[:N_FACTORS]
    graph = normalized(x).T @ normalized(x)
    graph += c.second_order * (v * s**4) @ v.T + c.third_order * (v * s**6) @ v.T
    graph += c.low_pass * power(items, -0.5)[:, None] * (v @ v.T) * power(items, 0.5)
    return x @ graph * power(items, c.output_exponent)


@pytest.mark.parametrize("config", [GfcfConfig(n_factors=N_FACTORS), POLYNOMIAL])
def test_gfcf_is_the_formula(config: GfcfConfig) -> None:
    model = fit_gfcf(histories(weights()), N_ITEMS, config, seed=0)
    np.testing.assert_allclose(
        model.score(histories(weights())), dense_gfcf(config), rtol=1e-3, atol=1e-4
    )


def test_the_higher_powers_come_near_the_true_ones() -> None:
    """With all factors the powers of low rank are the powers."""
    x = weights().astype(np.float64)
    graph = normalized(x).T @ normalized(x)
    config = GfcfConfig(n_factors=N_ITEMS, low_pass=0.0, second_order=-0.9, third_order=0.3)
    model = fit_gfcf(histories(weights()), N_ITEMS, config, seed=0)
    expected = x @ (graph - 0.9 * graph @ graph + 0.3 * graph @ graph @ graph)
    np.testing.assert_allclose(model.score(histories(weights())), expected, rtol=1e-3, atol=1e-4)


def test_without_low_pass_and_powers_there_are_no_factors() -> None:
    model = fit_gfcf(histories(weights()), N_ITEMS, GfcfConfig(low_pass=0.0), seed=0)
    assert model.query_factors.shape == (N_ITEMS, 0)
    x = weights().astype(np.float64)
    expected = x @ normalized(x).T @ normalized(x)
    np.testing.assert_allclose(model.score(histories(weights())), expected, rtol=1e-4, atol=1e-6)


def test_neighbors_cut_the_edges_and_not_the_factors() -> None:
    config = GfcfConfig(n_factors=N_FACTORS, n_neighbors=3)
    model = fit_gfcf(histories(weights()), N_ITEMS, config, seed=0)
    assert np.diff(model.edges.indptr).max() == 3
    assert model.query_factors.shape == (N_ITEMS, N_FACTORS)


def test_the_parts_of_an_explanation_sum_to_the_score() -> None:
    model = fit_gfcf(histories(weights()), N_ITEMS, POLYNOMIAL, seed=0)
    history = histories(weights()).take(5, 6)
    scores = model.score(history)[0]
    for item in range(N_ITEMS):
        assert model.explain(history, item).score == pytest.approx(float(scores[item]), abs=1e-5)


def test_similar_items_are_what_an_item_alone_speaks_for() -> None:
    model = fit_gfcf(histories(weights()), N_ITEMS, POLYNOMIAL, seed=0)
    affinities = scipy_of(model.edges).toarray() + model.query_factors @ model.item_factors.T
    affinities[np.arange(N_ITEMS), np.arange(N_ITEMS)] = -np.inf
    similar = model.similar(np.arange(N_ITEMS, dtype=np.int32), 3)
    np.testing.assert_array_equal(similar.items[0], np.argsort(-affinities[0])[:3])


@pytest.mark.parametrize("n_threads", [2, 5])
def test_any_number_of_threads_gives_the_same_bytes(n_threads: int) -> None:
    one, other = (
        fit_gfcf(histories(weights()), N_ITEMS, POLYNOMIAL, seed=0, n_threads=n).to_arrays()
        for n in (1, n_threads)
    )
    assert {name: array.tobytes() for name, array in one.items()} == {
        name: array.tobytes() for name, array in other.items()
    }


def test_a_model_of_its_arrays_is_the_same() -> None:
    model = fit_gfcf(histories(weights()), N_ITEMS, POLYNOMIAL, seed=0)
    again = SpectralFilterModel.from_arrays(model.to_arrays())
    one, other = (each.score(histories(weights())) for each in (model, again))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_turbocf_is_the_formula(degree: int) -> None:
    config = TurboCfConfig(user_damping=0.6, edge_exponent=0.7, degree=degree, n_neighbors=0)
    x = weights().astype(np.float64)
    damped = power(x.sum(axis=1), -0.6)[:, None] * x * power(x.sum(axis=0), -0.4)
    p = power(damped.T @ damped, 0.7)
    filters = {1: p, 2: 2 * p - p @ p, 3: p + 0.01 * (-p @ p @ p + 10 * p @ p - 29 * p)}
    model = fit_turbocf(histories(weights()), N_ITEMS, config)
    np.testing.assert_allclose(
        scipy_of(model.edges).toarray(), filters[degree], rtol=1e-4, atol=1e-5
    )


def test_turbocf_keeps_the_largest_edges() -> None:
    model = fit_turbocf(histories(weights()), N_ITEMS, TurboCfConfig(n_neighbors=3, degree=3))
    assert np.diff(model.edges.indptr).max() == 3
