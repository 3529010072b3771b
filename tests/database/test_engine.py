"""Opening databases: the driver that is shipped, the settings that matter, what a failure says."""

import socket
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import make_url

from selera.contracts.errors import DatabaseError
from selera.database import open_engine
from selera.database.drivers import connect_arguments
from selera.database.engine import parse_url
from selera.database.failures import explain
from tests.shops import execute, opened


@pytest.mark.parametrize(
    ("scheme", "driver"),
    [
        ("postgresql", "postgresql+psycopg"),
        ("postgres", "postgresql+psycopg"),
        ("mysql", "mysql+pymysql"),
        ("mariadb", "mariadb+pymysql"),
        ("mysql+pymysql", "mysql+pymysql"),
    ],
)
def test_a_plain_url_gets_the_driver_that_is_shipped(scheme: str, driver: str) -> None:
    assert parse_url(f"{scheme}://user:secret@host/shop").drivername == driver


@pytest.mark.parametrize(
    "url", ["", "shop.db", "oracle://user:secret@host/shop", "mysql+mysqldb://a:secret@b/c"]
)
def test_a_url_of_no_known_kind_is_refused_with_examples(url: str) -> None:
    with pytest.raises(DatabaseError, match="sqlite:///shop.db") as caught:
        open_engine(url)
    assert "secret" not in str(caught.value)


def test_a_broken_url_does_not_show_its_password() -> None:
    with pytest.raises(DatabaseError) as caught:
        open_engine("postgresql://user:secret@host:port/shop")
    assert "secret" not in str(caught.value)
    assert "//***@host:port" in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "postgresql://host"])
def test_a_url_must_name_a_database(url: str) -> None:
    with pytest.raises(DatabaseError, match="names no database"):
        open_engine(url)


def test_a_missing_sqlite_file_is_not_made_by_reading(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with pytest.raises(DatabaseError, match="no database at .*shop.db.*selera seed"):
        open_engine(f"sqlite:///{path}")
    assert not path.exists()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="folder .*nowhere"):
        open_engine(f"sqlite:///{tmp_path}/nowhere/shop.db", create=True)


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="is a folder"):
        open_engine(f"sqlite:///{tmp_path}", create=True)


def test_a_file_that_is_no_database_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    path.write_bytes(b"product,price\n" * 100)
    with (
        opened(f"sqlite:///{path}") as engine,
        pytest.raises(Exception, match="not a database"),
        engine.connect() as connection,
    ):
        connection.exec_driver_sql("SELECT * FROM sqlite_master")


def test_a_new_sqlite_file_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    with opened(url, create=True) as engine, engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one() == 10_000


def test_an_existing_sqlite_file_keeps_its_journal(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    path.touch()
    with opened(f"sqlite:///{path}", create=True) as engine, engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "delete"


def test_a_replaced_sqlite_file_is_read_anew(tmp_path: Path) -> None:
    path, other = tmp_path / "shop.db", tmp_path / "other.db"
    for file, value in ((path, 1), (other, 2)):
        execute(f"sqlite:///{file}", f"CREATE TABLE t AS SELECT {value} AS v")
    with opened(f"sqlite:///{path}") as engine:
        for expected in (1, 2):
            with engine.connect() as connection:
                assert connection.exec_driver_sql("SELECT v FROM t").scalar_one() == expected
            if expected == 1:
                other.replace(path)


def test_a_deleted_sqlite_file_is_missed_and_not_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    execute(f"sqlite:///{path}", "CREATE TABLE t (v INTEGER)")
    with opened(f"sqlite:///{path}") as engine:
        path.unlink()
        with pytest.raises(DatabaseError, match="no database at .* any more"):
            engine.connect()
    assert not path.exists()


def test_an_unreachable_server_is_named_without_its_password() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        port = closed.getsockname()[1]
        for scheme in ("postgresql", "mysql"):
            with pytest.raises(DatabaseError, match=rf"connect to {scheme}://user:\*") as caught:
                open_engine(f"{scheme}://user:secret@127.0.0.1:{port}/shop")
            assert "secret" not in str(caught.value)
            assert "Check that the database runs" in str(caught.value)


@pytest.mark.parametrize("database_kind", ["mariadb"], indirect=True)
def test_a_wrong_password_is_refused_and_not_shown(database_url: str) -> None:
    url = make_url(database_url).set(username="nobody", password="wrong-secret")
    with pytest.raises(DatabaseError, match="Access denied") as caught:
        open_engine(url.render_as_string(hide_password=False))
    assert "wrong-secret" not in str(caught.value)


def test_a_password_that_a_driver_repeats_is_taken_out() -> None:
    url = make_url("postgresql://user:hush@host/shop?sslpassword=hidden")
    assert explain(RuntimeError("hush and hidden\nmore"), url) == "*** and ***"


def test_a_missing_database_is_named(database_url: str) -> None:
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        url = url.set(database=f"{url.database}.missing")
    else:
        url = url.set(database="selera_test_missing")
    with pytest.raises(DatabaseError, match="missing"):
        open_engine(url.render_as_string(hide_password=False))


def test_a_driver_that_is_not_installed_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(DatabaseError, match=r"pip install 'selera\[mysql\]'"):
        open_engine("mysql://root@127.0.0.1/shop")


def test_options_of_the_url_come_first() -> None:
    url = make_url("postgresql+psycopg://host/shop?connect_timeout=1")
    assert "connect_timeout" not in connect_arguments(url, None)


def test_an_engine_that_answers_requests_is_impatient() -> None:
    postgresql = connect_arguments(make_url("postgresql+psycopg://host/shop"), 3)
    mariadb = connect_arguments(make_url("mysql+pymysql://host/shop"), 3)
    assert "statement_timeout=3s" in postgresql["options"]
    assert mariadb["read_timeout"] == 3


@pytest.mark.parametrize("greeting", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_port_where_no_mysql_server_answers_is_told_in_time(
    monkeypatch: pytest.MonkeyPatch, greeting: bytes
) -> None:
    monkeypatch.setattr("selera.database.drivers.GREETING_TIMEOUT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=_greet, args=(server, greeting))
        answering.start()
        port = server.getsockname()[1]
        with pytest.raises(DatabaseError, match="no MySQL server answers there") as caught:
            open_engine(f"mysql://user:secret@127.0.0.1:{port}/shop")
        answering.join()
    assert "secret" not in str(caught.value)


def _greet(server: socket.socket, greeting: bytes) -> None:
    """Say something to one client, then wait until it goes."""
    client, _ = server.accept()
    with client:
        client.sendall(greeting)
        client.settimeout(10)
        client.recv(1)


@pytest.mark.parametrize("database_kind", ["mariadb"], indirect=True)
def test_the_patience_for_a_greeting_is_not_that_for_an_answer(database_url: str) -> None:
    for options, expected in (("", None), ("?read_timeout=100", 100)):
        with opened(database_url + options) as engine, engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            assert driver._read_timeout == expected


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:secret@hush@host/shop",
        "postgresql://user:secret@hu/sh@host/shop",
        "mysql://user:secret@hush@@host:3306/shop?ssl_ca=ca.pem",
        "postgresql://user:secret@hush@host:port/shop",
    ],
)
def test_an_at_sign_in_a_password_is_asked_for_as_40_and_not_shown(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"//\*\*\*@host.*Write an @ .* as %40") as caught:
        open_engine(url)
    for part in ("secret", "hu", "sh@"):
        assert part not in str(caught.value)


def test_an_at_sign_may_stand_encoded_or_in_an_option() -> None:
    assert parse_url("mysql://user:a%40b@host/shop?ssl_ca=/a@b").password == "a@b"
    assert parse_url("sqlite:////home/a@b/c@d.db").database == "/home/a@b/c@d.db"
