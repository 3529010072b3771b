"""A database that takes every byte and answers none: what waits for it is answered, and can end."""

from __future__ import annotations

import http.client
import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import make_url

from selera.database.shop import ANSWER_TIMEOUT_S
from tests.processes import wait_until
from tests.serving.proxy import Proxy
from tests.serving.served_shop import FIRST_PRODUCT, FIRST_USER, fill_shop
from tests.shops import server_url
from tests.web.running import Server, running_server

__all__ = ["server_url"]  # of the database, not that of the API which this room means by it

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True),
]

ANSWERED_S = 20.0
"""How long a request may take that was in hand when the database fell silent."""


class Line(NamedTuple):
    """A server, and the line to its database."""

    server: Server
    proxy: Proxy

    def ask(self, path: str, body: Any = None) -> tuple[int, Any, float]:
        """Status, answer and seconds of one request."""
        started = time.monotonic()
        with closing(http.client.HTTPConnection(*self.server.address, timeout=60)) as connection:
            if body is None:
                connection.request("GET", path)
            else:
                headers = {"Content-Type": "application/json"}
                connection.request("POST", path, json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read()), time.monotonic() - started


@pytest.fixture
def line(database_url: str, model_path: Path, tmp_path: Path) -> Iterator[Line]:
    fill_shop(database_url)
    real = make_url(database_url)
    with closing(Proxy(real.host or "127.0.0.1", real.port or 0)) as proxy:
        through = real.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
        state = str(tmp_path / "state.db")
        with running_server(through, model_path, state=state, threads=4) as server:
            told = Line(server, proxy)
            wait_until(lambda: told.ask("/health/ready")[1]["status"] == "ready", "a ready server")
            yield told


def stopped_within_s(server: Server) -> float:
    started = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=60) == 0
    assert server.process.stdout is not None
    assert server.process.stdout.read().endswith("closed\n")
    return time.monotonic() - started


def test_requests_in_hand_are_answered_and_later_ones_at_once(line: Line) -> None:
    event = {"type": "visit", "user_id": FIRST_USER, "product_id": FIRST_PRODUCT}
    questions: list[tuple[str, Any]] = [
        (f"/recommend/{FIRST_USER + 3}", None),
        (f"/users/{FIRST_USER + 3}", None),
        ("/events", {"events": [event]}),
    ]
    answers: dict[str, tuple[int, Any, float]] = {}

    def ask(path: str, body: Any) -> None:
        answers[path] = line.ask(path, body)

    line.proxy.is_mute = True
    asking = [threading.Thread(target=ask, args=each) for each in questions]
    for each in asking:
        each.start()
    for each in asking:
        each.join()

    lists, user, events = (answers[path] for path, _ in questions)
    assert (lists[0], lists[1]["degraded"]) == (200, True)
    assert (user[0], user[1]["code"]) == (503, "database_unavailable")
    assert (events[0], events[1]["code"]) == (503, "database_unavailable")
    assert max(seconds for _, _, seconds in answers.values()) < ANSWERED_S
    status, answer, seconds = line.ask(f"/recommend/{FIRST_USER + 4}")
    assert (status, answer["degraded"]) == (200, True)
    assert seconds < ANSWER_TIMEOUT_S / 2, "nobody asks a database that is known to be silent"
    line.proxy.shut()
    line.proxy.is_mute = False
    line.proxy.open()
    wait_until(
        lambda: not line.ask(f"/recommend/{FIRST_USER + 5}")[1]["degraded"], "a whole answer", 15
    )


def test_a_server_at_rest_stops_in_time(line: Line) -> None:
    line.proxy.is_mute = True
    assert stopped_within_s(line.server) < ANSWER_TIMEOUT_S


def test_a_server_that_waits_for_answers_gives_some_and_stops_in_time(line: Line) -> None:
    answers: list[tuple[int, Any, float]] = []
    line.proxy.is_mute = True
    asking = [
        threading.Thread(target=lambda path=path: answers.append(line.ask(path)))
        for path in (f"/recommend/{FIRST_USER + 3}", f"/users/{FIRST_USER + 3}", "/users")
    ]
    for each in asking:
        each.start()
    time.sleep(0.5)  # they are in hand

    seconds = stopped_within_s(line.server)

    for each in asking:
        each.join()
    assert seconds < ANSWER_TIMEOUT_S, "else it waited for the database"
    assert sorted(status for status, _, _ in answers) == [200, 503, 503]
