"""What holds for every request of a real server: bodies, times, hosts, tags, gzip, CORS, log."""

import asyncio
import contextlib
import gzip
import http.client
import json
import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from selera.contracts.errors import ConfigError
from selera.state import Keys, State, Tokens
from selera.web import WebConfig
from selera.web.caching import entity_tag, is_known
from selera.web.compression import accepts_gzip
from tests.processes import STALL_S
from tests.web.running import Server, running_server

pytestmark = pytest.mark.slow

PAGE = "https://shop.example"


@pytest.fixture(scope="module")
def server(
    shop_url: str, model_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    state = tmp_path_factory.mktemp("edge") / "state.db"
    with running_server(
        shop_url,
        model_path,
        state=str(state),
        max_body_bytes=1000,
        header_timeout_s=1,
        body_timeout_s=1,
        allowed_hosts=["recommend.example"],
        public_without_keys=True,
        cors_origins=[PAGE],
    ) as server:
        yield server


class Got:
    """An answer, as it came over the wire."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.headers, self.body = response.status, response.headers, response.read()

    @property
    def json(self) -> Any:
        encoded = self.headers["Content-Encoding"] == "gzip"
        return json.loads(gzip.decompress(self.body) if encoded else self.body)


def ask(
    server: Server,
    path: str,
    method: str = "GET",
    *,
    body: bytes | Iterator[bytes] | None = None,
    **headers: str,
) -> Got:
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body=body, headers=given)
    got = Got(connection.getresponse())
    connection.close()
    return got


def check(got: Got, status: int, code: str) -> dict[str, Any]:
    assert got.status == status, got.body
    assert got.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = got.json
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["request_id"] == got.headers["X-Request-ID"]
    return problem


def raw(server: Server, sent: bytes, seconds: float = STALL_S) -> bytes:
    """All that comes until the server ends the connection."""
    with socket.create_connection(server.address, timeout=seconds) as connection:
        connection.sendall(sent)
        got = b""
        while more := connection.recv(65536):
            got += more
    return got


HEAD = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def test_a_body_that_is_too_large_is_413_announced_or_not(server: Server) -> None:
    json_type = {"Content_Type": "application/json"}
    assert ask(server, "/echo", "POST", body=b" " * 998 + b"{}", **json_type).json == {
        "bytes": 1000
    }
    check(ask(server, "/echo", "POST", body=b" " * 1001, **json_type), 413, "payload_too_large")
    announced = raw(server, HEAD + b"Content-Length: 99999999\r\n\r\n")
    assert announced.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in announced
    chunk = b"3e8\r\n" + b" " * 1000 + b"\r\n"
    chunked = raw(server, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + 2 * chunk)
    assert chunked.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_does_not_come_is_408(server: Server) -> None:
    started = time.monotonic()
    answer = raw(server, HEAD + b"Content-Length: 100\r\n\r\n{")
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in answer
    assert time.monotonic() - started > 0.9


def test_a_drop_now_and_then_does_not_keep_a_body_open(server: Server) -> None:
    with socket.create_connection(server.address, timeout=0.2) as connection:
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n")
        answer = b""
        for _ in range(20):
            connection.sendall(b" ")
            with contextlib.suppress(TimeoutError):
                answer = connection.recv(65536)
                break
    assert answer.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /popular HTTP/1.1\r\nHost: local",
        b"\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nx",
    ],
)
def test_a_request_that_never_ends_loses_its_connection(server: Server, sent: bytes) -> None:
    answer = raw(server, sent)
    if b"local" in sent and b"live" not in sent:
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_line_ends_between_requests_keep_no_connection(server: Server) -> None:
    started = time.monotonic()
    with socket.create_connection(server.address, timeout=STALL_S) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
        connection.settimeout(0.2)
        while not _is_ended(connection):
            assert time.monotonic() - started < STALL_S


def _is_ended(connection: socket.socket) -> bool:
    """Send a line end, and see whether the server is still there."""
    try:
        connection.sendall(b"\r\n")
        return connection.recv(10) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_five_hundred_slow_clients_keep_nobody_waiting(server: Server) -> None:
    slow = [socket.create_connection(server.address, timeout=STALL_S) for _ in range(500)]
    try:
        for number, each in enumerate(slow):
            each.sendall(
                b"GET / HTTP/1.1\r\nX: " if number % 2 else HEAD + b"Content-Length: 9\r\n\r\n"
            )
        started = time.monotonic()
        assert ask(server, "/health/live").status == 200
        assert time.monotonic() - started < STALL_S, "500 in a row would take minutes"
        for each in slow:
            answer = b""
            while more := each.recv(65536):
                answer += more
            assert answer.startswith(b"HTTP/1.1 408 ")
    finally:
        for each in slow:
            each.close()


def test_endless_headers_are_431(server: Server) -> None:
    answer = raw(server, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000)
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert b'"code":"headers_too_large"' in answer


@pytest.mark.parametrize("n_bytes", [70_000, 100_000])
def test_one_header_that_is_too_large_is_431(server: Server, n_bytes: int) -> None:
    """Also where it is there at once, and complete."""
    head = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
    for large in (b"X: %s\r\n" % (b"y" * n_bytes), b"X: y\r\n" * (n_bytes // 6)):
        answer = raw_to_the_end(server, head + large + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 431 ")
        assert answer.count(b"HTTP/1.1") == 1
    line = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % (b"y" * n_bytes)
    assert raw_to_the_end(server, line).startswith(b"HTTP/1.1 431 ")


def test_a_header_of_a_decent_size_is_taken(server: Server) -> None:
    assert ask(server, "/health/live", X="y" * 60_000).status == 200


def raw_to_the_end(server: Server, sent: bytes) -> bytes:
    """What comes until the end, though the server may end before it has read all."""
    with socket.create_connection(server.address, timeout=STALL_S) as connection:
        got = b""
        with contextlib.suppress(ConnectionError):
            connection.sendall(sent)
        with contextlib.suppress(ConnectionError):
            while more := connection.recv(65536):
                got += more
    return got


@pytest.mark.parametrize("chunks", [b"zz\r\n", b"2\r\n{}\r\nzz\r\n", b"2\r\n{}x\r\n0\r\n\r\n"])
@pytest.mark.parametrize("pause_s", [0, 0.1])
def test_a_broken_chunk_is_400(server: Server, chunks: bytes, pause_s: float) -> None:
    with socket.create_connection(server.address, timeout=STALL_S) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\nX-Request-ID: mine\r\n\r\n")
        time.sleep(pause_s)
        connection.sendall(chunks)
        got = b""
        while more := connection.recv(65536):
            got += more
    assert got.startswith(b"HTTP/1.1 400 ")
    assert got.count(b"HTTP/1.1") == 1
    assert b'"code":"bad_request"' in got
    assert b"x-request-id: mine" in got


def test_what_follows_a_good_request_breaks_nothing_that_was_answered(server: Server) -> None:
    good = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(server.address, timeout=STALL_S) as connection:
        connection.sendall(good)
        answer = b""
        while b"uptime_s" not in answer:
            answer += connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"nonsense\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_an_upgrade_to_what_we_do_not_speak_is_answered_as_any_request(server: Server) -> None:
    answer = ask(server, "/health/live", Connection="Upgrade", Upgrade="websocket")
    assert answer.status == 200


def test_what_is_refused_before_it_is_a_request_is_in_the_log(
    shop_url: str, model_path: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    quick = {"header_timeout_s": 0.5, "state": str(tmp_path / "state.db")}
    with running_server(shop_url, model_path, log=log, **quick) as server:
        answers = [
            raw(server, b"nonsense\r\n\r\n"),
            raw(server, HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
            raw(server, b"GET / HTTP/1.1\r\nX: "),
            raw_to_the_end(server, b"GET / HTTP/1.1\r\nX: %s\r\n\r\n" % (b"y" * 70_000)),
        ]
        ask(server, "/health/live", Connection="Upgrade", Upgrade="websocket")
    lines = log.read_text().splitlines()
    assert all(re.match(r"\d\d:\d\d:\d\d \S", line) for line in lines), lines
    for answer, status in zip(answers, (400, 400, 408, 431), strict=True):
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        head, _, body = answer.partition(b"\r\n\r\n")
        request_id = json.loads(body)["request_id"]
        assert f"x-request-id: {request_id}".encode() in head
        (line,) = [each for each in lines if request_id in each]
        assert f"request refused  status={status} " in line


def test_what_is_no_http_is_a_problem_too(server: Server) -> None:
    answer = raw(server, b"\x16\x03\x01 hello\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"code":"bad_request"' in answer


def test_an_asker_who_leaves_disturbs_nobody(server: Server) -> None:
    for _ in range(3):
        with socket.create_connection(server.address) as connection:
            connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
    assert ask(server, "/health/live").status == 200


@pytest.mark.parametrize("bomb", [b"[" * 900, b'{"a":' * 190])
def test_json_that_nests_without_end_is_400(shop_url: str, model_path: Path, bomb: bytes) -> None:
    with running_server(shop_url, model_path) as server:
        for depth in (1, 500):
            got = ask(server, "/echo", "POST", body=bomb * depth, Content_Type="application/json")
            check(got, 400, "bad_request")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Content_Type": "application/json; charset=latin-1"},
        {"Content_Type": "application/json", "Content_Encoding": "gzip"},
    ],
)
def test_a_body_of_another_type_is_415(server: Server, headers: dict[str, str]) -> None:
    check(ask(server, "/echo", "POST", body=b"{}", **headers), 415, "unsupported_media_type")
    plain = {"Content_Type": "application/json; charset=UTF-8"}
    assert ask(server, "/echo", "POST", body=b"{}", **plain).status == 201


def test_only_our_own_names_are_answered_to(server: Server) -> None:
    port = server.address[1]
    for host in ("localhost", "LOCALHOST", f"127.0.0.1:{port}", "[::1]:80", "recommend.example"):
        assert ask(server, "/health/live", Host=host).status == 200
    evil = ("evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", "a b", "[::2]")
    for host in (*evil, "localhost:x", "localhost@evil.example"):
        for path, method in (("/popular", "GET"), ("/echo", "POST"), ("/nothing", "OPTIONS")):
            check(ask(server, path, method, Host=host), 421, "misdirected")


def test_a_request_for_two_hosts_is_400(server: Server) -> None:
    for hosts in (
        (b"localhost", b"evil.example"),
        (b"evil.example", b"localhost"),
        (b"localhost",) * 2,
    ):
        head = b"GET /popular HTTP/1.1\r\n" + b"".join(b"Host: %s\r\n" % each for each in hosts)
        answer = raw(server, head + b"Connection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b'"code":"bad_request"' in answer


def test_a_personal_answer_is_known_again_though_its_id_is_new(server: Server) -> None:
    first, second = ask(server, "/recommend/4"), ask(server, "/recommend/4")
    assert first.json["recommendation_id"] != second.json["recommendation_id"]
    tag = first.headers["ETag"]
    assert tag == second.headers["ETag"]
    assert tag.startswith('W/"')
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert ask(server, "/recommend/5").headers["ETag"] != tag
    for method in ("GET", "HEAD"):
        for known in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
            got = ask(server, "/recommend/4", method, If_None_Match=known)
            assert (got.status, got.body) == (304, b"")
            assert got.headers["ETag"] == tag
            assert got.headers["Cache-Control"] == "private, no-cache"
            assert got.headers["Content-Type"] is None
            assert got.headers["X-Request-ID"]
        assert ask(server, "/recommend/4", method, If_None_Match='"other"').status == 200


@pytest.mark.parametrize("path", ["/popular", "/openapi.json", "/static/page.css", "/docs"])
def test_what_is_the_same_for_all_has_a_strong_tag(server: Server, path: str) -> None:
    plain = ask(server, path)
    zipped = ask(server, path, Accept_Encoding="gzip")
    tag = plain.headers["ETag"]
    assert tag.startswith('"')
    assert "private" not in plain.headers["Cache-Control"]
    assert ask(server, path, If_None_Match=tag).status == 304
    if zipped.headers["Content-Encoding"] == "gzip":
        assert gzip.decompress(zipped.body) == plain.body
        assert zipped.headers["ETag"] != tag  # a strong tag names the very bytes
        again = ask(server, path, If_None_Match=zipped.headers["ETag"], Accept_Encoding="gzip")
        assert again.status == 304
        assert "Accept-Encoding" in again.headers["Vary"]


def test_errors_have_no_tag_and_are_not_kept(server: Server) -> None:
    for path in ("/nothing", "/recommend/x", "/users/999999"):
        got = ask(server, path, If_None_Match="*")
        assert got.status in (404, 422)
        assert got.headers["ETag"] is None
        assert got.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    ("accepted", "zipped"),
    [
        ("gzip", True),
        ("gzip, deflate, br", True),
        ("br;q=1, gzip;q=0.5", True),
        ("*", True),
        ("GZIP", True),
        ("identity;q=0.5, gzip;q=1.0", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("*;q=0", False),
        ("identity, gzip;q=0.5", False),
        ("gzip;q=nonsense", False),
        ("notgzip", False),
    ],
)
def test_gzip_is_sent_to_who_takes_it(server: Server, accepted: str, zipped: bool) -> None:
    assert accepts_gzip(accepted.encode()) == zipped
    got = ask(server, "/popular", Accept_Encoding=accepted)
    assert (got.headers["Content-Encoding"] == "gzip") == zipped
    assert int(got.headers["Content-Length"]) == len(got.body)
    assert "Accept-Encoding" in got.headers["Vary"]
    assert got.json["popular"]
    head = ask(server, "/popular", "HEAD", Accept_Encoding=accepted)
    assert head.headers["Content-Length"] == got.headers["Content-Length"]
    assert head.headers["ETag"] == got.headers["ETag"]


def test_small_bodies_stay_as_they_are(server: Server) -> None:
    got = ask(server, "/health/live", Accept_Encoding="gzip")
    assert got.headers["Content-Encoding"] is None


def test_pages_of_an_allowed_origin_may_read_answers_and_errors(server: Server) -> None:
    for path in ("/popular", "/nothing", "/recommend/x", "/popular?limit=0"):
        got = ask(server, path, Origin=PAGE)
        assert got.headers["Access-Control-Allow-Origin"] == PAGE
        assert "X-Request-ID" in got.headers["Access-Control-Expose-Headers"]
        assert got.headers["Access-Control-Allow-Credentials"] is None
    for origin in ("https://evil.example", "null", PAGE + ".evil.example", PAGE.upper()):
        got = ask(server, "/popular", Origin=origin)
        assert got.headers["Access-Control-Allow-Origin"] is None
        assert "Origin" in got.headers["Vary"]
    assert "Origin" in ask(server, "/popular").headers["Vary"]
    tag = ask(server, "/popular", Origin=PAGE).headers["ETag"]
    known = ask(server, "/popular", Origin=PAGE, If_None_Match=tag)
    assert known.status == 304
    assert known.headers["Access-Control-Allow-Origin"] == PAGE


def test_a_preflight_is_answered_without_a_key(server: Server) -> None:
    wanted = {"Access_Control_Request_Method": "POST"}
    got = ask(server, "/echo", "OPTIONS", Origin=PAGE, **wanted)
    assert (got.status, got.body) == (204, b"")
    assert got.headers["Access-Control-Allow-Origin"] == PAGE
    assert got.headers["Access-Control-Allow-Methods"] == "GET, POST, DELETE, PUT"
    assert "Authorization" in got.headers["Access-Control-Allow-Headers"]
    assert "X-API-Key" in got.headers["Access-Control-Allow-Headers"]
    refused = ask(server, "/echo", "OPTIONS", Origin="https://evil.example", **wanted)
    assert refused.headers["Access-Control-Allow-Origin"] is None
    assert ask(server, "/echo", "OPTIONS").headers["Allow"] == "OPTIONS, POST"


def test_without_the_setting_no_origin_is_allowed(server_url: str) -> None:
    connection = http.client.HTTPConnection(server_url.rpartition("/")[2], timeout=10)
    connection.request("GET", "/popular", headers={"Origin": PAGE})
    response = connection.getresponse()
    assert response.headers["Access-Control-Allow-Origin"] is None
    assert "Origin" not in (response.headers["Vary"] or "")
    connection.close()


@pytest.mark.parametrize(
    "origin", ["shop.example", "https://shop.example/", "ftp://a", "https://*.a"]
)
def test_an_origin_that_no_browser_sends_is_no_setting(origin: str) -> None:
    with pytest.raises(ConfigError, match=r"web\.cors_origins.*got"):
        WebConfig(cors_origins=(origin,))


@pytest.mark.parametrize("name", ["shop.example:80", "https://shop.example", "Shop", ""])
def test_a_name_that_is_no_host_is_no_setting(name: str) -> None:
    with pytest.raises(ConfigError, match=r"web\.allowed_hosts.*got"):
        WebConfig(allowed_hosts=(name,))


def test_two_answers_that_differ_in_their_id_alone_have_one_tag() -> None:
    def tag(body: str) -> bytes:
        return entity_tag(body.encode(), same_for_all=False)

    assert tag('{"a":1,"recommendation_id":"x"}') == tag('{"a":1,"recommendation_id":"yy"}')
    assert tag('{"a":1,"recommendation_id":"x","b":1}') != tag(
        '{"a":1,"recommendation_id":"x","b":2}'
    )
    assert tag('{"a":2,"recommendation_id":"x"}') != tag('{"a":1,"recommendation_id":"x"}')
    assert is_known(b'W/"a", "b-gzip"', b'"b"')
    assert not is_known(b'"a, b"', b'"b"')


SECRETS = ("Dewi Secretname", "id-of-a-user", "needle@example")


def test_no_secret_and_no_user_is_in_the_log(
    shop_url: str, model_path: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with (
        State.open(tmp_path / "state.db") as state,
        running_server(
            shop_url,
            model_path,
            log=log,
            state=str(tmp_path / "state.db"),
            max_body_bytes=200,
        ) as server,
    ):
        made = Keys(state).create("the name of the key", ["read"])
        token = Tokens(state).issue("id-of-a-user", 60)
        time.sleep(1.1)
        for secret in (made.secret, token, "sel_7_" + "needle@example" * 3):
            for path in ("/recommend/98764", "/users/98764", "/nothing/98764?x=needle@example"):
                ask(server, path, Authorization=f"Bearer {secret}")
                ask(server, path, X_API_Key=secret)
            for body in (
                b'{"name": "Dewi Secretname"}',
                b'{"name": "Dewi Secretname"',
                b"\xff" * 300,
            ):
                bearer = f"Bearer {secret}"
                typed = {"Content_Type": "application/json", "Authorization": bearer}
                ask(server, "/echo", "POST", body=body, **typed)
                ask(server, "/fail", "POST", body=body, **typed)
        raw(server, b"GET /users/98764 HTTP/9\r\nAuthorization: Bearer needle@example\r\n\r\n")
    text = log.read_text()
    assert text.count("route=/recommend/{user_id}") == 6
    assert f"key={made.key.key_id}" in text
    for each in (*SECRETS, made.secret, token, "98764", made.key.name, made.secret[-20:]):
        assert each not in text


def test_a_thousand_requests_at_once_are_all_answered(server: Server) -> None:
    async def one() -> bytes:
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        return answer

    async def all_of_them() -> list[bytes]:
        return await asyncio.gather(*(one() for _ in range(1000)))

    with ThreadPoolExecutor(1) as pool:
        answers = pool.submit(asyncio.run, all_of_them()).result(timeout=2 * STALL_S)
    assert all(each.startswith(b"HTTP/1.1 200 ") for each in answers)
