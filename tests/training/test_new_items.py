"""Scores of products without any behavior."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from selera.contracts.features import Features
from selera.contracts.histories import Histories
from selera.models.new_items import NewItemModel, _row_sums
from selera.training.evidence import Evidence
from selera.training.new_items import NewItemConfig, fit_new_items

N_ITEMS = 200


def features(n: int, seed: int) -> Features:
    """Each row has one of four categories, and half of the rows a tag."""
    rng = np.random.default_rng(seed)
    rows = [[int(rng.integers(4)), *([4] if rng.random() < 0.5 else [])] for _ in range(n)]
    names = (*(f"category={each}" for each in range(4)), "tag=new")
    indptr = np.cumsum([0, *map(len, rows)])
    return Features(names, indptr, np.array([each for row in rows for each in row], np.int32))


def dense(told: Features) -> NDArray[np.float64]:
    matrix = np.zeros((len(told), len(told.names)))
    matrix[told.rows, told.columns] = 1
    return matrix


def evidence_of(items: Features, liked: int = N_ITEMS) -> Evidence:
    """One user who likes the first `liked` items."""
    history = Histories.plain(np.array([0, liked]), np.arange(liked, dtype=np.int32))
    return Evidence(history, N_ITEMS, item_features=items)


def fitted(items: Features, **told: float) -> NewItemModel:
    model = fit_new_items(evidence_of(items), NewItemConfig(**told))
    assert model is not None
    return model


def test_a_new_item_gets_the_score_of_the_ridge_regression() -> None:
    items, new = features(N_ITEMS, 0), features(7, 1)
    scores = np.random.default_rng(2).normal(size=(3, N_ITEMS)).astype(np.float32)
    told = fitted(items, regularization=5.0, boldness=0.0).score(scores, new)
    known, asked = dense(items), dense(new)
    centered = known - known.mean(axis=0)
    beta = np.linalg.solve(centered.T @ centered + 5 * np.eye(5), centered.T @ scores.T)
    expected = scores.mean(axis=1)[:, None] + ((asked - known.mean(axis=0)) @ beta).T
    np.testing.assert_allclose(told, expected, atol=1e-5)


def test_sums_over_the_columns_of_rows_are_products_with_the_dense_matrix() -> None:
    lengths = [0, 3, 1, 0, 0, 5, 2, 0]
    rng = np.random.default_rng(0)
    rows = [np.sort(rng.choice(5, length, replace=False)) for length in lengths]
    told = Features(tuple("abcde"), np.cumsum([0, *lengths]), np.concatenate(rows).astype(np.int32))
    values = rng.normal(size=(4, 5))
    sums = _row_sums(values, told.indptr, told.columns)
    np.testing.assert_allclose(sums, values @ dense(told).T, atol=1e-12)
    nothing = _row_sums(values, np.zeros(3, np.int64), np.empty(0, np.int32))
    assert nothing.tolist() == [[0, 0]] * 4
    assert _row_sums(values, np.zeros(1, np.int64), np.empty(0, np.int32)).shape == (4, 0)


def test_only_items_that_somebody_likes_teach() -> None:
    items = features(N_ITEMS, 0)
    model = fit_new_items(evidence_of(items, liked=120), NewItemConfig())
    assert model is not None
    assert model.items.tolist() == list(range(120))


@pytest.mark.parametrize("seed", range(3))
def test_with_full_boldness_new_items_are_spread_as_the_others_are(seed: int) -> None:
    items = features(N_ITEMS, seed)
    taste = dense(items) @ np.random.default_rng(seed).normal(size=5)
    noise = np.random.default_rng(seed + 10).normal(size=N_ITEMS)
    scores = (taste + 2 * noise).astype(np.float32)[None, :]
    spread = [
        fitted(items, boldness=boldness).score(scores, items).std() for boldness in (0.0, 0.5, 1.0)
    ]
    assert spread[0] < spread[1] < spread[2]
    assert spread[2] == pytest.approx(scores.std(), rel=1e-4)


@pytest.mark.parametrize("boldness", [0.0, 0.25, 1.0])
def test_new_items_score_as_high_as_the_others_on_average(boldness: float) -> None:
    items = features(N_ITEMS, 0)
    scores = np.random.default_rng(1).normal(3, 1, size=(2, N_ITEMS)).astype(np.float32)
    told = fitted(items, boldness=boldness).score(scores, items)
    np.testing.assert_allclose(told.mean(axis=1), scores.mean(axis=1), rtol=1e-5)


def test_a_user_who_scores_all_items_alike_scores_new_ones_so() -> None:
    scores = np.full((1, N_ITEMS), 2.5, np.float32)
    told = fitted(features(N_ITEMS, 0), boldness=1.0).score(scores, features(5, 1))
    np.testing.assert_allclose(told, 2.5)


def test_an_item_without_features_gets_less_than_one_of_the_liked_category() -> None:
    items = features(N_ITEMS, 0)
    scores = dense(items)[:, :1].T.astype(np.float32)
    new = Features(items.names, np.array([0, 0, 1]), np.array([0], np.int32))
    (unknown, liked) = fitted(items).score(scores, new)[0]
    assert unknown < liked


def test_without_product_features_there_is_no_model() -> None:
    evidence = dataclasses.replace(evidence_of(features(N_ITEMS, 0)), item_features=None)
    assert fit_new_items(evidence, NewItemConfig()) is None


def test_a_model_comes_back_from_its_arrays() -> None:
    model = fitted(features(N_ITEMS, 0))
    scores = np.random.default_rng(1).normal(size=(2, N_ITEMS)).astype(np.float32)
    again = NewItemModel.from_arrays(model.to_arrays())
    new = features(5, 1)
    np.testing.assert_array_equal(again.score(scores, new), model.score(scores, new))
