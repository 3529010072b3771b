"""Co-visits against the sum over all windows and pairs, written in loops."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray

from selera.contracts.histories import Histories
from selera.training.covisits import CovisitsConfig, _windows, fit_covisits
from selera.training.itemknn import ItemKnnConfig, fit_itemknn
from selera.training.products import scipy_of
from tests.dense import histories

N_USERS, N_ITEMS = 25, 14
PLAIN = CovisitsConfig(
    window=6, n_overlaps=3, source_damping=0.0, target_damping=0.0, user_damping=0.0
)


def shop(*, bought_share: float = 0.0, equal_ages: bool = False) -> Histories:
    """Nobody has item 7, user 3 has nothing; some weights are 0."""
    rng = np.random.default_rng(2)
    shape = N_USERS, N_ITEMS
    seen = rng.random(shape) < 0.55
    seen[:, 7], seen[3] = False, False
    weights = np.where(rng.random(shape) < 0.1, 0.0, rng.gamma(2, 1, shape)).astype(np.float32)
    ages = rng.integers(0, 4, shape) if equal_ages else rng.random(shape) * 100
    purchases = (rng.random(shape) < bought_share) * rng.gamma(2, 1, shape)
    return histories(weights, seen=seen, ages=ages, purchases=purchases)


def edges_of(
    told: Histories, config: CovisitsConfig, n_items: int = N_ITEMS
) -> NDArray[np.float32]:
    return scipy_of(fit_covisits(told, n_items, config).edges).toarray()


def windows(n: int, window: int, n_overlaps: int) -> list[range]:
    """Of a sequence of n places: each place stands in as many as any other."""
    step = max(1, window // n_overlaps)
    size = step * n_overlaps if window >= n_overlaps else window
    starts = range(-(size - step), n, step)
    return [range(max(start, 0), min(start + size, n)) for start in starts]


def power(values: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    return np.where(values > 0, np.maximum(values, 1e-30) ** exponent, 0)


def plain_edges(told: Histories, config: CovisitsConfig) -> NDArray[np.float64]:
    """S_ij of the module's docstring, before the largest are chosen."""
    x, y = told.weights.astype(np.float64), told.weights.astype(np.float64)
    if told.purchases.any():
        y = (1 - config.target_visit_share) * told.purchases + config.target_visit_share * y
    edges = np.zeros((N_ITEMS, N_ITEMS))
    of_items, of_targets = np.zeros(N_ITEMS), np.zeros(N_ITEMS)
    np.add.at(of_items, told.items, x**2)
    np.add.at(of_targets, told.items, y**2)
    for user in range(len(told)):
        own = np.arange(told.indptr[user], told.indptr[user + 1])
        own = own[np.argsort(-told.ages[own], kind="stable")]
        damping = power(np.array([(x[own] ** 2).sum()]), -config.user_damping)[0]
        for window in windows(len(own), config.window, config.n_overlaps):
            for i in own[window]:
                for j in own[window]:
                    edges[told.items[i], told.items[j]] += x[i] * y[j] * damping
    edges *= power(of_items, -config.source_damping)[:, None]
    edges *= power(of_targets, -config.target_damping)
    edges[np.diag_indices(N_ITEMS)] *= config.self_weight
    return edges


@pytest.mark.parametrize(
    ("window", "n_overlaps"), [(6, 3), (20, 5), (7, 3), (2, 5), (4, 1), (5, 5)]
)
@pytest.mark.parametrize("equal_ages", [False, True])
def test_edges_are_the_sum_over_windows(window: int, n_overlaps: int, equal_ages: bool) -> None:
    config = CovisitsConfig(
        window=window,
        n_overlaps=n_overlaps,
        source_damping=0.7,
        target_damping=0.2,
        user_damping=0.4,
        self_weight=0.3,
    )
    told = shop(bought_share=0.4, equal_ages=equal_ages)
    np.testing.assert_allclose(
        edges_of(told, config), plain_edges(told, config), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("most_at_once", [1, 37, 400, 10**6])
@pytest.mark.parametrize(
    ("window", "n_overlaps"), [(6, 3), (20, 5), (7, 3), (2, 5), (4, 1), (100, 30)]
)
@pytest.mark.parametrize("equal_ages", [False, True])
def test_windows_are_the_same_however_many_are_found_at_once(
    most_at_once: int, window: int, n_overlaps: int, equal_ages: bool
) -> None:
    told, expected = shop(equal_ages=equal_ages), []
    for user in range(len(told)):
        own = np.arange(told.indptr[user], told.indptr[user + 1])
        own = own[np.argsort(-told.ages[own], kind="stable")]
        expected += [np.sort(own[each]).tolist() for each in windows(len(own), window, n_overlaps)]
    config = structs.replace(PLAIN, window=window, n_overlaps=n_overlaps)
    indptr, entries = _windows(told, config, most_at_once)
    found = [each.tolist() for each in np.split(entries, indptr[1:-1])]
    assert found == expected


def test_only_the_nearest_neighbors_are_kept() -> None:
    config = CovisitsConfig(window=6, n_overlaps=3, n_neighbors=4)
    expected = plain_edges(shop(), config)
    for row in expected:
        row[np.argsort(-row, kind="stable")[4:]] = 0
    np.testing.assert_allclose(edges_of(shop(), config), expected, rtol=1e-4, atol=1e-7)


def walk(n: int) -> Histories:
    """One user who touched the items 0, 1, .. one after the other, a day apart."""
    ages = np.arange(n, 0, -1, dtype=np.float32)[None, :]
    return histories(np.ones((1, n), np.float32), ages=ages)


@pytest.mark.parametrize(("window", "n_overlaps"), [(6, 3), (20, 5), (7, 3), (100, 4)])
def test_each_item_stands_in_as_many_windows_as_there_are_overlaps(
    window: int, n_overlaps: int
) -> None:
    config = structs.replace(PLAIN, window=window, n_overlaps=n_overlaps, self_weight=1.0)
    assert np.diag(edges_of(walk(50), config, 50)).tolist() == [n_overlaps] * 50


def test_pairs_share_fewer_windows_the_farther_apart_they_were_touched() -> None:
    """Windows of w = 12, o = 3 of them over each item: o (1 - k / w) for k places, on average."""
    config = structs.replace(PLAIN, window=12, n_overlaps=3)
    edges = edges_of(walk(60), config, 60)
    means = [np.diag(edges, k)[:48].mean() for k in range(1, 16)]
    expected = [3 * max(0, 1 - k / 12) for k in range(1, 16)]
    np.testing.assert_allclose(means, expected, atol=1e-6)


def test_what_was_touched_soon_after_is_nearer_than_what_came_late() -> None:
    edges = edges_of(walk(12), PLAIN, 12)
    assert edges[5, 6] > edges[5, 9] > 0
    assert edges[5, 4] > edges[5, 2] > 0
    assert edges[5, 11] == 0


def test_without_times_it_is_item_knn_without_shrinkage() -> None:
    told = shop(bought_share=0.4)
    timeless = replace(told, ages=np.full(len(told.items), np.nan, np.float32))
    dampings = {"source_damping": 0.6, "target_damping": 0.3, "user_damping": 0.5}
    same = {**dampings, "n_neighbors": 5, "target_visit_share": 0.2, "self_weight": 0.1}
    knn = fit_itemknn(timeless, N_ITEMS, ItemKnnConfig(shrinkage=0.0, **same))
    np.testing.assert_allclose(
        edges_of(timeless, CovisitsConfig(**same)),
        scipy_of(knn.edges).toarray(),
        rtol=1e-5,
    )


def test_what_has_no_time_counts_as_the_oldest() -> None:
    told = walk(12)
    first_unknown = replace(told, ages=np.where(told.items == 0, np.nan, told.ages))
    np.testing.assert_array_equal(edges_of(first_unknown, PLAIN, 12), edges_of(told, PLAIN, 12))


def test_visits_lead_to_what_was_bought_and_not_back() -> None:
    """Everybody looks at 0 and then buys 1; both saw 2, which nobody bought."""
    held = np.ones((4, 3), np.float32)
    bought = np.zeros((4, 3), np.float32)
    bought[:, 1] = 1
    ages = np.tile(np.array([3, 2, 1], np.float32), (4, 1))
    told = histories(held, ages=ages, purchases=bought)
    config = structs.replace(PLAIN, target_visit_share=0.0)
    edges = edges_of(told, config, 3)
    assert (edges > 0).tolist() == [[False, True, False], [False] * 3, [False, True, False]]


def test_an_item_without_evidence_has_no_edges() -> None:
    edges = edges_of(shop(), CovisitsConfig())
    assert not edges[7].any()
    assert not edges[:, 7].any()
