"""The shop's database goes away and comes back: answers go on, and say what they are made from."""

import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import make_url

from selera.contracts.errors import DatabaseError
from selera.contracts.events import Changes, Event
from selera.database import Shop
from selera.serving import Filters, ModelSlot, Question, RecommendationService, Sources, memory
from selera.serving import catalogue as live_catalogue
from tests.processes import STALL_S
from tests.serving.following import ids_of, is_immediate, opened, wait_until
from tests.serving.proxy import Proxy
from tests.serving.served_shop import (
    NEW_PRODUCT,
    NEW_USER,
    NOBODY,
    engine_of,
    fill_shop,
    interactions_of,
)

DATA = interactions_of()
USER, OTHER = DATA.users.id(4), DATA.users.id(5)
ALL = Question(limit=100)


class Switch(ABC):
    """Takes a database away from who uses `url`, and gives it back."""

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def off(self) -> None:
        """Take it away."""

    @abstractmethod
    def on(self) -> None:
        """Give it back."""


class FileSwitch(Switch):
    """Moves the SQLite file away."""

    def off(self) -> None:
        self._move("", ".away")

    def on(self) -> None:
        self._move(".away", "")

    def _move(self, source: str, target: str) -> None:
        path = self.url.removeprefix("sqlite:///")
        for part in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                Path(path + part + source).rename(path + part + target)


class ProxySwitch(Switch):
    """Shuts the door to the server."""

    def __init__(self, url: str) -> None:
        real = make_url(url)
        self.proxy = Proxy(real.host or "127.0.0.1", real.port or 5432)
        through = real.set(host="127.0.0.1", port=self.proxy.port)
        super().__init__(through.render_as_string(hide_password=False))

    def off(self) -> None:
        self.proxy.shut()

    def on(self) -> None:
        self.proxy.open()


@pytest.fixture
def switch(database_url: str) -> Iterator[Switch]:
    """The whole shop, in each kind of database, behind a switch."""
    fill_shop(database_url)
    if database_url.startswith("sqlite"):
        yield FileSwitch(database_url)
        return
    switched = ProxySwitch(database_url)
    with contextlib.closing(switched.proxy):
        yield switched


@pytest.fixture
def following(switch: Switch, model_path: Path) -> Iterator[RecommendationService]:
    """A service that remembers one user and the catalogue."""
    with opened(switch.url, model_path) as service:
        wait_until(lambda: bool(service.recommend(USER, ALL)) and is_immediate(service, USER, ALL))
        yield service


def lose(switch: Switch, service: RecommendationService) -> None:
    switch.off()
    wait_until(lambda: service.recommend(USER).degraded)


def succeeds(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except DatabaseError:
        return False
    return True


def regain(switch: Switch, service: RecommendationService) -> None:
    switch.on()
    wait_until(lambda: not service.recommend(USER).degraded)


def test_it_is_not_ready_before_it_has_read_what_the_shop_sells(
    switch: Switch, model_path: Path
) -> None:
    """Who was told that it is would be answered 503, if the database goes away just then."""
    with opened(switch.url, model_path, started=False) as service:
        assert service.model().version == "v1"
        switch.off()
        service.start()
        for ask in (service.health, service.popular, lambda: service.recommend(USER)):
            with pytest.raises(DatabaseError):
                ask()
        switch.on()
        wait_until(lambda: succeeds(service.health))
        lose(switch, service)
        assert service.health().status == "degraded"
        assert service.popular().popular


def test_answers_go_on_without_the_database_and_are_whole_again_with_it(
    switch: Switch, following: RecommendationService
) -> None:
    whole = following.recommend(USER, ALL)
    unread = following.recommend(OTHER, ALL)
    following.forget(OTHER)
    lose(switch, following)
    mine = following.recommend(USER, ALL)
    assert mine.recommendations == whole.recommendations
    assert mine.user == whole.user
    theirs = following.recommend(OTHER, ALL)
    assert theirs.degraded
    # As the model remembers them: the times of the behaviors are those of the training.
    assert theirs.fallback is None
    assert ids_of(theirs)[:2] == ids_of(unread)[:2]
    assert set(ids_of(theirs)) == set(ids_of(unread))
    assert msgspec.to_builtins(theirs.user) == {"user_id": OTHER}
    assert following.health().status == "degraded"
    regain(switch, following)
    assert following.recommend(OTHER, ALL).recommendations == unread.recommendations
    assert following.recommend(OTHER).user == unread.user
    assert following.health().status == "ready"


def test_a_stranger_gets_popular_products_while_nobody_can_tell_who_it_is(
    switch: Switch, following: RecommendationService
) -> None:
    popular = [each.product for each in following.popular().popular]
    lose(switch, following)
    for user in (NOBODY, NEW_USER):
        answer = following.recommend(user)
        assert (answer.fallback, answer.degraded) == ("popular", True)
        assert msgspec.to_builtins(answer.user) == {"user_id": user}
        assert [each.product for each in answer.recommendations] == popular


def test_every_list_goes_on_without_the_database(
    switch: Switch, following: RecommendationService
) -> None:
    question = Question(limit=5, filters=Filters(in_stock=True, max_price=1e9), diversity=0.5)
    before = [
        following.similar(DATA.items.id(3), question).similar,
        following.similar(NEW_PRODUCT, question).similar,
        following.popular(question).popular,
        following.trending(question).trending,
        following.recommend_basket([DATA.items.id(3)], question).recommendations,
    ]
    lose(switch, following)
    basket = following.recommend_basket([DATA.items.id(3)], question)
    assert basket.degraded
    assert before == [
        following.similar(DATA.items.id(3), question).similar,
        following.similar(NEW_PRODUCT, question).similar,
        following.popular(question).popular,
        following.trending(question).trending,
        basket.recommendations,
    ]
    batch = following.recommend_many([USER, NOBODY], question)
    assert [each.degraded for each in batch.answers] == [True, True]


def test_events_are_refused_while_the_database_is_away_and_taken_when_it_is_back(
    switch: Switch, following: RecommendationService
) -> None:
    event = Event("e", "purchase", USER, DATA.items.id(4), int(time.time()))
    lose(switch, following)
    with pytest.raises(DatabaseError):
        following.record([event])
    regain(switch, following)
    assert following.record([event]).stored == 1
    assert event.product_id not in ids_of(following.recommend(USER, ALL))


def test_what_happened_meanwhile_is_in_the_first_whole_answer(
    switch: Switch, following: RecommendationService, database_url: str
) -> None:
    """A worker that was cut off must not go on with what it remembers from before."""
    bought = ids_of(following.recommend(USER, ALL))[0]
    lose(switch, following)
    event = Event("e", "purchase", USER, bought, int(time.time()))
    if isinstance(switch, FileSwitch):
        switch.on()
    with opened(database_url, following._models._path, started=False) as other:
        assert other.record([event]).stored == 1
    if not isinstance(switch, FileSwitch):
        switch.on()
    wait_until(lambda: not following.recommend(USER).degraded)
    wait_until(lambda: bought not in ids_of(following.recommend(USER, ALL)))


def test_many_who_ask_during_an_outage_do_not_wait_one_after_the_other(
    switch: Switch, following: RecommendationService
) -> None:
    lose(switch, following)
    seconds: list[float] = []

    def ask(user_id: int) -> None:
        started = time.monotonic()
        assert following.recommend(user_id).recommendations
        seconds.append(time.monotonic() - started)

    threads = [threading.Thread(target=ask, args=(user_id,)) for user_id in range(1, 41)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seconds) == 40
    assert max(seconds) < STALL_S, "40 patient questions in a row take minutes"


def test_details_that_were_never_read_are_told_from_the_columns(
    switch: Switch, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a catalogue that is too large to be read ahead, names are missing and nothing else."""
    monkeypatch.setattr(live_catalogue, "READ_AHEAD", 0)
    monkeypatch.setattr(live_catalogue, "MOST_DETAILS", 20)
    with opened(switch.url, model_path) as service:
        wait_until(lambda: bool(service.recommend(USER, Question(limit=1)).recommendations))
        assert not is_immediate(service, USER)
        lose(switch, service)
        places = service.recommend(USER, ALL).recommendations
        assert len(places) > 10
        for each in places:
            told = msgspec.to_builtins(each.product)
            assert (told["category"], told["brand"]) == ("clothing", "Parang")
            assert (told["price"], told["stock"]) == (125000.0, 12)
        assert {each.product.product_name for each in places[10:]} == {None}
        regain(switch, service)
        again = service.recommend(USER, ALL).recommendations
        assert all(each.product.product_name for each in again)


def test_connections_that_the_server_ends_are_made_anew(
    switch: Switch, following: RecommendationService, database_url: str
) -> None:
    if not database_url.startswith("postgresql"):
        pytest.skip("PostgreSQL alone ends sessions by a statement")
    with engine_of(database_url) as engine, engine.begin() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    for _ in range(20):
        assert following.recommend(OTHER).recommendations
        following.forget(OTHER)
        time.sleep(0.02)
    wait_until(lambda: not following.recommend(OTHER).degraded)


class FrozenFeed:
    """A feed whose database takes questions and never answers, once it is frozen."""

    def __init__(self) -> None:
        self.is_thawed = threading.Event()
        self.is_thawed.set()

    def poll(self) -> Changes:
        assert self.is_thawed.wait(30)
        return Changes()


def test_a_database_that_neither_answers_nor_refuses_counts_as_silent(
    own_url: str, model_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "PATIENCE_S", 0.5)
    feed = FrozenFeed()
    with contextlib.closing(Shop.open(own_url)) as shop:
        service = RecommendationService(ModelSlot(model_path), shop, sources=Sources(feed=feed))
        with contextlib.closing(service):
            service.start()
            assert not service.recommend(USER).degraded
            feed.is_thawed.clear()
            wait_until(lambda: service.recommend(USER).degraded)
            assert service.recommend(OTHER).degraded
            assert service.health().status == "degraded"
            feed.is_thawed.set()
            wait_until(lambda: not service.recommend(OTHER).degraded)
