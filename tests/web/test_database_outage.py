"""The shop's database stopped and started again under load: lists go on, events are whole."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import text

from tests.processes import wait_until
from tests.serving.served_shop import FIRST_PRODUCT, FIRST_USER, fill_shop
from tests.shops import opened
from tests.web.postgresql import cluster
from tests.web.test_worker_processes import Workers, two_workers

pytestmark = pytest.mark.slow

N_ASKERS, N_TELLERS = 3, 2
N_USERS, N_PRODUCTS = 20, 20
CALM_S, OUTAGE_S = 2.0, 4.0
RECOVERED_S = 10.0
FIRST_EVENT = 1_000_000
"""Each event is a purchase for a price of its own, by which its row is known."""


class Answer(NamedTuple):
    at: float
    status: int
    body: Any


class Customers:
    """Threads that ask for lists, tell of two purchases at a time, and look at the health."""

    def __init__(self, server: Workers) -> None:
        self._server = server
        self._stop = threading.Event()
        self._numbers = itertools.count(FIRST_EVENT, 2)
        self.lists: list[Answer] = []
        self.told: dict[int, Answer] = {}
        self.health: list[Answer] = []
        jobs = [self._ask] * N_ASKERS + [self._tell] * N_TELLERS + [self._look]
        self._threads = [threading.Thread(target=self._repeat, args=(job,)) for job in jobs]

    def __enter__(self) -> Customers:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for each in self._threads:
            each.join()

    def tell(self, first: int) -> Answer:
        """Tell of the purchases `first` and `first + 1`."""
        events = [
            {
                "event_id": f"e{number}",
                "type": "purchase",
                "user_id": FIRST_USER + number // 2 % N_USERS,
                "product_id": FIRST_PRODUCT + number % N_PRODUCTS,
                "transaction_value": number,
            }
            for number in (first, first + 1)
        ]
        return self._answer("POST", "/events", json.dumps({"events": events}))

    def _ask(self) -> None:
        user = FIRST_USER + len(self.lists) % N_USERS
        self.lists.append(self._answer("GET", f"/recommend/{user}"))

    def _tell(self) -> None:
        first = next(self._numbers)
        self.told[first] = self.tell(first)

    def _look(self) -> None:
        self.health.append(self._answer("GET", "/health/ready"))

    def _repeat(self, job: Callable[[], None]) -> None:
        while not self._stop.is_set():
            job()
            time.sleep(0.02)

    def _answer(self, method: str, path: str, body: str | None = None) -> Answer:
        connection = http.client.HTTPConnection(*self._server.address, timeout=30)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return Answer(time.monotonic(), response.status, json.loads(response.read()))
        finally:
            connection.close()


@pytest.fixture(scope="module")
def outage(
    tmp_path_factory: pytest.TempPathFactory, model_path: Path
) -> Iterator[tuple[Customers, str, float, float]]:
    """Customers before, during and after an outage; the shop's URL, and when it was away."""
    state = tmp_path_factory.mktemp("outage") / "state.db"
    with cluster() as database:
        fill_shop(database.url)
        with two_workers(database.url, model_path, state) as server:
            with Customers(server) as customers:
                time.sleep(CALM_S)
                database.stop()
                away = time.monotonic()
                time.sleep(OUTAGE_S)
                back = time.monotonic()  # it answers before this knows that it started
                database.start()
                started = time.monotonic()
                wait_until(
                    lambda: is_normal(customers, max(started, time.monotonic() - 1)),
                    "normal answers",
                    RECOVERED_S,
                )
                time.sleep(CALM_S)
            yield customers, database.url, away, back


def is_normal(customers: Customers, since: float) -> bool:
    """Whether there are answers since then, and none that the outage marks."""
    lists = [each for each in list(customers.lists) if each.at >= since]
    told = [each for each in list(customers.told.values()) if each.at >= since]
    return (
        bool(lists and told)
        and not any(each.body["degraded"] for each in lists)
        and {each.status for each in told} == {200}
    )


Outage = tuple[Customers, str, float, float]


def test_lists_never_fail_and_say_that_they_are_degraded(outage: Outage) -> None:
    customers, _, away, back = outage

    assert {each.status for each in customers.lists} == {200}
    before = [each.body for each in customers.lists if each.at < away - 1]
    during = [each.body for each in customers.lists if away + 1 < each.at < back]
    assert before
    assert len(during) > N_ASKERS
    assert not any(each["degraded"] for each in before)
    assert all(each["degraded"] for each in during)
    assert all(len(each["recommendations"]) == 10 for each in during)


def test_the_server_stays_ready_and_says_that_it_is_degraded(outage: Outage) -> None:
    customers, _, away, back = outage
    during = [each.body["status"] for each in customers.health if away + 1 < each.at < back]

    assert {each.status for each in customers.health} == {200}
    assert set(during) == {"degraded"}
    assert customers.health[-1].body["status"] == "ready"


def test_events_are_refused_as_long_as_the_database_is_away(outage: Outage) -> None:
    customers, _, away, back = outage
    during = [each for each in customers.told.values() if away + 1 < each.at < back]

    assert during
    assert {each.status for each in during} == {503}
    assert {each.body["code"] for each in during} == {"database_unavailable"}
    assert {each.status for each in customers.told.values()} == {200, 503}


def test_events_are_written_whole_or_not_at_all(outage: Outage) -> None:
    customers, url, _, _ = outage
    bought, noted = written(url)
    stored = {first for first, each in customers.told.items() if each.status == 200}

    assert len(bought) == len(set(bought))
    assert set(bought) == set(noted)
    assert {number - number % 2 for number in bought} == {n for n in bought if n % 2 == 0}
    assert {number - 1 for number in bought if number % 2} == {n for n in bought if n % 2 == 0}
    assert stored <= set(bought)

    refused = sorted(set(customers.told) - stored)
    again = [customers.tell(first) for first in refused]

    assert refused
    assert {each.status for each in again} == {200}
    assert {each.body["rejected"] for each in again} == {0}
    bought, noted = written(url)
    everything = sorted(number for first in customers.told for number in (first, first + 1))
    assert sorted(bought) == everything
    assert sorted(noted) == everything


def written(url: str) -> tuple[list[int], list[int]]:
    """The numbers of the purchases in the shop's table, and of the events in the outbox."""
    bought = f"""SELECT transaction_value FROM data_product_transaction_buy
        WHERE transaction_value >= {FIRST_EVENT}"""
    with opened(url) as engine, engine.connect() as connection:
        numbers = connection.execute(text(bought)).scalars().all()
        names = connection.execute(text("SELECT event_id FROM selera_outbox")).scalars().all()
    return [int(number) for number in numbers], [int(name[1:]) for name in names]
