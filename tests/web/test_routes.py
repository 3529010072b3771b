"""The routes: what is asked how, and what comes back."""

import re
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from selera import __version__
from selera.web.about import ABOUT
from tests.serving.served_shop import NEW_PRODUCT, NEW_USER, NOBODY, interactions_of
from tests.web.back_office import back_office
from tests.web.conftest import Client

DATA = interactions_of()
SHARED = "/recommend/4?limit=3"


def without_id(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "recommendation_id"}


def test_path_and_query_are_the_same_call(client: Client) -> None:
    in_path = client.get("/recommend/4?limit=3").json()
    in_query = client.get("/recommend?user_id=4&limit=3").json()
    assert without_id(in_path) == without_id(in_query)
    assert len(in_path["recommendations"]) == 3
    similar = client.get("/similar/17").json()
    assert similar == client.get("/similar?product_id=17").json()
    assert similar["product"]["product_id"] == 17


def test_an_answer_has_the_shape_of_the_design(client: Client) -> None:
    answer = client.get("/recommend/4?limit=1").json()
    assert list(answer) == [
        "user",
        "recommendations",
        "fallback",
        "model",
        "recommendation_id",
        "degraded",
    ]
    assert answer["user"] == {
        "user_id": 4,
        "name": "Name of 4",
        "gender": "female",
        "age": 31,
        "location": "Bandung",
    }
    (first,) = answer["recommendations"]
    assert list(first) == [
        "rank",
        "score",
        "predicted_rating",
        "product",
        "source",
        "reasons",
        "baseline",
    ]
    added = sum(each["contribution"] for each in first["reasons"])
    assert first["baseline"] + added == pytest.approx(first["score"], abs=1e-6)
    assert list(first["product"])[:7] == [
        "product_id",
        "product_name",
        "category",
        "tag",
        "source_country",
        "price",
        "brand",
    ]
    assert list(first["reasons"][0]) == ["type", "product_id", "product_name", "contribution"]
    assert list(answer["model"]) == ["version", "algorithm", "trained_at", "data_sha256"]


def test_the_parameters_reach_the_service(client: Client) -> None:
    assert len(client.get("/recommend/4").json()["recommendations"]) == 10
    everything = client.get("/recommend/4?limit=100&include_seen=true").json()["recommendations"]
    unseen = client.get("/recommend/4?limit=100&include_seen=0").json()["recommendations"]
    assert len(everything) == 30 > len(unseen)
    silent = client.get("/recommend/4?explain=false").json()["recommendations"]
    assert all(each["reasons"] == [] for each in silent)
    assert len(client.get("/popular?limit=2").json()["popular"]) == 2
    assert len(client.get("/similar/17?limit=2").json()["similar"]) == 2


def test_unknown_users_and_cold_users(client: Client) -> None:
    assert client.get(f"/recommend/{NOBODY}").status_code == 404
    asked = client.get(f"/recommend/{NOBODY}?on_unknown=popular")
    assert asked.status_code == 200
    assert asked.json()["fallback"] == "popular"
    assert client.get(f"/recommend/{NEW_USER}").json()["fallback"] == "popular"
    assert client.get(f"/similar/{NEW_PRODUCT}").json()["fallback"] == "popular"
    assert client.get(f"/similar/{NOBODY}").json()["code"] == "product_not_found"


def test_users_are_paged_and_shown(client: Client) -> None:
    page = client.get("/users?limit=3&offset=2").json()
    assert page == {"user_ids": [3, 4, 5], "limit": 3, "offset": 2, "total": 40}
    user = client.get("/users/4").json()
    assert user["user"]["name"] == "Name of 4"
    assert set(user["behaviors"]) == {"visit", "buy", "rating", "review"}
    assert client.get(f"/users/{NOBODY}").json()["code"] == "user_not_found"


def test_health_is_live_and_ready(client: Client) -> None:
    live = client.get("/health/live").json()
    assert live["status"] == "live"
    assert live["version"] == __version__
    ready = client.get("/health/ready").json()
    assert ready["status"] == "ready"
    assert ready["model"]["version"] == "v1"
    assert ready["model_age_s"] > 0


def test_without_its_database_it_answers_and_takes_no_events(tmp_path: Path) -> None:
    with back_office(tmp_path) as shop:
        assert shop.client.get("/recommend/4").json()["degraded"] is False
        shop.database.write_bytes(b"this is no database" * 1000)
        ready = shop.client.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        answer = shop.client.get("/recommend/4?limit=3")
        assert answer.status_code == 200
        assert answer.json()["degraded"] is True
        assert len(answer.json()["recommendations"]) == 3
        event = {"type": "visit", "user_id": 4, "product_id": 14}
        refused = shop.client.post("/events", json={"events": [event]})
        assert (refused.status_code, refused.json()["code"]) == (503, "database_unavailable")
        assert int(refused.headers["retry-after"]) > 0


def test_the_front_is_json_for_programs_and_a_page_for_browsers(client: Client) -> None:
    answer = client.get("/")
    assert answer.json()["name"] == "selera"
    assert answer.json()["version"] == __version__
    page = client.get("/", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert page.headers["content-type"].startswith("text/html")
    assert __version__ in page.text
    assert "$" not in page.text
    assert answer.headers["vary"].startswith("accept")
    assert page.headers["vary"].startswith("accept")


def test_every_link_of_the_front_leads_somewhere(tmp_path: Path) -> None:
    with back_office(tmp_path) as shop:
        for path in ABOUT.links.values():
            asked = path.replace("{user_id}", "4").replace("{product_id}", "17")
            answer = shop.client.get(asked)
            assert answer.status_code == 200 or "POST" in answer.headers["allow"], path


def test_the_front_links_to_every_kind_of_thing(client: Client) -> None:
    described = {path.split("/")[1] for path in client.get("/openapi.json").json()["paths"]}
    linked = {path.split("/")[1] for path in ABOUT.links.values()}
    assert described - {""} <= linked


@pytest.mark.parametrize("path", ["/", SHARED, "/popular", "/users", "/docs", "/openapi.json"])
def test_head_is_get_without_the_body(client: Client, path: str) -> None:
    head, get = client.head(path), client.get(path)
    assert head.status_code == 200
    assert head.content == b""
    # The recommendation_id is new each time, and gzip makes more or less of it.
    sizes = [int(each.headers["content-length"]) for each in (head, get)]
    assert abs(sizes[0] - sizes[1]) <= (8 if path == SHARED else 0)
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (SHARED, {"GET"}),
        ("/recommend", {"GET", "POST"}),
        ("/popular", {"GET"}),
        ("/events", {"POST"}),
        ("/users/4", {"GET", "DELETE"}),
        ("/rules/summer", {"PUT", "DELETE"}),
        ("/models/rollback", {"POST"}),
        ("/health/ready", {"GET"}),
        ("/docs", {"GET"}),
    ],
)
def test_options_and_405_name_what_is_possible(
    client: Client, path: str, methods: set[str]
) -> None:
    possible = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    options = client.options(path)
    assert options.status_code == 204
    assert set(re.split(", *", options.headers["allow"])) == possible
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
        refused = client.request(method, path)
        assert refused.status_code == 405
        assert set(re.split(", *", refused.headers["allow"])) == possible


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/recommend/4", "private, no-cache"),
        ("/recommend/999999", "private, no-store"),
        ("/users/4", "private, no-cache"),
        ("/users", "private, no-cache"),
        ("/popular", "no-cache"),
        ("/similar/17", "no-cache"),
        ("/static/page.css", "max-age=3600"),
    ],
)
def test_personal_answers_are_kept_by_no_cache(client: Client, path: str, expected: str) -> None:
    assert client.get(path).headers["cache-control"] == expected


def test_a_sane_request_id_comes_back_and_another_is_replaced(client: Client) -> None:
    asked = client.get("/popular", headers={"x-request-id": "shop-7.A_b"})
    assert asked.headers["x-request-id"] == "shop-7.A_b"
    for bad in ("a b", "x" * 129, "a\tb", "<script>"):
        made = client.get("/nothing", headers={"x-request-id": bad})
        assert re.fullmatch("[0-9a-f]{32}", made.headers["x-request-id"])
        assert made.json()["request_id"] == made.headers["x-request-id"]


def test_the_log_tells_the_route_and_no_user(client: Client) -> None:
    with capture_logs() as logs:
        client.get("/recommend/4?limit=2", headers={"x-request-id": "r1"})
        client.get(f"/users/{NOBODY}")
        client.head("/popular")
        client.get("/nothing/here")
    lines = [line for line in logs if line["event"] == "request"]
    told = [(line["method"], line["route"], line["status"]) for line in lines]
    assert told == [
        ("GET", "/recommend/{user_id}", 200),
        ("GET", "/users/{user_id}", 404),
        ("HEAD", "/popular", 200),
        ("GET", None, 404),
    ]
    assert lines[0]["request_id"] == "r1"
    assert all(line["ms"] >= 0 for line in lines)
    assert str(NOBODY) not in str(logs)


def test_a_trailing_slash_changes_nothing(client: Client) -> None:
    assert without_id(client.get("/recommend/4/").json()) == without_id(
        client.get("/recommend/4").json()
    )


@pytest.mark.parametrize(
    "path", ["/static/secret", "/static/..%2Fapp.py", "/static/VENDORED.md", "/static/LICENSE"]
)
def test_only_the_files_of_the_pages_are_served(client: Client, path: str) -> None:
    assert client.get(path).status_code == 404
