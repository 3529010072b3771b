"""A user without history gets what users of a like profile like."""

import contextlib
import dataclasses
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from selera.artifact import write_artifact
from selera.contracts.feature_space import Categories, FeatureSpace
from selera.contracts.features import Features
from selera.database import Shop
from selera.serving import ModelSlot, Question, RecommendationService
from selera.training import PureSvdConfig, TrainingConfig, fit_recommender
from tests.serving.served_shop import (
    N_USERS,
    NEW_USER,
    ROW_WITHOUT_PROFILE,
    add_behaviors,
    engine_of,
    interactions_of,
)

DATA = interactions_of()
SPACE = FeatureSpace((Categories("gender", ("even", "odd")),))
EVEN, ODD, SILENT = NEW_USER, NEW_USER + 1, NEW_USER + 2


def publish_profiled(path: Path, algorithm: str) -> None:
    """A model that has learnt that even and odd users like even and odd products."""
    genders = (np.arange(N_USERS) % 2).astype(np.int32)
    features = Features(SPACE.names, np.arange(N_USERS + 1), genders, SPACE)
    model = fit_recommender(
        dataclasses.replace(DATA, user_features=features),
        algorithm,
        TrainingConfig(puresvd=PureSvdConfig(n_factors=4)),
        seed=1,
    )
    write_artifact(path, *model.to_parts(), run={"version": "v", "trained_at": ""})


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "system-recomendation.pkl"
    publish_profiled(path, "svd")
    return path


@pytest.fixture
def url(shop_url: str, tmp_path: Path) -> str:
    """The shop with three new users: two whose profile tells their taste, and one who is silent."""
    copy = tmp_path / "shop.db"
    shutil.copy(shop_url.removeprefix("sqlite:///"), copy)
    url = f"sqlite:///{copy}"
    with engine_of(url) as engine, engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM data_user_profile WHERE user_id >= 900")
        for user, gender in ((EVEN, "Even "), (ODD, "ODD"), (SILENT, None)):
            connection.exec_driver_sql(
                "INSERT INTO data_user_profile (user_id, name, gender) VALUES (?, ?, ?)",
                (user, f"Name of {user}", gender),
            )
    return url


@pytest.fixture
def profiled(url: str, model_path: Path) -> Iterator[RecommendationService]:
    with contextlib.closing(Shop.open(url)) as shop:
        yield RecommendationService(ModelSlot(model_path), shop)


@pytest.mark.parametrize(("user", "parity"), [(EVEN, 0), (ODD, 1)])
def test_a_profile_makes_the_list_of_a_user_without_history(
    profiled: RecommendationService, user: int, parity: int
) -> None:
    answer = profiled.recommend(user, Question(limit=10))
    rows = [DATA.items.row(each.product.product_id) for each in answer.recommendations]
    assert answer.fallback == "profile"
    assert {each.source for each in answer.recommendations} == {"profile"}
    assert all(not each.reasons for each in answer.recommendations)
    assert {row % 2 for row in rows} == {parity}


@pytest.mark.parametrize("user", [SILENT, 999_999])
def test_a_profile_that_tells_nothing_gets_what_most_like(
    profiled: RecommendationService, user: int
) -> None:
    answer = profiled.recommend(user, Question(on_unknown="popular"))
    popular = [each.product.product_id for each in profiled.popular().popular]
    assert answer.fallback == "popular"
    assert {each.source for each in answer.recommendations} == {"popular"}
    assert [each.product.product_id for each in answer.recommendations] == popular


def test_a_history_says_more_than_a_profile(profiled: RecommendationService, url: str) -> None:
    add_behaviors(url, [(EVEN, DATA.items.id(row), "buy", 1.0) for row in (1, 3, 5)])
    answer = profiled.recommend(EVEN, Question(limit=5))
    rows = [DATA.items.row(each.product.product_id) for each in answer.recommendations]
    assert answer.fallback is None
    assert all(row % 2 for row in rows)


def test_what_a_user_has_seen_is_not_on_the_list_of_the_profile(
    profiled: RecommendationService, url: str
) -> None:
    """A history of dislikes says no liking: the profile speaks, without the disliked products."""
    disliked = DATA.items.id(0)
    add_behaviors(url, [(EVEN, disliked, "rating", 1.0)])
    for include_seen in (False, True):
        answer = profiled.recommend(EVEN, Question(limit=30, include_seen=include_seen))
        listed = {each.product.product_id for each in answer.recommendations}
        assert answer.fallback == "profile"
        assert (disliked in listed) == include_seen


def test_a_model_of_popularity_answers_a_history_with_what_it_was_judged_by(
    url: str, tmp_path: Path
) -> None:
    """A profile speaks for who has no history alone, whichever the model."""
    path = tmp_path / "model.pkl"
    publish_profiled(path, "popularity")
    add_behaviors(url, [(EVEN, DATA.items.id(row), "buy", 1.0) for row in (1, 3, 5)])
    with contextlib.closing(Shop.open(url)) as shop:
        service = RecommendationService(ModelSlot(path), shop)
        everything = Question(limit=100, include_seen=True)
        mine, odd = service.recommend(EVEN, everything), service.recommend(ODD, everything)
        popular = service.popular(everything).popular
    assert (mine.fallback, odd.fallback) == ("popular", "profile")
    assert [each.product for each in mine.recommendations] == [each.product for each in popular]


def test_a_user_without_a_profile_row_has_a_history_as_before(
    profiled: RecommendationService,
) -> None:
    assert profiled.recommend(DATA.users.id(ROW_WITHOUT_PROFILE)).fallback is None
