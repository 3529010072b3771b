"""The catalogue in memory: what changes in the shop's table changes in lists, within seconds."""

import contextlib
import gc
import itertools
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from selera.contracts.errors import ProductNotFound
from selera.contracts.ids import Id
from selera.contracts.tables import PRODUCT
from selera.database import Shop, catalogue_rows
from selera.serving import Filters, Question, RecommendationService, ServingConfig, personal
from selera.serving import catalogue as live_catalogue
from selera.serving.catalogue import LiveCatalogue
from selera.serving.line import Line
from tests.serving.following import ids_of, is_immediate, opened, wait_until
from tests.serving.served_shop import (
    N_ITEMS,
    NEW_PRODUCT,
    ROW_GONE,
    engine_of,
    interactions_of,
    loaded,
    publish,
)

DATA = interactions_of()
USER = DATA.users.id(4)
EVERYTHING = Question(limit=100, include_seen=True)


def change(url: str, statement: str) -> None:
    with engine_of(url) as engine, engine.begin() as connection:
        connection.exec_driver_sql(statement.format(product=PRODUCT.name))


def first(service: RecommendationService, question: Question = EVERYTHING) -> Id:
    return ids_of(service.recommend(USER, question))[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("read_ahead", "max_age_s", "marks"),
    [(1_000, 1e9, True), (0, 1e9, True), (1_000, 0.2, False), (0, 0.2, False)],
)
def test_removed_renamed_and_sold_out_products_are_so_in_seconds(
    own_url: str,
    model_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read_ahead: int,
    max_age_s: float,
    marks: bool,
) -> None:
    def set_to(text: str) -> None:
        """Change one product, and its mark of change where that is kept."""
        mark = f", updated_at = '2030-01-01T00:00:{next(seconds):02}Z'" if marks else ""
        change(own_url, f"UPDATE {{product}} SET {text}{mark} WHERE product_id = {best}")

    seconds = itertools.count()
    monkeypatch.setattr(live_catalogue, "READ_AHEAD", read_ahead)
    in_stock = Question(limit=100, include_seen=True, filters=Filters(in_stock=True))
    config = ServingConfig(catalogue_max_age_s=max_age_s)
    with opened(own_url, model_path, config) as service:
        best = first(service)
        set_to("product_name = 'New'")
        wait_until(lambda: service.similar(best).product.product_name == "New")
        set_to("stock = 0")
        wait_until(lambda: best not in ids_of(service.recommend(USER, in_stock)))
        assert first(service) == best
        told = service.recommend(USER, EVERYTHING).recommendations[0].product
        assert (told.product_name, told.stock) == ("New", 0)
        change(own_url, f"DELETE FROM {{product}} WHERE product_id = {best}")
        wait_until(lambda: best not in ids_of(service.recommend(USER, EVERYTHING)))
        with pytest.raises(ProductNotFound):
            service.similar(best)
        assert best not in {each.product.product_id for each in service.popular(EVERYTHING).popular}


def test_a_product_that_left_is_no_gap_in_a_list(own_url: str, model_path: Path) -> None:
    with opened(own_url, model_path) as service:
        n_before = len(ids_of(service.recommend(USER, EVERYTHING)))
        change(own_url, f"DELETE FROM {{product}} WHERE product_id < {DATA.items.id(10)}")
        wait_until(lambda: len(ids_of(service.recommend(USER, EVERYTHING))) == n_before - 10)
        assert len(ids_of(service.recommend(USER, Question(limit=5, include_seen=True)))) == 5


def test_questions_for_ids_that_nobody_knows_leave_nothing_in_memory(
    shop_url: str, model_path: Path
) -> None:
    with opened(shop_url, model_path) as service:
        service.popular()
        catalogue = service._memory.catalogue
        assert catalogue._stock is not None
        n_before = len(catalogue._stock.details)
        for id in range(50_000, 50_500):
            with pytest.raises(ProductNotFound):
                service.similar(id)
        assert len(catalogue._stock.details) == n_before == N_ITEMS


def test_details_are_read_for_what_is_shown_alone_and_held_up_to_a_bound(
    shop_url: str, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_catalogue, "READ_AHEAD", 0)
    monkeypatch.setattr(live_catalogue, "MOST_DETAILS", 7)
    with opened(shop_url, model_path, started=False) as service:
        catalogue = service._memory.catalogue
        service.popular(Question(limit=3))
        assert catalogue._stock is not None
        assert len(catalogue._stock.details) == 3
        for _ in range(3):
            popular = service.popular(Question(limit=30)).popular
            assert len(popular) == N_ITEMS
            assert all(each.product.product_name for each in popular)
        service.similar(NEW_PRODUCT)
        assert len(catalogue._stock.details) <= 7 + N_ITEMS


def test_of_a_larger_catalogue_the_details_are_read_ahead_piece_by_piece(
    own_url: str, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_catalogue, "READ_AHEAD", 0)
    monkeypatch.setattr(live_catalogue, "_PIECE", 7)
    with opened(own_url, model_path) as service:
        catalogue = service._memory.catalogue
        service.recommend(USER)
        wait_until(lambda: catalogue.is_at_hand(service._models.current()))
        assert catalogue._stock is not None
        assert len(catalogue._stock.details) == N_ITEMS
        change(own_url, "UPDATE {product} SET product_name = 'Renamed'")
        change(own_url, "DELETE FROM {product} WHERE product_id = 1")
        wait_until(
            lambda: (
                is_renamed(service)
                and bool(service.recommend(USER))
                and is_immediate(service, USER)
            ),
        )


def test_a_remembered_list_waits_for_nothing_though_details_are_not_at_hand(
    own_url: str, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_catalogue, "READ_AHEAD", 0)
    monkeypatch.setattr(live_catalogue, "MOST_DETAILS", 0)
    monkeypatch.setattr(personal, "QUICK_S", 1e9)
    with opened(own_url, model_path) as service:
        wait_until(lambda: bool(service.recommend(USER)) and is_immediate(service, USER))
        assert not service._memory.catalogue.is_at_hand(service._models.current())
        assert not is_immediate(service, USER, Question(limit=3))


def test_only_who_reads_beside_answers_rests(
    own_url: str, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue_rows, "BATCH_ROWS", 5)
    monkeypatch.setattr(live_catalogue, "SHARE_OF_TIME", 0)
    with contextlib.closing(Shop.open(own_url)) as shop:
        catalogue, pieces = LiveCatalogue(shop, 0.0, Line()), list[int]()
        catalogue.refresh(lambda: pieces.append(1))
        assert pieces == []  # it was the first time: everybody waits
        catalogue.refresh(lambda: pieces.append(1))
        assert catalogue._stock is not None
        assert len(pieces) == -(-len(catalogue._stock.columns) // 5)


def is_renamed(service: RecommendationService) -> bool:
    """Whether every product that is held has the new name."""
    stock = service._memory.catalogue._stock
    return stock is not None and {each.product_name for each in stock.details.values()} == {
        "Renamed"
    }


def test_of_many_who_ask_first_one_reads(own_url: str) -> None:
    asked: list[str] = []

    class SlowShop(Shop):
        def catalogue_token(self) -> str:
            asked.append("token")
            time.sleep(0.2)  # in which the others come
            return super().catalogue_token()

    with contextlib.closing(SlowShop.open(own_url)) as shop:
        catalogue = LiveCatalogue(shop, 1e9, Line())
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(catalogue.details, [[DATA.items.id(3)]] * 8))
        assert [len(each) for each in found] == [1] * 8
        assert asked == ["token"]


def test_an_equal_catalogue_changes_no_shelf_and_another_one_does(
    own_url: str, model_path: Path
) -> None:
    model, other = loaded(model_path), loaded(model_path)
    with contextlib.closing(Shop.open(own_url)) as shop:
        catalogue = LiveCatalogue(shop, 1e-9, Line())
        shelf = catalogue.shelf(model)
        second = catalogue.shelf(other)
        catalogue.refresh()  # it is due, and nothing has changed
        assert catalogue.shelf(model) is shelf
        assert catalogue.shelf(other) is second
        change(own_url, f"DELETE FROM {{product}} WHERE product_id = {DATA.items.id(0)}")
        catalogue.refresh()
        assert catalogue.shelf(model).number not in (shelf.number, second.number)
        assert len(catalogue.shelf(other).ids) == N_ITEMS - 1
        assert not catalogue.shelf(model).listed[[0, ROW_GONE]].any()


def test_models_that_were_replaced_are_let_go(own_url: str, tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    publish(path, version="a")
    with opened(own_url, path) as service:
        for user in range(1, 20):
            service.recommend(user)
        service.trending()
        old = weakref.ref(service._models.current())
        publish(path, version="b")
        wait_until(lambda: service.popular().model.version == "b")
        gc.collect()
        assert old() is None


@pytest.mark.slow
def test_many_threads_ask_while_catalogue_and_model_change(own_url: str, tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    publish(path, version="0")
    failures: list[BaseException] = []
    stop = threading.Event()

    def ask(service: RecommendationService, user: int) -> None:
        try:
            while not stop.is_set():
                ids = ids_of(service.recommend(user, EVERYTHING))
                assert len(ids) == len(set(ids)) >= 20
                assert service.popular(Question(limit=5)).popular
                service.forget(user)
        except BaseException as error:
            failures.append(error)

    with opened(own_url, path) as service:
        service.popular()
        threads = [threading.Thread(target=ask, args=(service, user)) for user in (1, 1, 2, 3)]
        for thread in threads:
            thread.start()
        for round in range(1, 4):
            change(
                own_url,
                f"UPDATE {{product}} SET price = {round} WHERE product_id % 2 = {round % 2}",
            )
            publish(path, version=str(round))
            wait_until(lambda round=round: service.popular().model.version == str(round))
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
