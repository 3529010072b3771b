"""Recipes: what they refuse, and what they say of themselves."""

import numpy as np
import pytest

from selera.contracts.behaviors import RATING_CODE, VISIT_CODE
from selera.contracts.errors import ConfigError, NothingToLearn
from selera.training.recipes import fit_recommender
from selera.training.settings import TrainingConfig
from tests.tastes import checkerboard


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"no model 'als'; choose one of: blend, svd, .*bias"):
        fit_recommender(checkerboard(), "als", TrainingConfig(), seed=0)


def test_only_low_ratings_are_nothing_to_learn_from() -> None:
    interactions = checkerboard()
    low = interactions.where((interactions.behaviors == RATING_CODE) & (interactions.values < 3))
    with pytest.raises(NothingToLearn, match=f"none of the {len(low)} behaviors"):
        fit_recommender(low, "svd", TrainingConfig(), seed=0)


def test_no_behavior_at_all_is_nothing_to_learn_from() -> None:
    interactions = checkerboard()
    nothing = interactions.where(np.zeros(len(interactions), dtype=bool))
    with pytest.raises(NothingToLearn):
        fit_recommender(nothing, "svd", TrainingConfig(), seed=0)


def test_a_shop_without_ratings_has_no_predicted_stars() -> None:
    interactions = checkerboard()
    model = fit_recommender(interactions.of(VISIT_CODE), "svd", TrainingConfig(), seed=0)
    assert model.rater is None
    assert model.predict_ratings(model.histories, np.array([1], np.int32)) is None


def test_the_model_tells_what_made_it() -> None:
    interactions = checkerboard()
    model = fit_recommender(interactions, "svd", TrainingConfig(), seed=4, data_sha256="d" * 64)
    assert model.facts["data"]["n_behaviors"] == len(interactions)
    assert model.facts["hyperparameters"]["svd"]["n_factors"] == 32
    assert model.facts["seed"] == 4
    assert model.data_sha256 == "d" * 64
    assert model.version == "unpublished"


def test_a_small_shop_has_fewer_factors_than_products() -> None:
    model = fit_recommender(checkerboard(n_users=40, n_items=8), "svd", TrainingConfig(), seed=0)
    assert model.ranker.to_arrays()["item_factors"].shape == (8, 2)
