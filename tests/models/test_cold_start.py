"""What a model file keeps for users and products without behavior."""

import dataclasses

import numpy as np
import pytest

from selera.artifact import open_artifact, write_artifact
from selera.contracts.feature_space import Bands, Categories, FeatureSpace
from selera.contracts.features import Features
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
    products = [{"kind": "even", "price": "12.5"}, {"kind": "odd", "price": 12.5}, {}]
    scores = opened.cold_start.score_new(opened.ranker.score(opened.histories), products)
    assert scores is not None
    assert scores.shape == (INTERACTIONS.n_users, 3)
    assert (scores[::2, 0] > scores[::2, 1]).all()
    assert (scores[1::2, 0] < scores[1::2, 1]).all()


def test_a_model_file_changes_no_answer(recommender: Recommender, opened: Recommender) -> None:
    scores = recommender.ranker.score(recommender.histories)
    products = [{"kind": "even"}, {"kind": "odd"}]
    np.testing.assert_array_equal(
        opened.cold_start.score_new(scores, products),
        recommender.cold_start.score_new(scores, products),
    )
    telling = np.array([0], dtype=np.int32)
    assert opened.popular(10, profile=telling) == recommender.popular(10, profile=telling)
    assert opened.cold_start.spaces() == recommender.cold_start.spaces()


def test_without_features_nothing_is_said(recommender: Recommender) -> None:
    model = fitted(None, None)
    assert model.cold_start == ColdStart()
    assert len(model.cold_start.telling({"kind": "even"})) == 0
    assert model.cold_start.score_new(model.ranker.score(model.histories), [{}]) is None
    assert model.popular(10, profile=np.empty(0, np.int32)) == model.popular(10)


def test_features_that_nobody_can_encode_are_not_learnt() -> None:
    bare = dataclasses.replace(parities(INTERACTIONS.n_users), space=None)
    assert fitted(bare, None).cold_start == ColdStart()
