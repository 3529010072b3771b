"""EASE in both forms, against the closed form in float64."""

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from selera.contracts.errors import ConfigError
from selera.contracts.histories import Histories
from selera.contracts.sparse import SparseMatrix
from selera.training.ease import EaseConfig, dense_weights, fit_ease, strongest_edges

N_USERS, N_ITEMS = 80, 30
PAPER = EaseConfig(
    regularization=5.0,
    popularity_exponent=0.0,
    user_damping=0.0,
    n_neighbors=N_ITEMS,
    history_exponent=1.0,
)


def random_histories(*, weighted: bool = False) -> Histories:
    """Taste in two groups, some noise; the last item is in no history, the last user has none."""
    rng = np.random.default_rng(3)
    chance = np.where(np.arange(N_USERS)[:, None] % 2 == np.arange(N_ITEMS) % 2, 0.6, 0.3)
    liked = rng.random((N_USERS, N_ITEMS)) < chance
    liked[:, -1] = liked[-1] = False
    indptr = np.concatenate([[0], np.cumsum(liked.sum(axis=1))]).astype(np.int64)
    items = np.nonzero(liked)[1].astype(np.int32)
    weights = rng.integers(0, 7, len(items)) if weighted else np.ones(len(items))
    return Histories.plain(indptr, items, weights=weights.astype(np.float32))


def dense_of(histories: Histories) -> NDArray[np.float64]:
    matrix = np.zeros((len(histories), N_ITEMS))
    matrix[histories.rows, histories.items] = histories.weights
    return matrix


def filled(edges: SparseMatrix) -> NDArray[np.float32]:
    matrix = np.zeros((edges.n_rows, edges.n_columns), dtype=np.float32)
    for row in range(edges.n_rows):
        columns, values = edges.row(row)
        matrix[row, columns] = values
    return matrix


def closed_form(matrix: NDArray[np.float64], regularization: float) -> NDArray[np.float64]:
    """Steck 2019, eq. 8."""
    inverse = np.linalg.inv(matrix.T @ matrix + regularization * np.eye(matrix.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights


def test_the_dense_form_is_the_closed_form_of_the_paper() -> None:
    histories = random_histories()
    weights = dense_weights(histories, N_ITEMS, PAPER)
    np.testing.assert_allclose(weights, closed_form(dense_of(histories), 5.0), atol=1e-5)
    assert not weights.diagonal().any()


@pytest.mark.parametrize("dense_items_limit", [0, N_ITEMS - 1, N_ITEMS])
def test_both_forms_are_the_closed_form_when_all_items_are_neighbors(
    dense_items_limit: int,
) -> None:
    histories = random_histories()
    model = fit_ease(histories, N_ITEMS, replace(PAPER, dense_items_limit=dense_items_limit))
    expected = closed_form(dense_of(histories), 5.0)
    np.testing.assert_allclose(filled(model.edges), expected, atol=1e-5)
    np.testing.assert_allclose(
        model.score(histories), dense_of(histories) @ expected, rtol=1e-4, atol=1e-5
    )


def test_each_column_solves_its_own_regression_on_its_neighbors() -> None:
    histories = random_histories()
    model = fit_ease(histories, N_ITEMS, replace(PAPER, n_neighbors=6, dense_items_limit=0))
    matrix, edges = dense_of(histories), filled(model.edges)
    for item in range(N_ITEMS - 1):
        near = np.flatnonzero(edges[:, item])
        assert len(near) == 6
        assert item not in near
        chosen = matrix[:, near]
        system = chosen.T @ chosen + 5.0 * np.eye(6)
        expected = np.linalg.solve(system, chosen.T @ matrix[:, item])
        np.testing.assert_allclose(edges[near, item], expected, atol=1e-5)


def test_neighbors_are_those_that_foretell_best_on_their_own() -> None:
    histories = random_histories()
    model = fit_ease(histories, N_ITEMS, replace(PAPER, n_neighbors=4, dense_items_limit=0))
    gramian = dense_of(histories).T @ dense_of(histories)
    gains = gramian / np.sqrt(np.diag(gramian) + 5.0)[:, None]
    np.fill_diagonal(gains, 0.0)
    near = filled(model.edges) != 0
    for item in range(N_ITEMS - 1):
        assert gains[near[:, item], item].min() >= gains[~near[:, item], item].max() - 1e-5


def test_the_regularization_does_not_depend_on_the_scale_of_the_weights() -> None:
    histories = random_histories(weighted=True)
    louder = replace_weights(histories, histories.weights * np.float32(8.0))
    for limit in (0, N_ITEMS):
        config = EaseConfig(regularization=5.0, dense_items_limit=limit)
        one, other = (fit_ease(each, N_ITEMS, config).edges for each in (histories, louder))
        np.testing.assert_array_equal(one.columns, other.columns)
        np.testing.assert_allclose(one.values, other.values, rtol=1e-3, atol=1e-6)


def replace_weights(histories: Histories, weights: NDArray[np.float32]) -> Histories:
    return Histories.plain(histories.indptr, histories.items, weights=weights)


def test_damping_divides_the_rows_of_long_histories() -> None:
    histories = random_histories(weighted=True)
    config = replace(PAPER, user_damping=1.0)
    matrix = dense_of(histories)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    matrix /= np.where(lengths > 0, lengths, 1.0)
    mean_square = np.mean(matrix[matrix > 0] ** 2)
    np.testing.assert_allclose(
        dense_weights(histories, N_ITEMS, config),
        closed_form(matrix, 5.0 * mean_square),
        atol=1e-5,
    )


@pytest.mark.parametrize("dense_items_limit", [0, N_ITEMS])
def test_popular_items_may_be_penalized_more(dense_items_limit: int) -> None:
    histories = random_histories()
    matrix = dense_of(histories)[:, :-1]
    counts = matrix.sum(axis=0)
    config = replace(PAPER, popularity_exponent=0.5, dense_items_limit=dense_items_limit)
    inverse = np.linalg.inv(matrix.T @ matrix + np.diag(5.0 * np.sqrt(counts / counts.mean())))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0.0)
    edges = filled(fit_ease(histories, N_ITEMS, config).edges)
    np.testing.assert_allclose(edges[:-1, :-1], expected, atol=1e-5)


def test_the_strongest_edges_of_a_row_are_kept_negative_ones_too() -> None:
    weights = np.array(
        [[0.0, 0.5, -0.7, 0.1], [0.2, 0.0, 0.2, 0.2], [0.0, 0.0, 0.0, 0.3], [-0.1, 0.2, 0.3, 0.0]],
        dtype=np.float32,
    )
    expected = np.array(
        [[0.0, 0.5, -0.7, 0.0], [0.2, 0.0, 0.2, 0.0], [0.0, 0.0, 0.0, 0.3], [0.0, 0.2, 0.3, 0.0]],
        dtype=np.float32,
    )
    np.testing.assert_array_equal(filled(strongest_edges(weights, 2)), expected)
    np.testing.assert_array_equal(filled(strongest_edges(weights, 4)), weights)


@pytest.mark.parametrize("dense_items_limit", [0, 1000])
def test_the_same_bytes_at_any_number_of_threads(dense_items_limit: int) -> None:
    config = EaseConfig(n_neighbors=7, dense_items_limit=dense_items_limit)
    one, other = (
        fit_ease(random_histories(), N_ITEMS, config, n_threads=n).edges.to_arrays() for n in (1, 3)
    )
    assert {name: array.tobytes() for name, array in one.items()} == {
        name: array.tobytes() for name, array in other.items()
    }


@pytest.mark.parametrize("dense_items_limit", [0, 1000])
def test_contributions_sum_to_the_score_and_unknown_items_get_none(
    dense_items_limit: int,
) -> None:
    histories = random_histories(weighted=True)
    config = EaseConfig(n_neighbors=7, dense_items_limit=dense_items_limit, history_exponent=0.5)
    model = fit_ease(histories, N_ITEMS, config)
    scores = model.score(histories)
    assert not scores[:, -1].any()
    assert not scores[-1].any()
    history = histories.take(4, 5)
    for item in range(N_ITEMS):
        assert model.explain(history, item).score == pytest.approx(scores[4, item], abs=1e-6)


def test_a_regularization_too_small_for_float32_is_a_wrong_setting() -> None:
    n_users = 100_000
    always_together = Histories.plain(
        np.arange(0, 2 * n_users + 1, 2, dtype=np.int64),
        np.tile(np.arange(2, dtype=np.int32), n_users),
    )
    with pytest.raises(ConfigError, match=r"training\.ease\.regularization .* got 0\.001"):
        dense_weights(always_together, 2, EaseConfig(regularization=1e-3))
