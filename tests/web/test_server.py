"""The server as a process: start, signals, a taken port, what it imports, hot swaps."""

import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from selera.artifact import open_artifact, write_artifact
from selera.contracts.errors import ConfigError, DatabaseError
from selera.web import WebConfig, serve
from tests.serving.served_shop import publish
from tests.web.running import Server, running_server


def ask(connection: http.client.HTTPConnection, path: str) -> tuple[int, dict[str, Any]]:
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def connect(server: Server) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(*server.address, timeout=10)


def test_a_server_starts_without_a_model_and_takes_it_when_it_comes(
    shop_url: str, tmp_path: Path
) -> None:
    with running_server(shop_url, tmp_path / "model.pkl") as server:
        connection = connect(server)
        status, problem = ask(connection, "/recommend/4")
        assert (status, problem["code"]) == (503, "model_not_ready")
        assert "python training.py" in problem["detail"]
        publish(tmp_path / "model.pkl")
        status, answer = ask(connection, "/recommend/4")
        assert status == 200
        assert answer["model"]["version"] == "v1"
        connection.close()


@pytest.mark.slow
def test_twenty_models_are_swapped_and_no_request_fails(
    shop_url: str, model_path: Path, tmp_path: Path
) -> None:
    artifact = open_artifact(model_path)
    path = tmp_path / "model.pkl"

    def publish_version(version: int) -> None:
        run = {**artifact.run, "version": str(version)}
        write_artifact(path, artifact.metadata, artifact.arrays, run=run)

    publish_version(0)
    statuses: list[int] = []
    seen: list[set[str]] = [set(), set()]
    stop = threading.Event()

    def keep_asking(server: Server, versions: set[str]) -> None:
        connection = connect(server)
        while not stop.is_set():
            status, answer = ask(connection, "/recommend/4?limit=3")
            statuses.append(status)
            versions.add(answer["model"]["version"])
        connection.close()

    with running_server(shop_url, path) as server:
        with ThreadPoolExecutor(len(seen)) as askers:
            asking = [askers.submit(keep_asking, server, each) for each in seen]
            try:
                for version in range(1, 21):
                    publish_version(version)
                    deadline = time.monotonic() + 10
                    while not all(str(version) in each for each in seen):
                        assert time.monotonic() < deadline, f"version {version} was not served"
                        time.sleep(0.01)
            finally:
                stop.set()
            for each in asking:
                each.result()
    assert set(statuses) == {200}
    assert all(each >= {str(version) for version in range(1, 21)} for each in seen)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_cleanly(
    shop_url: str, model_path: Path, ending: signal.Signals
) -> None:
    with running_server(shop_url, model_path) as server:
        connection = connect(server)
        assert ask(connection, "/health/ready")[0] == 200
        server.process.send_signal(ending)
        assert server.process.wait(timeout=20) == 0
        assert server.process.stdout is not None
        assert server.process.stdout.read().endswith("closed\n")
        connection.close()


def test_a_taken_port_is_told_with_the_cure(
    shop_url: str, model_path: Path, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = WebConfig(database=shop_url, model=model_path, state=tmp_path / "s.db", port=port)
        with pytest.raises(ConfigError, match=rf"port {port} .* is taken.*--port {port + 1}"):
            serve(config)


@pytest.mark.parametrize("host", ["192.0.2.1", "no host at all"])
def test_an_address_that_is_not_ours_is_told_with_the_cure(
    shop_url: str, model_path: Path, tmp_path: Path, host: str
) -> None:
    config = WebConfig(
        database=shop_url,
        model=model_path,
        state=tmp_path / "s.db",
        port=0,
        host=host,
        public_without_keys=True,
    )
    with pytest.raises(ConfigError, match=rf"cannot listen on {host} at port 0.*--host 127"):
        serve(config)


def test_a_missing_database_ends_the_start_and_frees_the_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = WebConfig(database=f"sqlite:///{tmp_path}/none.db", state=tmp_path / "s.db", port=port)
    for _ in range(2):
        with pytest.raises(DatabaseError, match=r"no database at .*none\.db"):
            serve(config)


class Enough(Exception):
    """The server has started; that was all that the test wanted."""


def enough(url: str) -> None:
    raise Enough(url)


def test_an_address_that_others_reach_is_warned_about(
    shop_url: str, model_path: Path, tmp_path: Path
) -> None:
    for host, warned in (("0.0.0.0", True), ("127.0.0.1", False), ("localhost", False)):
        config = WebConfig(
            database=shop_url,
            model=model_path,
            state=tmp_path / "s.db",
            host=host,
            port=0,
            public_without_keys=True,
        )
        with capture_logs() as logs, pytest.raises(Enough, match=rf"^http://{host}:[0-9]+$"):
            serve(config, started=enough)
        assert ("everyone who reaches this address can read profiles" in str(logs)) == warned


def test_an_ipv6_address_is_listened_on(shop_url: str, model_path: Path, tmp_path: Path) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    config = WebConfig(
        database=shop_url, model=model_path, state=tmp_path / "s.db", host="::1", port=0
    )
    with pytest.raises(Enough, match=r"^http://\[::1\]:[0-9]+$"):
        serve(config, started=enough)


@pytest.mark.parametrize("settings", [{}, {"host": "0.0.0.0", "allowed_hosts": ["shop.example"]}])
def test_a_container_is_healthy_while_its_server_lives(
    shop_url: str, model_path: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    """Its port is told by the environment, or else by `selera.toml`."""

    def is_healthy(**environment: str) -> bool:
        done = subprocess.run([sys.executable, check], env=environment, cwd=tmp_path)
        return done.returncode == 0

    check = Path(__file__).parents[2] / "deploy" / "healthcheck.py"
    file = tmp_path / "selera.toml"
    with running_server(shop_url, model_path, public_without_keys=True, **settings) as server:
        port = server.address[1]
        assert is_healthy(SELERA_WEB_PORT=str(port))
        file.write_text("[web]\nport = 1\n", encoding="utf-8")
        assert is_healthy(SELERA_WEB_PORT=str(port))
        assert not is_healthy()
        file.write_text(f'database = "sqlite:///é.db"\n[web]\nport = {port}\n', encoding="utf-8")
        assert is_healthy()
    assert not is_healthy()


@pytest.mark.slow
def test_a_connection_may_rest(shop_url: str, model_path: Path) -> None:
    """For longer than other servers' 5 s: a proxy that keeps it open must not find it closed."""
    with running_server(shop_url, model_path) as server:
        connection = http.client.HTTPConnection(*server.address)
        connection.auto_open = 0
        connection.connect()
        for pause_s in (7, 0):
            connection.request("GET", "/health/live")
            assert connection.getresponse().read()
            time.sleep(pause_s)
        connection.close()


WHAT_IS_IMPORTED = """
import os, signal, sys, threading, urllib.request
from pathlib import Path
import structlog
from selera.web import WebConfig, serve

structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

def ask(url):
    for path in ("/recommend/4", "/similar/17", "/users/4", "/docs", "/openapi.json"):
        assert urllib.request.urlopen(url + path).status == 200
    heavy = {"numba", "polars", "alembic", "scipy", "dataframely", "pandas", "pyarrow"}
    print("imported:", sorted(heavy & set(sys.modules)), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)

model = Path(sys.argv[2])
config = WebConfig(database=sys.argv[1], model=model, state=model.parent / "s.db", port=0)
serve(config, started=lambda url: threading.Thread(target=ask, args=(url,)).start())
"""


def test_answering_requests_imports_nothing_heavy(shop_url: str, model_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WHAT_IS_IMPORTED, shop_url, str(model_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "imported: []" in done.stdout
