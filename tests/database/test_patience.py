"""Servers that fall silent, and those who wait for them."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import URL, Engine, make_url

from selera.contracts.errors import DatabaseError
from selera.database import Shop
from selera.database.engine import connect, parse_url
from selera.database.failures import translated
from selera.database.patience import OpenConnections
from tests.database.stores import make_poor_shop
from tests.processes import STALL_S
from tests.serving.proxy import Proxy

SERVERS = pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True)


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    real = make_url(database_url)
    with closing(Proxy(real.host or "127.0.0.1", real.port or 0)) as proxy:
        yield proxy


def ask(engine: Engine) -> object:
    with translated(engine.url, "ask"), engine.connect() as connection:
        return connection.exec_driver_sql("SELECT 1").scalar_one()


def url_through(proxy: Proxy, database_url: str) -> URL:
    through = make_url(database_url).set(host="127.0.0.1", port=proxy.port)
    return parse_url(through.render_as_string(hide_password=False))


@pytest.mark.slow
@SERVERS
def test_a_server_that_falls_silent_is_given_up_and_asked_again_later(
    database_url: str, proxy: Proxy
) -> None:
    engine = connect(url_through(proxy, database_url), answer_timeout_s=1)
    with engine.connect() as connection:
        proxy.is_mute = True
        started = time.monotonic()
        with pytest.raises(DatabaseError, match="Cannot ask"), translated(engine.url, "ask"):
            connection.exec_driver_sql("SELECT 1")
        assert time.monotonic() - started < STALL_S, "it would wait for minutes"
        proxy.is_mute = False
    assert ask(engine) == 1
    engine.dispose()


@SERVERS
def test_who_waits_for_an_answer_is_freed_when_the_connections_are_cut(
    database_url: str, proxy: Proxy
) -> None:
    connections = OpenConnections()
    engine = connect(url_through(proxy, database_url), connections)
    proxy.is_mute = True
    raised: list[DatabaseError] = []

    def wait() -> None:
        with pytest.raises(DatabaseError) as error:
            ask(engine)
        raised.append(error.value)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.2)  # the question is on its way
    assert waiting.is_alive()

    connections.cut()

    waiting.join(10)
    assert len(raised) == 1
    with pytest.raises(DatabaseError, match="asks no database any more"):
        ask(engine)
    engine.dispose()


@SERVERS
def test_a_shop_that_has_hung_up_answers_nobody_and_can_be_closed(database_url: str) -> None:
    make_poor_shop(database_url)
    with closing(Shop.open(database_url)) as shop, closing(shop.change_feed()) as feed:
        feed.poll()
        shop.hang_up()
        for call in (feed.poll, shop.ping, shop.count_users):
            with pytest.raises(DatabaseError):
                call()


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_nobody_hangs_up_on_a_file(database_url: str) -> None:
    make_poor_shop(database_url)
    with closing(Shop.open(database_url)) as shop:
        shop.hang_up()
        assert shop.count_users() == 0
