"""Every list is closed by products that the model lacks, whoever asks, whatever it has learnt."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from selera.artifact import write_artifact
from selera.contracts.feature_space import Categories, FeatureSpace
from selera.contracts.features import Features
from selera.contracts.ids import Id
from selera.contracts.interactions import Interactions
from selera.contracts.rules import Rule
from selera.contracts.tables import PRODUCT, USER_PROFILE
from selera.database import insert_rows
from selera.serving import Filters, Question, RecommendationService
from selera.training import PureSvdConfig, TrainingConfig, fit_recommender
from tests.serving.following import ids_of, opened
from tests.serving.served_shop import (
    N_ITEMS,
    N_USERS,
    NEW_PRODUCT,
    NEW_USER,
    NOBODY,
    add_behaviors,
    catalogue,
    engine_of,
    interactions_of,
    profiles,
)

DATA = interactions_of()
USER, PROFILED = DATA.users.id(4), 907
KNOWN, OTHER = DATA.items.id(7), DATA.items.id(2)
RARE = [902, 903, 904]
FIELDS = ["odd", "even", None]
"""By the tags of these products, of which a model may have learnt what they say."""
OF_RARE = Filters(category=("rare",))
ALL = Question(limit=100, include_seen=True)

Ask = Callable[[RecommendationService, Question], list[Any]]
ROUTES: dict[str, Ask] = {
    "known": lambda service, question: service.recommend(USER, question).recommendations,
    "new": lambda service, question: service.recommend(NEW_USER, question).recommendations,
    "profile": lambda service, question: service.recommend(PROFILED, question).recommendations,
    "nobody": lambda service, question: service.recommend(NOBODY, question).recommendations,
    "basket": lambda service, question: service.recommend_basket([OTHER], question).recommendations,
    "empty basket": lambda service, question: (
        service.recommend_basket([], question).recommendations
    ),
    "popular": lambda service, question: service.popular(question).popular,
    "trending": lambda service, question: service.trending(question).trending,
    "similar": lambda service, question: service.similar(OTHER, question).similar,
    "similar to a new one": lambda service, question: (
        service.similar(NEW_PRODUCT, question).similar
    ),
}


def of_users(data: Interactions) -> Interactions:
    """Even and odd users are told by their gender."""
    space = FeatureSpace((Categories("gender", ("even", "odd")),))
    columns = (np.arange(N_USERS) % 2).astype(np.int32)
    features = Features(space.names, np.arange(N_USERS + 1), columns, space)
    return dataclasses.replace(data, user_features=features)


def of_items(data: Interactions) -> Interactions:
    """Even and odd products are told by their tag."""
    space = FeatureSpace((Categories("tag", ("even", "odd")),))
    columns = (np.arange(N_ITEMS) % 2).astype(np.int32)
    features = Features(space.names, np.arange(N_ITEMS + 1), columns, space)
    return dataclasses.replace(data, item_features=features)


MODELS = {
    "svd": DATA,
    "popularity": DATA,
    "itemknn": of_users(DATA),
    "blend": of_items(DATA),
    "ials": of_items(of_users(DATA)),
}


@pytest.fixture(scope="module", params=MODELS)
def any_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = TrainingConfig(puresvd=PureSvdConfig(n_factors=4))
    model = fit_recommender(MODELS[request.param], request.param, config, seed=1)
    path = tmp_path_factory.mktemp(request.param) / "system-recomendation.pkl"
    write_artifact(path, *model.to_parts(), run={"version": "v", "trained_at": ""})
    return path


@pytest.fixture
def url(own_url: str) -> str:
    """The shop with a rare category of three new products, and somebody whose profile may tell."""
    rare = {**catalogue(RARE), "category": ["rare"] * 3, "tag": FIELDS}
    somebody = {**profiles([PROFILED]), "gender": ["even"]}
    with engine_of(own_url) as engine, engine.begin() as connection:
        insert_rows(connection, PRODUCT, rare)
        insert_rows(connection, USER_PROFILE, somebody)
    return own_url


@pytest.fixture
def service(url: str, any_model: Path) -> Iterator[RecommendationService]:
    with opened(url, any_model, started=False) as service:
        yield service


def ask(service: RecommendationService, route: str, question: Question) -> list[Any]:
    return ROUTES[route](service, msgspec.structs.replace(question, on_unknown="popular"))


def ids(places: list[Any]) -> list[Id]:
    return [each.product.product_id for each in places]


def check_order(places: list[Any]) -> None:
    assert [each.rank for each in places] == [*range(1, len(places) + 1)]
    scores = [each.score for each in places]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("route", ROUTES)
def test_a_rare_category_gives_exactly_its_products_to_whoever_asks(
    service: RecommendationService, route: str
) -> None:
    places = ask(service, route, Question(limit=10, filters=OF_RARE))
    assert sorted(ids(places)) == RARE
    check_order(places)
    if service._models.current().cold_start.new_items is None:
        assert ids(places) == RARE[::-1]
    assert ids(ask(service, route, Question(limit=2, filters=OF_RARE))) == ids(places)[:2]
    hidden = Filters(category=("rare",), exclude=(RARE[1],))
    assert sorted(ids(ask(service, route, Question(filters=hidden)))) == [RARE[0], RARE[2]]


@pytest.mark.parametrize("route", ROUTES)
def test_a_list_is_short_only_where_nothing_more_may_be_on_it(
    service: RecommendationService, route: str, url: str
) -> None:
    """What the model can rank comes first: one of the category is known, and stands above."""
    with engine_of(url) as engine, engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE {PRODUCT.name} SET category = 'rare' WHERE product_id = {KNOWN}"
        )
    places = ask(service, route, Question(filters=OF_RARE, include_seen=True))
    assert sorted(ids(places)) == [KNOWN, *RARE]
    check_order(places)
    model = service._models.current()
    is_by_fields = model.cold_start.new_items is not None and route in ("known", "basket")
    if not is_by_fields:
        assert ids(places)[0] == KNOWN
    asked = {"similar": OTHER, "similar to a new one": NEW_PRODUCT}.get(route)
    everything = ask(service, route, ALL)
    assert set(ids(everything)) == set(service._memory.catalogue._stock.details) - {asked}  # type: ignore[union-attr]
    check_order(everything)


@pytest.mark.parametrize("route", ["new", "profile", "nobody", "empty basket", "popular"])
def test_they_stand_by_their_fields_and_where_nothing_is_learnt_the_last_ids_first(
    service: RecommendationService, route: str
) -> None:
    """Who is like even users gets an even new product before an odd one."""
    places = ask(service, route, ALL)
    closing = ids(places)[-4:]
    assert sorted(closing) == [NEW_PRODUCT, *RARE]
    model = service._models.current()
    if model.cold_start.new_items is None:
        assert closing == [*RARE[::-1], NEW_PRODUCT]
    elif route == "profile" and model.cold_start.profiles is not None:
        assert closing.index(RARE[1]) < closing.index(RARE[0])


@pytest.mark.parametrize("route", ["known", "new", "profile", "basket", "empty basket"])
def test_closing_places_say_that_they_are_new_and_explain_nothing(
    service: RecommendationService, route: str
) -> None:
    question = Question(limit=10, filters=OF_RARE)
    for each in ask(service, route, question):
        assert (each.source, each.predicted_rating) == ("new", None)
        assert (each.reasons, each.baseline) == ((), each.score)
    silent = ask(service, route, msgspec.structs.replace(question, explain=False))
    assert {each.baseline for each in silent} == {None}
    filled = ask(service, route, msgspec.structs.replace(question, strict=False))
    sources = [each.source for each in filled]
    assert sources == ["new"] * 3 + ["filler"] * 7


@pytest.mark.parametrize("route", ["known", "new", "profile", "basket", "empty basket"])
@pytest.mark.parametrize("action", ["hide", "pin", "boost"])
def test_closing_products_obey_rules(url: str, any_model: Path, route: str, action: Any) -> None:
    rule = Rule(name="rule", action=action, product_ids=(RARE[1],), strength=3.0)
    question = Question(limit=10, filters=OF_RARE)
    with opened(url, any_model, started=False, rules=lambda: [rule]) as service:
        places = ask(service, route, question)
        popular = ids(service.popular(question).popular)
    left = {"hide": [RARE[0], RARE[2]], "pin": RARE, "boost": RARE}[action]
    assert sorted(ids(places)) == sorted(popular) == left
    if action == "pin":
        assert ids(places)[0] == RARE[1]
        assert [each.source for each in places] == ["rule", "new", "new"]
    for each in places:
        added = sum(reason.contribution for reason in each.reasons)
        assert each.baseline + added == pytest.approx(each.score)


def test_what_the_user_has_met_closes_no_list(service: RecommendationService, url: str) -> None:
    add_behaviors(url, [(NEW_USER, RARE[0], "visit", 1.0)])
    rare = Question(limit=10, filters=OF_RARE)
    answer = service.recommend(NEW_USER, rare)
    assert answer.fallback == "popular"
    assert sorted(ids_of(answer)) == RARE[1:]
    again = service.recommend(NEW_USER, msgspec.structs.replace(rare, include_seen=True))
    assert sorted(ids_of(again)) == RARE


def test_however_many_are_newer_they_close_lists_by_what_the_filters_leave(
    url: str, any_model: Path
) -> None:
    many = range(10_000, 11_100)
    with engine_of(url) as engine, engine.begin() as connection:
        insert_rows(connection, PRODUCT, catalogue(many))
    with opened(url, any_model, started=False) as service:
        for route in ROUTES:
            places = ask(service, route, Question(limit=10, filters=OF_RARE))
            assert sorted(ids(places)) == RARE
