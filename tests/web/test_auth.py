"""Keys, scopes, users' own tokens and limits, against a real server."""

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from selera.contracts.errors import ConfigError, StateError, Unauthorized
from selera.state import Keys, State, Tokens
from selera.web import WebConfig
from selera.web.access import check_access, open_door
from tests.web.running import Server, running_server

pytestmark = pytest.mark.slow


class Asker:
    """Asks one server, each time anew."""

    def __init__(self, server: Server, keys: Keys, tokens: Tokens) -> None:
        self.server, self.keys, self.tokens = server, keys, tokens

    def ask(
        self, path: str, secret: str | None = None, method: str = "GET", **headers: str
    ) -> tuple[int, http.client.HTTPMessage, dict[str, Any]]:
        connection = http.client.HTTPConnection(*self.server.address, timeout=10)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if secret is not None:
            given["Authorization"] = f"Bearer {secret}"
        body = "{}" if method == "POST" else None
        if body:
            given["Content-Type"] = "application/json"
        connection.request(method, path, body=body, headers=given)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, response.headers, json.loads(text) if text else {}

    def status(self, path: str, secret: str | None = None, method: str = "GET") -> int:
        return self.ask(path, secret, method)[0]


@pytest.fixture
def asker(shop_url: str, tmp_path: Path) -> Iterator[Asker]:
    with (
        State.open(tmp_path / "state.db") as state,
        running_server(shop_url, tmp_path / "model.pkl") as server,
    ):
        yield Asker(server, Keys(state), Tokens(state))


def test_the_first_key_closes_the_door_and_the_end_of_the_last_one_opens_none(asker: Asker) -> None:
    assert asker.status("/for-keys") == 200
    secret = asker.keys.create("shop", ["read"]).secret
    time.sleep(1.1)  # each process trusts what it knows for a second
    status, headers, problem = asker.ask("/for-keys")
    assert (status, problem["code"]) == (401, "unauthorized")
    assert headers["WWW-Authenticate"] == "Bearer"
    assert "X-API-Key" in problem["detail"]
    assert asker.status("/for-keys", secret) == 200
    assert asker.ask("/for-keys", X_API_Key=secret)[0] == 200
    for path in ("/", "/health/live", "/openapi.json"):
        assert asker.status(path) == 200
    asker.keys.revoke("shop")
    time.sleep(1.1)
    for given in (secret, None):
        assert asker.status("/for-keys", given) == 401
    soon = datetime.now(UTC) + timedelta(seconds=0.5)
    asker.keys.create("short", ["read"], expires_at=soon)
    time.sleep(1.6)
    assert asker.status("/for-keys") == 401


def test_a_key_that_is_unknown_revoked_or_too_old_is_401(asker: Asker) -> None:
    asker.keys.create("stays", ["read"])
    revoked = asker.keys.create("goes", ["read"]).secret
    soon = datetime.now(UTC) + timedelta(seconds=2)
    aging = asker.keys.create("ages", ["read"], expires_at=soon).secret
    assert asker.status("/for-keys", revoked) == 200
    assert asker.status("/for-keys", aging) == 200
    asker.keys.revoke("goes")
    time.sleep(3.1)
    changed = revoked[:-1] + ("A" if revoked[-1] != "A" else "B")
    for secret in (revoked, aging, changed, "", "x", "sel_1_", "é" * 3, "a" * 5000):
        assert asker.status("/for-keys", secret) == 401
    assert asker.ask("/for-keys", Authorization="Basic c2VjcmV0Og==")[0] == 401


def test_a_missing_scope_is_403_and_named(asker: Asker) -> None:
    reader = asker.keys.create("reader", ["read"]).secret
    admin = asker.keys.create("admin", ["admin"]).secret
    status, _, problem = asker.ask("/echo", reader, "POST")
    assert (status, problem["code"]) == (403, "forbidden")
    assert "'events'" in problem["detail"]
    assert asker.ask("/own/3", reader)[2]["profiles"] is False
    assert asker.ask("/own/3", admin)[2]["profiles"] is True
    assert asker.status("/echo", admin, "POST") == 201
    assert asker.status("/metrics", reader) == 403
    assert asker.status("/for-keys", admin) == 200


def test_a_users_token_is_good_for_that_user_alone(asker: Asker) -> None:
    asker.keys.create("shop", ["read"])
    token = asker.tokens.issue(3, 60)
    assert asker.ask("/own/3", token)[2] == {"key": None, "profiles": False}
    assert asker.status("/echo", token, "POST") == 201
    for path in ("/own/4", "/for-keys", "/metrics"):
        status, _, problem = asker.ask(path, token)
        assert (status, problem["code"]) == (403, "forbidden")
    assert asker.status("/own/3", token + "x") == 401
    asker.tokens.rotate()
    time.sleep(1.1)
    assert asker.status("/own/3", token) == 401


def test_who_asks_is_checked_before_the_body_is_read(asker: Asker) -> None:
    asker.keys.create("shop", ["events"])
    with socket.create_connection(asker.server.address, timeout=5) as connection:
        connection.sendall(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000000\r\n\r\n{"
        )
        assert connection.recv(4096).startswith(b"HTTP/1.1 401 ")


def test_too_many_requests_of_a_key_are_429_and_of_another_are_not(asker: Asker) -> None:
    slow = asker.keys.create("slow", ["read"], rate_per_minute=6).secret
    other = asker.keys.create("other", ["read"]).secret
    answers = [asker.ask("/for-keys", slow) for _ in range(8)]
    assert [each[0] for each in answers] == [200] * 6 + [429] * 2
    _, headers, problem = answers[-1]
    assert problem["code"] == "rate_limited"
    assert "6 times a minute" in problem["detail"]
    assert 1 <= int(headers["Retry-After"]) <= 10
    assert headers["RateLimit-Remaining"] == "0"
    assert asker.status("/for-keys", other) == 200


def test_the_setting_limits_keys_and_tokens_across_servers(shop_url: str, tmp_path: Path) -> None:
    with (
        State.open(tmp_path / "state.db") as state,
        running_server(shop_url, tmp_path / "m.pkl", rate_per_minute=6, rate_burst=3) as one,
        running_server(shop_url, tmp_path / "m.pkl", rate_per_minute=6, rate_burst=3) as two,
    ):
        keys, tokens = Keys(state), Tokens(state)
        askers = [Asker(each, keys, tokens) for each in (one, two)]
        assert {each.status("/own/3") for each in askers * 5} == {200}  # no key, no limit
        secret = keys.create("shop", ["read"]).secret
        time.sleep(1.1)
        token, another = tokens.issue(3, 60), tokens.issue(4, 60)
        for given in (secret, token):
            statuses = [askers[n % 2].status("/own/3", given) for n in range(4)]
            assert statuses == [200, 200, 200, 429]
        assert askers[0].status("/own/4", another) == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "shop.example"])
def test_an_address_that_others_reach_needs_a_key(host: str, tmp_path: Path) -> None:
    config = WebConfig(host=host, state=tmp_path / "state.db")
    with pytest.raises(ConfigError, match=r"no API key.*selera keys create.*--host 127"):
        check_access(config)
    wanted = WebConfig(host=host, state=tmp_path / "state.db", public_without_keys=True)
    with capture_logs() as logs:
        check_access(wanted)
    assert "everyone who reaches this address" in str(logs)
    with State.open(tmp_path / "state.db") as state:
        Keys(state).create("shop", ["read"])
    with capture_logs() as logs:
        check_access(config)
    assert logs == []


def test_a_name_that_others_ask_by_needs_a_key_too(tmp_path: Path) -> None:
    """A proxy passes their requests on to an address that only this machine reaches."""
    named: dict[str, Any] = {
        "state": tmp_path / "state.db",
        "allowed_hosts": ("localhost", "shop.example"),
    }
    with pytest.raises(ConfigError, match=r"shop\.example.*no API key.*keys create.*allowed"):
        check_access(WebConfig(**named))
    with capture_logs() as logs:
        check_access(WebConfig(**named, public_without_keys=True))
    assert [each["host"] for each in logs] == ["shop.example"]
    with State.open(tmp_path / "state.db") as state:
        Keys(state).create("shop", ["read"])
    check_access(WebConfig(**named))


def test_a_proxied_server_without_keys_lets_nobody_in(tmp_path: Path) -> None:
    """Whatever became of its keys since it started."""
    with State.open(tmp_path / "state.db") as state, contextlib.ExitStack() as stack:
        config = WebConfig(state=tmp_path / "state.db", allowed_hosts=("shop.example",))
        with pytest.raises(Unauthorized):
            open_door(config, state, stack).identify({})


@pytest.mark.parametrize("name", ["127.0.0.9", "[::1]", "localhost"])
def test_a_further_name_of_this_machine_needs_none(name: str, tmp_path: Path) -> None:
    check_access(WebConfig(allowed_hosts=(name,), state=tmp_path / "state.db"))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.9"])
def test_this_machine_alone_needs_none(host: str, tmp_path: Path) -> None:
    check_access(WebConfig(host=host, state=tmp_path / "state.db"))


def test_where_nobody_can_tell_nobody_comes_in(asker: Asker, tmp_path: Path) -> None:
    secret = asker.keys.create("shop", ["read"]).secret
    time.sleep(1.1)
    for each in tmp_path.glob("state.db*"):
        each.unlink()
    (tmp_path / "state.db").write_bytes(b"no database" * 1000)
    status, headers, problem = asker.ask("/for-keys", secret)
    assert (status, problem["code"]) == (503, "state_unavailable")
    assert headers["Retry-After"] == "5"
    assert str(tmp_path) not in problem["detail"]
    assert asker.status("/health/live") == 200
    with pytest.raises(StateError):
        check_access(WebConfig(state=tmp_path / "state.db"))
