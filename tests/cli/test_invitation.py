import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from selera.cli.invitation import Address, Trial, await_recommendation, invitation


class Api(BaseHTTPRequestHandler):
    """A small real API: ready when asked often enough, with the users that it is told."""

    users: list[object] = []
    refusals_left = 0
    needs_key = False
    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        status, body = 200, b"{}"
        if self.path == "/health/ready" and type(self).refusals_left:
            type(self).refusals_left -= 1
            status = 503
        elif self.needs_key and self.path != "/health/ready":
            status = 401
        elif self.path.startswith("/users"):
            body = json.dumps({"user_ids": self.users}).encode()
        elif self.path == "/text":
            body = b"no json"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(
    users: list[object], refusals: int = 0, *, needs_key: bool = False
) -> Iterator[Address]:
    Api.users, Api.refusals_left, Api.asked, Api.needs_key = users, refusals, [], needs_key
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Address("0.0.0.0", server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("users", "path"),
    [([7], "/recommend/7"), (["a b/ç"], "/recommend/a%20b%2F%C3%A7"), ([], "/popular")],
)
def test_the_invitation_is_a_request_that_was_answered(
    tmp_path: Path, users: list[object], path: str
) -> None:
    model = tmp_path / "model.pkl"
    model.touch()

    with serving(users, refusals=2) as address:
        assert await_recommendation(address, model, threading.Event()) == Trial(path)

    assert Api.asked.count("/health/ready") == 3
    assert Api.asked[-1] == path


def test_an_api_that_needs_a_key_is_invited_to_with_one_and_asked_no_more(tmp_path: Path) -> None:
    model = tmp_path / "model.pkl"
    model.touch()

    with serving([7], needs_key=True) as address:
        trial = await_recommendation(address, model, threading.Event())

    assert trial == Trial("/popular", needs_key=True)
    assert Api.asked == ["/health/ready", "/users?limit=1"]
    assert invitation(address, trial, 1.0)[2] == (
        f"  try   curl -H 'Authorization: Bearer KEY' {address.url}/popular"
    )


def test_nobody_is_asked_before_there_is_a_model(tmp_path: Path) -> None:
    stop = threading.Event()
    threading.Timer(0.5, stop.set).start()

    with serving([1]) as address:
        assert await_recommendation(address, tmp_path / "model.pkl", stop) is None

    assert Api.asked == []


def test_what_to_open_and_what_to_try_is_said() -> None:
    lines = invitation(Address("127.0.0.1", 5000), Trial("/recommend/a%20b?x=1&y=2"), 12.34)

    assert lines[0] == "Selera is ready after 12.3 s."
    assert lines[1] == "  open  http://127.0.0.1:5000/docs"
    assert lines[2] == "  try   curl 'http://127.0.0.1:5000/recommend/a%20b?x=1&y=2'"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("shop.example", "http://shop.example:80"),
    ],
)
def test_an_address_can_be_asked_from_this_machine(host: str, url: str) -> None:
    assert Address(host, 80).url == url


def test_an_answer_that_is_no_json_is_a_value_error() -> None:
    with serving([]) as address, pytest.raises(ValueError, match="Expecting value"):
        address.get("/text")
