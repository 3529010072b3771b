"""Freshness: what happens in the shop is in the next answer of every worker, without training."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from selera.contracts.behaviors import BehaviorRow
from selera.contracts.epoch import bump_epoch
from selera.contracts.events import Event
from selera.contracts.ids import Id
from selera.contracts.protocols import Profile
from selera.contracts.tables import PRODUCT, USER_PROFILE, VISIT
from selera.database import Shop, create_shop_tables, insert_rows
from selera.serving import Question, RecommendationService, ServingConfig
from selera.serving.users import LiveUsers, User
from selera.state import ChangeMarks
from tests.serving.following import ids_of, is_immediate, opened, wait_until
from tests.serving.served_shop import (
    NEW_PRODUCT,
    NEW_USER,
    add_behaviors,
    catalogue,
    engine_of,
    interactions_of,
    profiles,
)

DATA = interactions_of()
USER = DATA.users.id(4)


def product(row: int) -> Id:
    return DATA.items.id(row)


@pytest.fixture
def any_shop(database_url: str) -> str:
    """The products of the shop and one user without history, in each kind of database."""
    with engine_of(database_url, create=True) as engine:
        create_shop_tables(engine, overwrite=False)
        with engine.begin() as connection:
            insert_rows(connection, USER_PROFILE, profiles([NEW_USER]))
            rows = range(len(DATA.items))
            insert_rows(connection, PRODUCT, catalogue([product(row) for row in rows]))
    return database_url


@pytest.fixture
def workers(
    any_shop: str, model_path: Path
) -> Iterator[tuple[RecommendationService, RecommendationService]]:
    """Two services over one shop, as two workers have them; both remember the user."""
    with opened(any_shop, model_path) as one, opened(any_shop, model_path) as other:
        for each in (one, other):
            wait_until(lambda each=each: is_remembered(each))
        yield one, other


def is_remembered(service: RecommendationService) -> bool:
    answer = service.recommend(NEW_USER)
    assert answer.fallback in (None, "popular")
    return is_immediate(service, NEW_USER)


def visit(row: int, event_id: str = "") -> Event:
    return Event(event_id or f"visit {row}", "visit", NEW_USER, product(row), int(time.time()))


def parities(service: RecommendationService) -> set[int]:
    answer = service.recommend(NEW_USER, Question(limit=5))
    return set() if answer.fallback else {DATA.items.row(id) % 2 for id in ids_of(answer)}


def test_an_event_counts_at_once_here_and_soon_in_another_worker(
    workers: tuple[RecommendationService, RecommendationService],
) -> None:
    one, other = workers
    for service, each in ((one, other), (other, one)):
        event = visit(3 if service is one else 5)
        assert service.record([event]).stored == 1
        mine = service.recommend(NEW_USER, Question(limit=100))
        assert event.product_id not in ids_of(mine)
        assert parities(service) == {1}
        wait_until(
            lambda each=each, mine=mine: (
                each.recommend(NEW_USER, Question(limit=100)).recommendations
                == mine.recommendations
            ),
        )


def test_the_very_next_answer_of_another_worker_knows_of_an_event(
    any_shop: str, model_path: Path, tmp_path: Path
) -> None:
    """No feed and no age would tell it: the mark of the user is another one."""
    with (
        ChangeMarks(tmp_path / "marks") as marks,
        opened(any_shop, model_path, has_feed=False, marks=marks) as one,
        opened(any_shop, model_path, has_feed=False, marks=marks) as other,
    ):
        for row in (3, 5, 7, 9):
            other.recommend(NEW_USER)
            assert one.record([visit(row)]).stored == 1
            assert product(row) not in ids_of(other.recommend(NEW_USER, Question(limit=100)))
        assert is_immediate(other, NEW_USER, Question(limit=100))


def test_rows_inserted_into_the_tables_count_soon(
    workers: tuple[RecommendationService, RecommendationService], any_shop: str
) -> None:
    with engine_of(any_shop) as engine, engine.begin() as connection:
        columns: dict[str, Sequence[object]] = {
            VISIT.key: [1],
            "user_id": [NEW_USER],
            "product_id": [product(3)],
            "visit_count": [2],
            "visit_date": ["2024-01-05T10:00:00Z"],
        }
        insert_rows(connection, VISIT, columns)
    for service in workers:
        wait_until(lambda service=service: parities(service) == {1})


def test_an_event_told_twice_changes_an_answer_once(
    workers: tuple[RecommendationService, RecommendationService],
) -> None:
    one, other = workers
    assert one.record([visit(3, "a"), visit(5, "a"), visit(7, "b")]).duplicates == 1
    again = other.record([visit(3, "a")])
    assert (again.stored, again.duplicates) == (0, 1)
    wait_until(lambda: other.user(NEW_USER).behaviors["visit"] == 2)


def test_rows_changed_in_place_count_after_the_age_that_is_set(
    own_url: str, model_path: Path
) -> None:
    add_behaviors(own_url, [(NEW_USER, product(3), "visit", 1.0)])
    with opened(own_url, model_path, ServingConfig(history_max_age_s=0.3)) as service:
        wait_until(lambda: is_immediate(service, NEW_USER) or not service.recommend(NEW_USER))
        assert parities(service) == {1}
        with engine_of(own_url) as engine, engine.begin() as connection:
            connection.exec_driver_sql(
                f"UPDATE {VISIT.name} SET product_id = ? WHERE user_id = ?", (product(2), NEW_USER)
            )
        wait_until(lambda: parities(service) == {0})


def test_a_service_that_follows_nothing_reads_at_each_request(
    own_url: str, model_path: Path
) -> None:
    with opened(own_url, model_path, started=False) as service:
        assert service.recommend(NEW_USER).fallback == "popular"
        add_behaviors(own_url, [(NEW_USER, product(3), "visit", 1.0)])
        assert parities(service) == {1}
        with engine_of(own_url) as engine, engine.begin() as connection:
            connection.exec_driver_sql(f"DELETE FROM {VISIT.name} WHERE user_id = {NEW_USER}")
            connection.exec_driver_sql(
                f"UPDATE {PRODUCT.name} SET product_name = 'Renamed'"
                f" WHERE product_id = {product(0)}"
            )
        answer = service.recommend(NEW_USER, Question(limit=100))
        assert answer.fallback == "popular"
        assert not is_immediate(service, NEW_USER)


class SlowReader:
    """A shop whose histories wait, once it is told so, until they may be told."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self.user_id_kind = shop.user_id_kind
        self.product_id_kind = shop.product_id_kind
        self.products = shop.products
        self.has_read = threading.Event()
        self.may_tell = threading.Event()

    def user(self, user_id: Id) -> tuple[Profile | None, list[BehaviorRow]]:
        read = self._shop.user(user_id)
        self.has_read.set()
        assert self.may_tell.wait(10)
        return read

    user_at_once = user


@pytest.mark.parametrize("get", [LiveUsers.get, LiveUsers.read_at_once])
@pytest.mark.parametrize("how", ["forget", "forget_all", "outdate"])
def test_a_history_that_was_read_before_it_changed_is_not_remembered(
    own_url: str, how: str, get: Callable[[LiveUsers, Id], User]
) -> None:
    with contextlib.closing(Shop.open(own_url)) as shop:
        reader = SlowReader(shop)
        users = LiveUsers(reader, 10, 60.0)
        told: list[int] = []
        thread = threading.Thread(target=lambda: told.append(len(get(users, USER).behaviors)))
        thread.start()
        assert reader.has_read.wait(10)
        add_behaviors(own_url, [(USER, product(4), "visit", 1.0)])
        if how == "forget":
            users.forget([USER])
        else:
            getattr(users, how)()
        reader.may_tell.set()
        thread.join()
        assert users.at_hand(USER) is None
        assert len(users.get(USER).behaviors) == told[0] + 1
        assert users.at_hand(USER) is not None


def test_what_is_read_after_somebody_was_forgotten_is_remembered(own_url: str) -> None:
    """The mark of having been forgotten ends with the reading that it was meant for."""
    with contextlib.closing(Shop.open(own_url)) as shop:
        users = LiveUsers(shop, 10, 60.0)
        users.forget([USER])
        assert users.get(USER) is users.get(USER)
        users.forget([USER])
        assert users.at_hand(USER) is None
        assert users.get(USER) is users.get(USER)


def test_an_erasure_anywhere_empties_the_memory(
    own_url: str, model_path: Path, tmp_path: Path
) -> None:
    epoch = tmp_path / "epoch"
    with opened(own_url, model_path, has_feed=False, epoch=epoch) as service:
        service.recommend(USER)
        assert service._memory.users.at_hand(USER) is not None
        bump_epoch(epoch)
        wait_until(lambda: service._memory.users.at_hand(USER) is None)


def test_a_user_who_was_forgotten_here_is_read_anew(own_url: str, model_path: Path) -> None:
    with opened(own_url, model_path, has_feed=False) as service:
        service.recommend(USER)
        service.forget(str(USER))
        assert service._memory.users.before(USER) is None


def test_somebody_who_has_just_signed_up_is_known_at_once(own_url: str, model_path: Path) -> None:
    stranger = 12_345
    with opened(own_url, model_path) as service:
        unknown = service.recommend(stranger, Question(on_unknown="popular"))
        assert unknown.fallback == "popular"
        with engine_of(own_url) as engine, engine.begin() as connection:
            insert_rows(connection, USER_PROFILE, profiles([stranger]))
        assert service.recommend(stranger).user.name == f"Name of {stranger}"


def test_a_product_met_after_the_training_is_never_listed_again(
    own_url: str, model_path: Path
) -> None:
    with opened(own_url, model_path) as service:
        add_behaviors(own_url, [(NEW_USER, NEW_PRODUCT, "visit", 1.0)])
        wait_until(lambda: service.user(NEW_USER).behaviors["visit"] == 1)
        assert NEW_PRODUCT not in ids_of(service.recommend(NEW_USER, Question(limit=100)))
