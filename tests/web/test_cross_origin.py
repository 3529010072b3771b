"""Pages of other origins change nothing: what a browser says of a page is heard."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from selera.serving import RecommendationService
from selera.web import WebConfig
from tests.web.back_office import BackOffice, back_office
from tests.web.conftest import Client, client_of
from tests.web.test_problems import check_problem

PAGE = "https://shop.example"
CHANGING = [
    ("POST", "/models/rollback"),
    ("POST", "/models/v1/promote"),
    ("POST", "/users/4/token"),
    ("DELETE", "/users/4"),
    ("DELETE", "/rules/summer"),
    ("PUT", "/rules/summer"),
    ("POST", "/events"),
    ("POST", "/recommend"),
]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[BackOffice]:
    with back_office(tmp_path) as shop:
        yield shop


@pytest.fixture
def shop(service: RecommendationService) -> Iterator[Client]:
    with client_of(service, WebConfig(cors_origins=(PAGE,))) as client:
        yield client


@pytest.mark.parametrize(("method", "path"), CHANGING)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:8080"},
        {"origin": "http://127.0.0.1"},
        {"origin": "http://127.0.0.1:5000.evil.example"},
        {"origin": PAGE + ".evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"origin": "http://127.0.0.1:5000", "sec-fetch-site": "cross-site"},
    ],
)
def test_a_page_of_another_origin_is_refused(
    shop: Client, method: str, path: str, headers: dict[str, str]
) -> None:
    problem = check_problem(shop.request(method, path, headers=headers), 403, "cross_origin")
    assert "web.cors_origins" in problem["detail"]


def test_nothing_is_changed_for_it(office: BackOffice) -> None:
    evil = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    before = office.client.get("/models").json()
    check_problem(office.client.post("/models/rollback", headers=evil), 403, "cross_origin")
    assert office.client.get("/models").json() == before
    assert office.client.post("/models/rollback").json()["changed"] is True


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://127.0.0.1:5000", "sec-fetch-site": "same-origin"},
        {"origin": "http://localhost:8080", "host": "localhost:8080"},
        {"origin": "https://localhost", "host": "LOCALHOST:443"},
        {"origin": "http://localhost", "host": "localhost:80"},
        {"origin": PAGE, "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
def test_own_pages_allowed_pages_and_who_is_no_browser_are_let_in(
    shop: Client, headers: dict[str, str]
) -> None:
    answer = shop.post("/recommend", json={"user_ids": [4]}, headers=headers)
    assert answer.status_code == 200, answer.text


def test_every_page_is_let_in_where_the_setting_says_so(service: RecommendationService) -> None:
    evil = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    with client_of(service, WebConfig(cors_origins=("*",))) as client:
        answer = client.post("/recommend", json={"user_ids": [4]}, headers=evil)
    assert answer.status_code == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_changes_nothing_is_answered_as_before(client: Client, method: str) -> None:
    evil = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    answer = client.request(method, "/popular", headers=evil)
    assert answer.status_code in (200, 204)
    assert "access-control-allow-origin" not in answer.headers
