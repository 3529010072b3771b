"""Ids of any characters, in the path and in the query, through a real socket."""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selera.contracts.tables import PRODUCT, USER_PROFILE
from selera.database import insert_rows
from selera.web.edge import encoded_path
from tests.serving.served_shop import catalogue, engine_of, make_shop, profiles, publish
from tests.web.running import Server, running_server

IDS = [
    "a/b",
    "/",
    "//",
    "/leading",
    "trailing/",
    "%2F",
    "100%",
    "%25",
    "a b",
    " ",
    "+",
    "a+b",
    "?",
    "a?b=c&d",
    "#",
    "&limit=1",
    "=",
    ";",
    ":",
    "@",
    "\\",
    '"quoted"',
    "it's",
    "<script>alert(1)</script>",
    "{user_id}",
    "..",
    ".",
    "../../etc/passwd",
    "Jürgen",
    "日本語",
    "😀",
    "e\u0301",
    "\u202e",
    "\t",
    "line\nbreak",
    "7",
    "007",
    "null",
    "x" * 200,
    "' OR 1=1 --",
    "'; DROP TABLE data_user_profile; --",
    '" OR ""="',
    "..\\..\\windows",
    "%00",
    "%2e%2e%2f",
    "${jndi:ldap://x}",
    "a\r\nSet-Cookie: x=1",
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("strings")
    url = make_shop(folder / "shop.db", string_ids=True)
    with engine_of(url) as engine, engine.begin() as connection:
        insert_rows(connection, USER_PROFILE, profiles(IDS))
        insert_rows(connection, PRODUCT, catalogue(IDS))
    publish(folder / "model.pkl", string_ids=True)
    with running_server(url, folder / "model.pkl") as server:
        yield server


def get(server: Server, target: str) -> tuple[int, dict[str, Any]]:
    """Ask for this very request target: no client library tidies it up first."""
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    try:
        connection.putrequest("GET", target, skip_accept_encoding=True)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def test_ids_of_any_characters_are_found_in_path_and_query(server: Server) -> None:
    for id in IDS:
        for target in (
            f"/recommend/{quote(id, safe='')}?limit=1",
            f"/recommend?user_id={quote_plus(id)}&limit=1",
            f"/users/{quote(id, safe='')}",
        ):
            status, answer = get(server, target)
            assert status == 200, (target, answer)
            assert answer["user"]["user_id"] == id
        for target in (
            f"/similar/{quote(id, safe='')}?limit=1",
            f"/similar?product_id={quote_plus(id)}&limit=1",
        ):
            status, answer = get(server, target)
            assert status == 200, (target, answer)
            assert answer["product"]["product_id"] == id


def test_an_unknown_id_of_any_characters_is_404_and_told_as_asked(server: Server) -> None:
    status, problem = get(server, "/recommend/no%2Fbody%20%F0%9F%98%80")
    assert status == 404
    assert problem["code"] == "user_not_found"
    assert problem["instance"] == "/recommend/no%2Fbody%20%F0%9F%98%80"
    assert "no/body 😀" in problem["detail"]


@pytest.mark.parametrize(
    ("target", "field"),
    [
        ("/recommend/%FF", "user_id"),
        ("/recommend/a%00b", "user_id"),
        ("/recommend?user_id=", "user_id"),
        ("/recommend?user_id=a%00b", "user_id"),
        ("/recommend?user_id=%FF", "query"),
        ("/similar/%C3%28", "product_id"),
    ],
)
def test_what_can_be_no_id_is_422(server: Server, target: str, field: str) -> None:
    status, problem = get(server, target)
    assert status == 422, problem
    assert problem["errors"][0]["field"] == field


def test_a_reserved_character_needs_no_encoding_where_it_is_clear(server: Server) -> None:
    assert get(server, "/users/a+b")[1]["user"]["user_id"] == "a+b"
    assert get(server, "/users/:")[1]["user"]["user_id"] == ":"
    assert get(server, "/%75sers/a+b")[1]["user"]["user_id"] == "a+b"


def test_head_over_a_socket_has_no_body_and_leaves_the_connection_usable(server: Server) -> None:
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    for _ in range(2):
        connection.request("HEAD", "/users/7")
        response = connection.getresponse()
        assert response.status == 200
        assert int(response.headers["content-length"]) > 0
        assert response.read() == b""
    connection.request("GET", "/users/7")
    assert json.loads(connection.getresponse().read())["user"]["user_id"] == "7"
    connection.close()


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_encoding_a_path_keeps_its_segments(segments: list[str]) -> None:
    utf8 = [each.encode("utf-8", "replace").decode() for each in segments]
    raw = "/" + "/".join(quote(each, safe="") for each in utf8)
    once = encoded_path({"raw_path": raw.encode(), "path": ""})
    assert once.count("/") == len(segments)
    assert encoded_path({"raw_path": once.encode(), "path": ""}) == once


def test_a_server_that_keeps_no_raw_path_is_served_by_the_decoded_one() -> None:
    assert encoded_path({"path": "/users/a b"}) == "/users/a%20b"
