"""Products that the model lacks: listed by their fields, under every rule that others obey."""

import dataclasses
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from selera.artifact import write_artifact
from selera.contracts.catalogue import CatalogueColumns, Words
from selera.contracts.feature_space import Categories, FeatureSpace
from selera.contracts.features import Features
from selera.contracts.ids import Id, IdMap
from selera.contracts.rules import Rule
from selera.contracts.tables import PRODUCT
from selera.database import insert_rows
from selera.serving import Filters, ModelSlot, Question, RecommendationService
from selera.serving.shelf import Shelf, fields_of
from selera.training import PureSvdConfig, TrainingConfig, fit_recommender
from tests.serving.following import ids_of, is_immediate, opened, wait_until
from tests.serving.served_shop import (
    N_ITEMS,
    NEW_USER,
    add_behaviors,
    catalogue,
    engine_of,
    interactions_of,
)

DATA = interactions_of()
SPACE = FeatureSpace((Categories("category", ("even", "odd")),))
USER = DATA.users.id(4)
EVEN, ODD, FIELDLESS, SOLD_OUT = 901, 902, 903, 904
ALL = Question(limit=100)


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learnt what even and odd products are."""
    columns = (np.arange(N_ITEMS) % 2).astype(np.int32)
    features = Features(SPACE.names, np.arange(N_ITEMS + 1), columns, SPACE)
    model = fit_recommender(
        dataclasses.replace(DATA, item_features=features),
        "svd",
        TrainingConfig(puresvd=PureSvdConfig(n_factors=4)),
        seed=1,
    )
    assert model.cold_start.new_items is not None
    path = tmp_path_factory.mktemp("model") / "system-recomendation.pkl"
    write_artifact(path, *model.to_parts(), run={"version": "v", "trained_at": ""})
    return path


@pytest.fixture
def url(own_url: str) -> str:
    """The shop with an even new product, an odd one, one without fields, one that is sold out."""
    with engine_of(own_url) as engine, engine.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM {PRODUCT.name} WHERE product_id = {EVEN}")
    add_products(own_url, [EVEN, ODD, FIELDLESS, SOLD_OUT], ["even", "odd", None, "Even "])
    with engine_of(own_url) as engine, engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE {PRODUCT.name} SET stock = 0 WHERE product_id = {SOLD_OUT}"
        )
    return own_url


def add_products(url: str, ids: Sequence[Id], categories: Sequence[str | None]) -> None:
    columns: dict[str, Sequence[Any]] = {**catalogue(ids), "category": categories}
    with engine_of(url) as engine, engine.begin() as connection:
        insert_rows(connection, PRODUCT, columns)


@pytest.fixture
def service(url: str, model_path: Path) -> Iterator[RecommendationService]:
    with opened(url, model_path, started=False) as service:
        yield service


def new_of(service: RecommendationService, question: Question = ALL) -> list[Id]:
    places = service.recommend(USER, question).recommendations
    return [each.product.product_id for each in places if each.source == "new"]


def test_new_products_stand_where_their_fields_put_them(service: RecommendationService) -> None:
    places = service.recommend(USER, ALL).recommendations
    assert set(new_of(service)) == {EVEN, ODD, FIELDLESS, SOLD_OUT}
    scores = {each.product.product_id: each.score for each in places}
    assert scores[EVEN] == scores[SOLD_OUT] > scores[FIELDLESS] > scores[ODD]
    ordered = [each.score for each in places]
    assert ordered == sorted(ordered, reverse=True)
    for each in places:
        if each.source == "new":
            assert (each.reasons, each.baseline, each.predicted_rating) == ((), each.score, None)


@pytest.mark.parametrize(
    ("filters", "rules", "gone"),
    [
        (Filters(category=("odd",)), (), {EVEN, FIELDLESS, SOLD_OUT}),
        (Filters(in_stock=True), (), {SOLD_OUT}),
        (Filters(exclude=(EVEN, str(ODD))), (), {EVEN, ODD}),
        (Filters(), (Rule(name="h", action="hide", product_ids=(EVEN,)),), {EVEN}),
        (Filters(), (Rule(name="h", action="hide", category="odd"),), {ODD}),
    ],
)
def test_new_products_obey_filters_and_rules(
    url: str, model_path: Path, filters: Filters, rules: tuple[Rule, ...], gone: set[int]
) -> None:
    question = Question(limit=100, filters=filters)
    with opened(url, model_path, started=False, rules=lambda: rules) as service:
        assert set(new_of(service, question)) == {EVEN, ODD, FIELDLESS, SOLD_OUT} - gone


def test_a_boost_lifts_new_products_too_and_says_so(url: str, model_path: Path) -> None:
    with opened(url, model_path, started=False) as service:
        before = {each.product.product_id: each.score for each in told(service)}
    rule = Rule(name="odd", action="boost", product_ids=(ODD,), strength=3.0)
    with opened(url, model_path, started=False, rules=lambda: [rule]) as service:
        (place,) = [each for each in told(service) if each.product.product_id == ODD]
    (reason,) = place.reasons
    assert reason.type == "boosted_by_rule"
    assert place.baseline == pytest.approx(before[ODD], rel=1e-4, abs=1e-6)
    assert place.score == pytest.approx(place.baseline + reason.contribution, rel=1e-9)
    assert place.score > before[EVEN]


def told(service: RecommendationService) -> list[Any]:
    return service.recommend(USER, ALL).recommendations


def test_a_diverse_list_has_room_for_new_products(service: RecommendationService) -> None:
    question = Question(limit=6, include_seen=True, diversity=0.3)
    places = service.recommend(USER, question).recommendations
    assert len(places) == 6
    assert len({each.product.product_id for each in places}) == 6
    assert any(
        each.source == "new"
        for each in service.recommend(USER, Question(limit=100, diversity=0.3)).recommendations
    )


def test_a_new_product_that_the_user_has_met_is_listed_only_where_seen_ones_are(
    service: RecommendationService, url: str
) -> None:
    add_behaviors(url, [(USER, EVEN, "visit", 1.0)])
    assert EVEN not in new_of(service)
    assert EVEN in new_of(service, Question(limit=100, include_seen=True))


def test_who_has_no_history_gets_popular_products_and_after_these_new_ones(
    service: RecommendationService,
) -> None:
    answer = service.recommend(NEW_USER, ALL)
    assert answer.fallback == "popular"
    n_known = len(service.popular(ALL).popular) - 4
    assert set(ids_of(answer)[n_known:]) == {EVEN, ODD, FIELDLESS, SOLD_OUT}
    assert {each.source for each in answer.recommendations[:n_known]} == {"popular"}
    assert {each.source for each in answer.recommendations[n_known:]} == {"new"}


def test_a_product_that_comes_while_a_service_answers_is_listed_soon(
    url: str, model_path: Path
) -> None:
    with opened(url, model_path) as service:
        assert 950 not in new_of(service)
        add_products(url, [950], ["even"])
        wait_until(lambda: 950 in new_of(service))


def test_many_new_products_cost_little(url: str, model_path: Path) -> None:
    """Nothing is read or encoded at a request, and a thousand are scored: in less than 20 ms."""
    add_products(url, range(10_000, 11_500), ["even", "odd", None] * 500)
    with opened(url, model_path) as service:
        wait_until(lambda: service.recommend(USER) and is_immediate(service, USER))
        seconds = []
        for limit in range(1, 12):
            started = time.thread_time()
            answer = service.recommend(USER, Question(limit=limit, include_seen=True))
            seconds.append(time.thread_time() - started)
            assert len(answer.recommendations) == limit
        assert sorted(seconds)[5] < 0.02
        assert {*new_of(service)} & {*range(10_500, 11_500)}
        assert not {*new_of(service)} & {*range(10_000, 10_500), EVEN, ODD, FIELDLESS, SOLD_OUT}


def test_however_many_are_newer_what_the_filters_leave_is_listed(
    url: str, model_path: Path
) -> None:
    """Of the new products that may be listed the last thousand are scored, not of all."""
    add_products(url, [910, 911, 912], ["rare"] * 3)
    add_products(url, range(10_000, 11_500), ["even"] * 1_500)
    with opened(url, model_path, started=False) as service:
        rare = Question(limit=10, filters=Filters(category=("rare",)))
        assert new_of(service, rare) == [910, 911, 912]
        dearer = Question(limit=100, filters=Filters(exclude=(*range(10_100, 11_500),)))
        assert {EVEN, ODD, FIELDLESS} & {*new_of(service, dearer)}


def test_a_shelf_of_a_hundred_thousand_new_products_is_made_at_once(model_path: Path) -> None:
    n, generator = 100_000, np.random.default_rng(3)
    texts = tuple(f"brand {at}" for at in range(20_000))
    category = Words(("even", "odd"), (np.arange(n) % 2).astype(np.int32))
    brand = Words(texts, generator.integers(-1, len(texts), n, dtype=np.int32))
    columns = CatalogueColumns(
        ids=np.arange(1_000, 1_000 + n),
        category=category,
        tag=brand,
        source_country=brand,
        brand=brand,
        price=generator.uniform(1, 1e6, n),
        stock=generator.integers(0, 1_000, n).astype(np.float64),
    )
    model = ModelSlot(model_path).current()
    started = time.thread_time()
    shelf = Shelf(columns, IdMap.from_ids(columns.ids), model)
    assert time.thread_time() - started < 1.0
    assert len(shelf.new.rows) == n
    assert shelf.new.features is not None
    for row in (0, 1, n - 1):
        product = fields_of(columns, row)
        assert shelf.new.features.of(row).tolist() == SPACE.encode(product).tolist()
