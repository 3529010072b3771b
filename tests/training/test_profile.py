"""Lists for users of whom nothing but the profile is known."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from selera.contracts.features import Features
from selera.contracts.histories import Histories
from selera.training.evidence import Evidence
from selera.training.popularity import fit_popularity
from selera.training.profile import ProfileConfig, fit_profile

N_ITEMS = 30


def shop(n_users: int, *, taste: bool, seed: int = 0) -> Evidence:
    """Users of two genders who like 6 products each, of the first or the second half by gender."""
    rng = np.random.default_rng(seed)
    genders = np.arange(n_users) % 2
    items = []
    for gender in genders:
        weights = np.linspace(2, 1, N_ITEMS)
        if taste:
            weights = weights * np.where((np.arange(N_ITEMS) < N_ITEMS // 2) == gender, 1.0, 3.0)
        items.append(np.sort(rng.choice(N_ITEMS, 6, replace=False, p=weights / weights.sum())))
    histories = Histories.plain(6 * np.arange(n_users + 1), np.concatenate(items).astype(np.int32))
    features = Features(("gender=f", "gender=m"), np.arange(n_users + 1), genders.astype(np.int32))
    return Evidence(histories, N_ITEMS, user_features=features)


def popularity(evidence: Evidence) -> NDArray[np.float32]:
    return fit_popularity(evidence.histories, N_ITEMS).item_scores


def test_users_without_history_get_better_lists_than_popularity() -> None:
    evidence, future = shop(400, taste=True), shop(400, taste=True, seed=1)
    model = fit_profile(evidence, ProfileConfig())
    assert model is not None
    popular = popularity(evidence)
    hits = {"profile": 0, "popular": 0}
    for user in range(400):
        liked = future.histories.items[future.histories.entries(user)]
        scores = model.score(popular, np.array([user % 2], dtype=np.int32))
        hits["profile"] += np.isin(np.argsort(-scores)[:6], liked).sum()
        hits["popular"] += np.isin(np.argsort(-popular)[:6], liked).sum()
    assert hits["profile"] > 1.2 * hits["popular"]


@pytest.mark.parametrize("seed", range(5))
def test_profiles_that_say_nothing_of_taste_are_left_out(seed: int) -> None:
    assert fit_profile(shop(400, taste=False, seed=seed), ProfileConfig()) is None


def test_without_profiles_there_is_no_model() -> None:
    evidence = dataclasses.replace(shop(40, taste=True), user_features=None)
    assert fit_profile(evidence, ProfileConfig()) is None


def test_a_profile_without_columns_is_popularity_itself() -> None:
    evidence = shop(400, taste=True)
    model = fit_profile(evidence, ProfileConfig())
    assert model is not None
    nothing = np.empty(0, dtype=np.int32)
    assert len(model.telling(nothing)) == 0
    np.testing.assert_array_equal(model.score(popularity(evidence), nothing), popularity(evidence))


def test_little_evidence_moves_a_list_less_than_much() -> None:
    """Ten users of a third gender, of whom all like the same six products."""
    lifts = []
    for n in (10, 80):
        evidence = shop(400, taste=True)
        more = Histories.plain(
            6 * np.arange(401 + n),
            np.concatenate([evidence.histories.items, np.tile(np.arange(6, dtype=np.int32), n)]),
        )
        genders = np.concatenate([evidence.user_features.columns, np.full(n, 2)])  # type: ignore[union-attr]
        features = Features(
            ("gender=f", "gender=m", "gender=x"), np.arange(401 + n), genders.astype(np.int32)
        )
        model = fit_profile(Evidence(more, N_ITEMS, user_features=features), ProfileConfig())
        assert model is not None
        scores = model.score(np.ones(N_ITEMS, np.float32), np.array([2], np.int32))
        raw = (1 / 6) / (np.bincount(more.items, minlength=N_ITEMS) / len(more.items))[0]
        lifts.append((scores[0] - 1) / (raw - 1))
    assert 0 < lifts[0] < lifts[1] < 1


def test_only_the_items_that_change_most_are_stored() -> None:
    evidence = shop(400, taste=True)
    model = fit_profile(evidence, ProfileConfig(n_items=5))
    assert model is not None
    assert np.diff(model.indptr).tolist() == [5, 5]
    full = fit_profile(evidence, ProfileConfig())
    assert full is not None
    assert set(model.items.tolist()) <= set(full.items.tolist())


def test_a_model_comes_back_from_its_arrays() -> None:
    evidence = shop(400, taste=True)
    model = fit_profile(evidence, ProfileConfig())
    assert model is not None
    again = type(model).from_arrays(model.to_arrays())
    column = np.array([1], np.int32)
    np.testing.assert_array_equal(
        again.score(popularity(evidence), column), model.score(popularity(evidence), column)
    )
