"""RP3beta and item-kNN against their formulas, written densely."""

import numpy as np
import pytest

from selera.contracts.histories import Histories
from selera.training.itemknn import ItemKnnConfig, fit_itemknn
from selera.training.products import scipy_of
from selera.training.rp3beta import Rp3BetaConfig, fit_rp3beta

N_USERS, N_ITEMS = 30, 12


def weights() -> np.ndarray:
    """Users x items; nobody has item 7, user 3 has nothing."""
    rng = np.random.default_rng(5)
    matrix = np.where(rng.random((N_USERS, N_ITEMS)) < 0.35, rng.gamma(2, 1, (N_USERS, N_ITEMS)), 0)
    matrix[:, 7] = 0
    matrix[3] = 0
    return matrix.astype(np.float32)


def histories(held: np.ndarray, purchases: np.ndarray | None = None) -> Histories:
    rows, items = np.nonzero(held)
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(held)))])
    plain = Histories.plain(indptr, items.astype(np.int32), weights=held[rows, items])
    if purchases is None:
        return plain
    columns = {name: getattr(plain, name) for name in ("weights", "ratings", "ages", "kinds")}
    return Histories(
        indptr=indptr,
        items=plain.items,
        purchases=purchases[rows, items].astype(np.float32),
        **columns,
    )


def power(values: np.ndarray, exponent: float) -> np.ndarray:
    return np.where(values > 0, np.maximum(values, 1e-30) ** exponent, 0)


def transitions(matrix: np.ndarray, axis: int, alpha: float) -> np.ndarray:
    totals = matrix.sum(axis=axis, keepdims=True)
    return power(matrix / np.where(totals > 0, totals, 1), alpha)


def dense_rp3beta(x: np.ndarray, y: np.ndarray, popularity: np.ndarray, c: Rp3BetaConfig):
    edges = transitions(x, 0, c.alpha).T @ y * power(popularity, -c.beta)
    edges[np.arange(N_ITEMS), np.arange(N_ITEMS)] *= c.self_weight
    for row in edges:
        row[np.argsort(-row, kind="stable")[c.n_neighbors :]] = 0
        row /= max(row.sum(), 1e-30)
    return edges


@pytest.mark.parametrize("self_weight", [0.0, 0.25])
def test_rp3beta_is_the_formula(self_weight: float) -> None:
    config = Rp3BetaConfig(n_neighbors=5, alpha=0.6, beta=0.3, self_weight=self_weight)
    x = weights().astype(np.float64)
    model = fit_rp3beta(histories(weights()), N_ITEMS, config)
    expected = dense_rp3beta(x, transitions(x, 1, config.alpha), x.sum(axis=0), config)
    np.testing.assert_allclose(scipy_of(model.edges).toarray(), expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(
        model.score(histories(weights())), x @ expected, rtol=1e-3, atol=1e-6
    )


def test_rp3beta_leads_from_all_evidence_to_purchases() -> None:
    config = Rp3BetaConfig(n_neighbors=5, alpha=0.6, beta=0.3, target_visit_share=0.2)
    x = weights().astype(np.float64)
    bought = np.where(np.random.default_rng(1).random(x.shape) < 0.4, (x > 0) * 1.0, 0)
    y = 0.2 * transitions(x, 1, 0.6) + 0.8 * transitions(bought, 1, 0.6)
    popularity = 0.2 * x.sum(axis=0) + 0.8 * bought.sum(axis=0)
    model = fit_rp3beta(histories(weights(), bought), N_ITEMS, config)
    expected = dense_rp3beta(x, y, popularity, config)
    np.testing.assert_allclose(scipy_of(model.edges).toarray(), expected, rtol=1e-4, atol=1e-7)


def test_visits_lead_to_what_their_users_bought_and_not_back() -> None:
    """Everybody looks at 0 and buys 1; both saw 2, which nobody bought."""
    held = np.ones((4, 3), np.float32)
    bought = np.zeros((4, 3))
    bought[:, 1] = 1
    for fit, config in (
        (fit_rp3beta, Rp3BetaConfig(target_visit_share=0.0, self_weight=0.0)),
        (fit_itemknn, ItemKnnConfig(target_visit_share=0.0, self_weight=0.0)),
    ):
        edges = scipy_of(fit(histories(held, bought), 3, config).edges).toarray()
        assert (edges > 0).tolist() == [[False, True, False], [False] * 3, [False, True, False]]
    mixed = fit_rp3beta(histories(held, bought), 3, Rp3BetaConfig(target_visit_share=0.3))
    edges = scipy_of(mixed.edges).toarray()
    assert edges[0, 1] > edges[0, 2] > 0
    assert edges[1, 0] > 0


def test_where_nobody_bought_anything_the_share_changes_nothing() -> None:
    for fit, config in ((fit_rp3beta, Rp3BetaConfig), (fit_itemknn, ItemKnnConfig)):
        one, other = (
            fit(histories(weights()), N_ITEMS, config(target_visit_share=share)).edges
            for share in (0.0, 1.0)
        )
        np.testing.assert_array_equal(scipy_of(one).toarray(), scipy_of(other).toarray())


def test_itemknn_is_the_formula() -> None:
    config = ItemKnnConfig(
        n_neighbors=4,
        source_damping=0.7,
        target_damping=0.3,
        user_damping=0.6,
        shrinkage=2.0,
        self_weight=0.0,
    )
    x = weights().astype(np.float64)
    items, users = (x**2).sum(axis=0), (x**2).sum(axis=1)
    edges = power(items, -0.7)[:, None] * power(items, -0.3) * (x.T * power(users, -0.6) @ x)
    common = (x > 0).T.astype(float) @ (x > 0)
    edges *= common / (common + 2.0)
    np.fill_diagonal(edges, 0)
    for row in edges:
        row[np.argsort(-row, kind="stable")[4:]] = 0
    model = fit_itemknn(histories(weights()), N_ITEMS, config)
    np.testing.assert_allclose(scipy_of(model.edges).toarray(), edges, rtol=1e-4, atol=1e-7)


def test_a_damping_of_one_half_is_the_cosine() -> None:
    config = ItemKnnConfig(n_neighbors=100, user_damping=0.0, shrinkage=0.0, self_weight=0.0)
    x = weights().astype(np.float64)
    lengths = np.where(x.any(axis=0), np.linalg.norm(x, axis=0), 1)
    cosines = (x / lengths).T @ (x / lengths)
    np.fill_diagonal(cosines, 0)
    edges = scipy_of(fit_itemknn(histories(weights()), N_ITEMS, config).edges).toarray()
    np.testing.assert_allclose(edges, cosines, rtol=1e-4, atol=1e-7)


def test_an_item_without_evidence_has_no_edges() -> None:
    for fit, config in ((fit_rp3beta, Rp3BetaConfig()), (fit_itemknn, ItemKnnConfig())):
        edges = scipy_of(fit(histories(weights()), N_ITEMS, config).edges).toarray()
        assert not edges[7].any()
        assert not edges[:, 7].any()
