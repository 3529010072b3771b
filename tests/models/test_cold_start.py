"""What a model file keeps for users and products without behavior."""

import dataclasses

import numpy as np
import pytest

from selera.artifact import open_artifact, write_artifact
from selera.contracts.feature_space import Bands, Categories, FeatureSpace
from selera.contracts.features import Features
from selera.contracts.protocols import Product
from selera.models.cold_start import ColdStart
from selera.models.recommender import Recommender
from selera.training.puresvd import PureSvdConfig
from selera.training.recipes import fit_recommender
from selera.training.settings import TrainingConfig
from tests.tastes import checkerboard

SPACE = FeatureSpace((Categories("kind", ("even", "odd")), Bands("price", (10.0,))))
INTERACTIONS = checkerboard()


def parities(n: int) -> Features:
    """Even and odd rows, all of them dear."""
    columns = np.stack([np.arange(n) % 2, np.full(n, 3)], axis=1).ravel()
    return Features(SPACE.names, 2 * np.arange(n + 1), columns.astype(np.int32), SPACE)


def fitted(users: Features | None, items: Features | None) -> Recommender:
    data = dataclasses.replace(INTERACTIONS, user_features=users, item_features=items)
    return fit_recommender(data, "svd", TrainingConfig(puresvd=PureSvdConfig(n_factors=4)), seed=1)


@pytest.fixture(scope="module")
def recommender() -> Recommender:
    return fitted(parities(INTERACTIONS.n_users), parities(INTERACTIONS.n_items))


@pytest.fixture(scope="module")
def opened(recommender: Recommender, tmp_path_factory: pytest.TempPathFactory) -> Recommender:
    path = tmp_path_factory.mktemp("model") / "model.pkl"
    write_artifact(path, *recommender.to_parts(), run={})
    artifact = open_artifact(path)
    return Recommender.from_parts(artifact.metadata, artifact.arrays, artifact.run)


def test_a_profile_turns_popularity_to_its_kind(opened: Recommender) -> None:
    for parity, kind in enumerate(("even", "ODD")):
        telling = opened.cold_start.telling({"kind": kind, "price": 12, "name": "Somebody"})
        rows = [item for item, _ in opened.popular(15, profile=telling)]
        assert telling.tolist() == [parity]
        assert {row % 2 for row in rows} == {parity}


def test_a_new_product_suits_those_who_like_its_kind(opened: Recommender) -> None:
    products: list[Product] = [
        {"kind": "even", "price": "12.5"},
        {"kind": "odd", "price": 12.5},
        {},
    ]
    for user in range(INTERACTIONS.n_users):
        taste = opened.taste(opened.histories.take(user, user + 1))
        scores = opened.score_new(taste, products)
        assert scores is not None
        assert scores.shape == (3,)
        assert (scores[0] > scores[1]) == (user % 2 == 0)


def test_new_products_have_scores_on_the_scale_of_the_list(opened: Recommender) -> None:
    """A product like those of the user's kind stands among them, one of the other kind below."""
    taste = opened.taste(opened.histories.take(0, 1))
    listed = dict(opened.best(taste, 30, exclude_seen=False))
    own = [score for item, score in listed.items() if item % 2 == 0]
    other = [score for item, score in listed.items() if item % 2 == 1]
    scores = opened.score_new(taste, [{"kind": "even", "price": 12.5}])
    assert scores is not None
    assert np.mean(other) < scores[0] <= max(own)


def test_a_model_file_changes_no_answer(recommender: Recommender, opened: Recommender) -> None:
    products = [{"kind": "even"}, {"kind": "odd"}]
    one, other = (
        each.score_new(each.taste(each.histories.take(3, 4)), products)
        for each in (opened, recommender)
    )
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one, other)
    telling = np.array([0], dtype=np.int32)
    assert opened.popular(10, profile=telling) == recommender.popular(10, profile=telling)
    assert opened.cold_start.spaces() == recommender.cold_start.spaces()


def test_without_features_nothing_is_said(recommender: Recommender) -> None:
    model = fitted(None, None)
    assert model.cold_start == ColdStart()
    assert len(model.cold_start.telling({"kind": "even"})) == 0
    assert model.score_new(model.taste(model.histories.take(0, 1)), [{}]) is None
    assert model.popular(10, profile=np.empty(0, np.int32)) == model.popular(10)


def test_features_that_nobody_can_encode_are_not_learnt() -> None:
    bare = dataclasses.replace(parities(INTERACTIONS.n_users), space=None)
    assert fitted(bare, None).cold_start == ColdStart()
