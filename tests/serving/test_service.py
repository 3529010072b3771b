"""Everything else that the service is asked: similar and popular products, users, health."""

import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from selera.contracts.errors import (
    DatabaseError,
    ModelNotReady,
    ProductNotFound,
    UserNotFound,
)
from selera.contracts.tables import PRODUCT
from selera.database import Shop, insert_rows
from selera.serving import ModelSlot, Question, RecommendationService
from selera.serving.personal import QUICK_S
from selera.serving.slot import age_s
from tests.serving.served_shop import (
    N_ITEMS,
    N_USERS,
    NEW_PRODUCT,
    NEW_USER,
    NOBODY,
    ROW_GONE,
    ROW_WITHOUT_PROFILE,
    catalogue,
    engine_of,
    interactions_of,
    make_shop,
    publish,
)

DATA = interactions_of()


def test_a_busy_machine_makes_no_quick_list_slow(service: RecommendationService) -> None:
    """Lists that wait for threads take longer: who counted that would never come back."""
    personal = service._personal
    for seconds in [0.0005] * 20 + [0.02] * 5:
        personal._learn(seconds)
    assert personal._usual_s < QUICK_S
    for seconds in [0.01] * 200:
        personal._learn(seconds)
    assert personal._usual_s > QUICK_S


def test_similar_products_are_of_the_same_kind(service: RecommendationService) -> None:
    answer = service.similar(DATA.items.id(8), Question(limit=5))
    rows = [DATA.items.row(each.product.product_id) for each in answer.similar]
    assert answer.fallback is None
    assert answer.product.product_id == DATA.items.id(8)
    assert [each.rank for each in answer.similar] == [1, 2, 3, 4, 5]
    assert all(row % 2 == 0 and row != 8 for row in rows)


def test_a_product_newer_than_the_model_gets_popular_ones(service: RecommendationService) -> None:
    answer = service.similar(NEW_PRODUCT)
    assert answer.fallback == "popular"
    assert answer.product.product_name == f"Product {NEW_PRODUCT}"
    assert answer.similar == service.popular().popular


@pytest.mark.parametrize("id", [NOBODY, DATA.items.id(ROW_GONE)])
def test_a_product_that_is_not_in_the_catalogue_is_unknown(
    service: RecommendationService, id: int
) -> None:
    with pytest.raises(ProductNotFound, match=f"no product {id} in the shop's catalogue"):
        service.similar(id)


def test_a_text_that_is_no_integer_id_is_no_product(service: RecommendationService) -> None:
    with pytest.raises(ProductNotFound, match="'07' is no product id"):
        service.similar("07")


def test_popular_products_are_ranked_and_still_for_sale(service: RecommendationService) -> None:
    answer = service.popular(Question(limit=100))
    assert [each.rank for each in answer.popular] == list(range(1, N_ITEMS + 1))
    assert answer.popular[-1].product.product_id == NEW_PRODUCT
    scores = [each.score for each in answer.popular]
    assert scores == sorted(scores, reverse=True)
    assert DATA.items.id(ROW_GONE) not in {each.product.product_id for each in answer.popular}


@pytest.mark.parametrize("limit", [1, 3, 10])
def test_products_that_left_the_catalogue_leave_no_gap(
    tmp_path: Path, model_path: Path, limit: int
) -> None:
    """Whatever is popular left the shop; what remains fills the list, to the last product."""
    url = make_shop(tmp_path / "shop.db")
    with contextlib.closing(Shop.open(url)) as shop:
        service = RecommendationService(ModelSlot(model_path), shop)
        order = [each.product.product_id for each in service.popular(Question(limit=100)).popular]
        last = order[-3:]
        with engine_of(url) as engine, engine.begin() as connection:
            connection.exec_driver_sql(f"DELETE FROM {PRODUCT.name}")
            insert_rows(connection, PRODUCT, catalogue(last))
        left = [each.product.product_id for each in service.popular(Question(limit=limit)).popular]
        assert left == last[:limit]
        mine = service.recommend(DATA.users.id(0), Question(limit=limit, include_seen=True))
        assert len(mine.recommendations) == min(limit, 3)


def test_a_user_is_a_profile_and_counts_of_behaviors(service: RecommendationService) -> None:
    answer = service.user(DATA.users.id(7))
    own = DATA.where(DATA.user_rows == 7)
    assert answer.user.name == f"Name of {DATA.users.id(7)}"
    assert answer.behaviors == {
        "visit": len(own.of(0)),
        "buy": len(own.of(1)),
        "rating": len(own.of(2)),
        "review": 0,
    }


def test_a_user_is_known_by_a_profile_or_by_a_behavior(service: RecommendationService) -> None:
    assert set(service.user(NEW_USER).behaviors.values()) == {0}
    assert service.user(DATA.users.id(ROW_WITHOUT_PROFILE)).user.name is None
    with pytest.raises(UserNotFound, match="neither a profile nor a behavior"):
        service.user(NOBODY)


def test_the_pages_of_users_are_all_users_once(service: RecommendationService) -> None:
    pages = [service.users(limit=15, offset=offset) for offset in range(0, 60, 15)]
    ids = [id for page in pages for id in page.user_ids]
    assert ids == [*(DATA.users.id(row) for row in range(N_USERS - 1)), NEW_USER]
    assert {page.total for page in pages} == {N_USERS}


def test_health_tells_the_model_and_its_age(service: RecommendationService) -> None:
    health = service.health()
    expected = (datetime.now(UTC) - datetime(2024, 1, 6, tzinfo=UTC)).total_seconds()
    assert health.model.version == "v1"
    assert health.model_age_s == pytest.approx(expected, abs=60)


@pytest.mark.parametrize("told", ["", "yesterday", "2024-01-06T00:00:00"])
def test_a_model_that_does_not_tell_its_time_has_no_age(told: str) -> None:
    assert age_s(told) is None


def test_without_a_model_there_is_no_health_but_there_are_users(
    shop_url: str, tmp_path: Path
) -> None:
    with contextlib.closing(Shop.open(shop_url)) as shop:
        service = RecommendationService(ModelSlot(tmp_path / "none.pkl"), shop)
        with pytest.raises(ModelNotReady, match=r"none\.pkl.*python training\.py"):
            service.health()
        assert service.users().total == N_USERS


def test_without_a_database_there_is_no_health(own_url: str, model_path: Path) -> None:
    with contextlib.closing(Shop.open(own_url)) as shop:
        service = RecommendationService(ModelSlot(model_path), shop)
        service.health()
        path = Path(own_url.removeprefix("sqlite:///"))
        path.write_bytes(b"this is no database" * 1000)
        with pytest.raises(DatabaseError):
            service.users()


def test_a_model_that_compares_nothing_falls_back_for_similar(
    shop_url: str, tmp_path: Path
) -> None:
    """Nobody likes product 0: its factors are zero, so it has no neighbors."""
    publish(tmp_path / "model.pkl", disliked_row=0)
    with contextlib.closing(Shop.open(shop_url)) as shop:
        answer = RecommendationService(ModelSlot(tmp_path / "model.pkl"), shop).similar(
            DATA.items.id(0)
        )
    assert answer.fallback == "popular"
    assert answer.similar
    assert DATA.items.id(0) not in {each.product.product_id for each in answer.similar}
