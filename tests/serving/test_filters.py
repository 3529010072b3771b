"""Filters: which products may be listed, decided before anything is ranked."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from selera.contracts.ids import Id
from selera.contracts.tables import PRODUCT
from selera.serving import Filters, Question, RecommendationService
from tests.serving.following import ids_of, opened
from tests.serving.served_shop import (
    LANTERNS,
    N_ITEMS,
    NEW_PRODUCT,
    ROW_GONE,
    engine_of,
    fields_of,
    interactions_of,
    vary,
)

DATA = interactions_of()
USER = DATA.users.id(4)
ROWS = [row for row in range(N_ITEMS) if row != ROW_GONE]
NEW_FIELDS = ("clothing", "cotton", "Indonesia", "Parang", 125000.0, 12)
"""Those of the product that the model lacks: of `fields_of` those of all others."""


@pytest.fixture
def varied(own_url: str, model_path: Path) -> Iterator[RecommendationService]:
    vary(own_url)
    with opened(own_url, model_path, started=False) as service:
        yield service


def listed(service: RecommendationService, limit: int = 100, **filters: object) -> list[Id]:
    """What the filters leave of all products, those that the user has seen included."""
    question = Question(limit=limit, filters=Filters(**filters), include_seen=True)
    return ids_of(service.recommend(USER, question))


def rows(ids: list[Id]) -> set[int]:
    return {DATA.items.row(id) for id in ids}


def test_a_category_of_three_products_gives_these_three_in_their_order(
    varied: RecommendationService,
) -> None:
    lanterns = {DATA.items.id(row) for row in LANTERNS}
    without = [id for id in listed(varied) if id in lanterns]
    assert listed(varied, limit=10, category=("lantern",)) == without
    assert len(without) == 3


@pytest.mark.parametrize(
    ("filters", "meets"),
    [
        ({"category": ("shoe",)}, lambda each: each[0] == "shoe"),
        ({"category": ("shoe", "lantern")}, lambda each: each[0] in ("shoe", "lantern")),
        ({"tag": ("cotton",)}, lambda each: each[1] is not None),
        ({"tag": ("hand made",)}, lambda each: each[1] == "cotton, hand made"),
        ({"tag": ("cotton, hand made",)}, lambda each: each[1] == "cotton, hand made"),
        ({"tag": ("hand",)}, lambda each: False),
        ({"source_country": ("Japan",)}, lambda each: each[2] == "Japan"),
        ({"source_country": ("Japan", "Indonesia")}, lambda each: True),
        ({"brand": ("Kawung",)}, lambda each: each[3] == "Kawung"),
        ({"min_price": 5000.0}, lambda each: each[4] is not None and each[4] >= 5000),
        ({"max_price": 5000.0}, lambda each: each[4] is not None and each[4] <= 5000),
        ({"min_price": 3000.0, "max_price": 3000.0}, lambda each: each[4] == 3000),
        ({"in_stock": True}, lambda each: each[5] != 0),
        (
            {"brand": ("Parang",), "tag": ("cotton",), "in_stock": True, "max_price": 9000.0},
            lambda each: (
                each[3] == "Parang" and each[1] and each[5] != 0 and (each[4] or 1e9) <= 9000
            ),
        ),
        ({"category": ("nothing of that name",)}, lambda each: False),
    ],
)
def test_exactly_what_meets_all_filters_is_listed(
    varied: RecommendationService, filters: dict[str, object], meets: object
) -> None:
    expected = {DATA.items.id(row) for row in ROWS if meets(fields_of(row))}
    new = {NEW_PRODUCT} if meets(NEW_FIELDS) else set()
    assert set(listed(varied, **filters)) == expected | new


def test_what_is_excluded_is_not_listed_whoever_knows_it(varied: RecommendationService) -> None:
    everything = listed(varied)
    given = (everything[0], str(everything[1]), 999_999, "no id at all", "007", -5)
    assert listed(varied, exclude=given) == everything[2:]


@pytest.mark.parametrize("strict", [True, False])
def test_other_places_are_filled_only_where_that_is_allowed(
    varied: RecommendationService, strict: bool
) -> None:
    filters = Filters(category=("lantern",), in_stock=True, exclude=(DATA.items.id(0),))
    question = Question(limit=100, filters=filters, strict=strict, include_seen=True)
    answer = varied.recommend(USER, question)
    found = [each for each in answer.recommendations if each.source != "filler"]
    filler = [each for each in answer.recommendations if each.source == "filler"]
    assert rows([each.product.product_id for each in found]) == set(LANTERNS)
    expected = set() if strict else {row for row in ROWS if row and fields_of(row)[5] != 0}
    assert rows([each.product.product_id for each in filler]) == expected - set(LANTERNS)
    assert answer.recommendations == found + filler
    assert [each.rank for each in answer.recommendations] == [*range(1, len(found + filler) + 1)]


def test_a_list_is_never_filled_up_with_what_the_user_has_seen(
    varied: RecommendationService,
) -> None:
    seen = {DATA.items.id(int(row)) for row in DATA.item_rows[DATA.user_rows == 4]}
    question = Question(limit=100, filters=Filters(category=("lantern",)), strict=False)
    ids = ids_of(varied.recommend(USER, question))
    assert ids
    assert not seen & set(ids)


def test_the_same_filters_hold_for_similar_popular_and_trending_products(
    varied: RecommendationService,
) -> None:
    question = Question(limit=100, filters=Filters(category=("lantern",)))
    similar = varied.similar(DATA.items.id(8), question)
    assert similar.fallback is None
    assert rows([each.product.product_id for each in similar.similar]) == set(LANTERNS)
    popular = varied.popular(question).popular
    assert rows([each.product.product_id for each in popular]) == set(LANTERNS)
    trending = varied.trending(question).trending
    assert rows([each.product.product_id for each in trending]) == set(LANTERNS)


def test_a_shop_without_a_stock_column_has_everything_in_stock(
    own_url: str, model_path: Path
) -> None:
    with engine_of(own_url) as engine, engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {PRODUCT.name} DROP COLUMN stock")
    with opened(own_url, model_path, started=False) as service:
        assert len(listed(service, in_stock=True)) == len([*ROWS, NEW_PRODUCT])


def test_an_empty_catalogue_gives_empty_lists(own_url: str, model_path: Path) -> None:
    with engine_of(own_url) as engine, engine.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM {PRODUCT.name}")
    with opened(own_url, model_path, started=False) as service:
        for filters in (Filters(), Filters(category=("shoe",), exclude=(1,), min_price=1.0)):
            question = Question(filters=filters, strict=False)
            assert service.recommend(USER, question).recommendations == []
            assert service.popular(question).popular == []
            assert service.trending(question).trending == []


def test_filters_leave_new_products_out_too(varied: RecommendationService) -> None:
    assert NEW_PRODUCT not in listed(varied, category=("lantern",))
