"""Errors: one shape on every route, true statuses, no internals."""

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.exceptions import ValidationException
from structlog.testing import capture_logs

from selera.contracts import errors
from selera.contracts.behaviors import BehaviorRow
from selera.contracts.ids import Id
from selera.database import Shop
from selera.serving import ModelSlot, RecommendationService
from selera.web import WebConfig
from selera.web.parameters import read_id
from selera.web.problems import PROBLEMS, problem_kind
from tests.serving.served_shop import NOBODY
from tests.web.back_office import back_office
from tests.web.conftest import Client, client_of

FIELDS = ["type", "title", "status", "detail", "instance", "code", "request_id"]


def check_problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """It is a problem of RFC 9457, complete and consistent."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert list(problem)[:7] == FIELDS
    assert set(problem) <= {*FIELDS, "errors"}
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["type"] == f"urn:selera:problem:{code}"
    assert problem["title"]
    assert problem["detail"]
    assert problem["instance"].startswith("/")
    assert problem["request_id"] == response.headers["x-request-id"]
    assert response.headers["cache-control"] != "public"
    return problem


class FailingShop(Shop):
    """A real shop whose reading fails in a way that nobody foresaw."""

    def fail(self) -> None:
        raise RuntimeError("the secret is 12345")

    def user(self, user_id: Id) -> tuple[dict[str, Any] | None, list[BehaviorRow]]:
        self.fail()
        return None, []

    def products(self, product_ids: Any) -> dict[Id, dict[str, Any]]:
        self.fail()
        return {}

    def user_ids(self, offset: int, limit: int) -> list[Id]:
        self.fail()
        return []

    def ping(self) -> None:
        self.fail()


@pytest.fixture
def failing_client(shop_url: str, model_path: Path) -> Iterator[Client]:
    with contextlib.closing(FailingShop.open(shop_url)) as shop:
        with client_of(RecommendationService(ModelSlot(model_path), shop)) as client:
            yield client


IDS = {
    "{user_id:str}": "4",
    "{product_id:str}": "17",
    "{name:str}": "page.css",
    "{version:str}": "v1",
}


def routes_of(app: Litestar) -> dict[str, set[str]]:
    """The methods of every route of the app, by its path with ids that exist."""
    routes = {}
    for route in app.routes:
        path = route.path
        for name, value in IDS.items():
            path = path.replace(name, value)
        query = {"/recommend": "?user_id=4", "/similar": "?product_id=17"}.get(path, "")
        routes[path + query] = set(route.methods)
    assert len(routes) == 23
    return routes


def test_every_route_answers_wrong_methods_and_parameters_with_a_problem(client: Client) -> None:
    for path, methods in routes_of(client.app).items():
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - methods:
            check_problem(client.request(method, path), 405, "method_not_allowed")
        unknown = path + ("&" if "?" in path else "?") + "size=xl&colour=red"
        for method in methods - {"OPTIONS"}:
            problem = check_problem(client.request(method, unknown), 422, "invalid_parameter")
            told = {each["field"]: each["message"] for each in problem["errors"]}
            assert {"size", "colour"} <= told.keys()
            for name in ("size", "colour"):
                assert "is unknown here; known parameters: " in told[name]
                assert told[name] in problem["detail"]


def test_every_route_answers_an_unforeseen_failure_with_a_problem(failing_client: Client) -> None:
    failed = set()
    for path, methods in routes_of(failing_client.app).items():
        if "GET" not in methods:
            continue
        with capture_logs() as logs:
            response = failing_client.get(path, headers={"x-request-id": "r-1"})
        if response.status_code == 500:
            problem = check_problem(response, 500, "internal_error")
            assert "12345" not in response.text
            assert "RuntimeError" not in response.text
            assert problem["request_id"] == "r-1"
            (line,) = [each for each in logs if each["event"] == "internal_error"]
            assert line["request_id"] == "r-1"
            assert isinstance(line["exc_info"], RuntimeError)
            failed.add(path.partition("?")[0])
    reading = {"/recommend", "/recommend/4", "/similar", "/similar/17", "/popular", "/trending"}
    assert failed == reading | {"/users", "/users/4", "/health/ready"}


def test_before_there_is_a_model_the_command_is_told(shop_url: str, tmp_path: Path) -> None:
    with (
        contextlib.closing(Shop.open(shop_url)) as shop,
        client_of(RecommendationService(ModelSlot(tmp_path / "m.pkl"), shop)) as client,
    ):
        for path in ("/recommend/4", "/similar/17", "/popular", "/health/ready"):
            response = client.get(path)
            problem = check_problem(response, 503, "model_not_ready")
            assert "python training.py" in problem["detail"]
            assert int(response.headers["retry-after"]) > 0
        assert client.get("/users/4").status_code == 200
        assert client.get("/health/live").status_code == 200


def test_an_unusable_first_model_is_503_without_internals(shop_url: str, tmp_path: Path) -> None:
    (tmp_path / "m.pkl").write_bytes(b"no model" * 100)
    with (
        contextlib.closing(Shop.open(shop_url)) as shop,
        client_of(RecommendationService(ModelSlot(tmp_path / "m.pkl"), shop)) as client,
    ):
        response = client.get("/popular")
    problem = check_problem(response, 503, "invalid_model")
    assert str(tmp_path) not in problem["detail"]
    assert "selera doctor" in problem["detail"]


def test_a_database_that_is_gone_is_503_without_internals(
    own_service: RecommendationService, own_url: str
) -> None:
    path = Path(own_url.removeprefix("sqlite:///"))
    with client_of(own_service) as client:
        assert client.get("/users").status_code == 200
        path.write_bytes(b"this is no database" * 1000)
        lists = ("/recommend/4", "/popular", "/similar/17")
        for asked in (*lists, "/users", "/users/4", "/health/ready"):
            with capture_logs() as logs:
                response = client.get(asked)
            problem = check_problem(response, 503, "database_unavailable")
            assert response.headers["retry-after"]
            assert path.name not in problem["detail"]
            (line,) = [each for each in logs if each["event"] == "database_unavailable"]
            assert path.name in line["reason"]


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("limit=0", "limit", "must be a whole number from 1 to 100, got '0'"),
        ("limit=101", "limit", "must be a whole number from 1 to 100, got '101'"),
        ("limit=ten", "limit", "must be a whole number from 1 to 100, got 'ten'"),
        ("limit=", "limit", "must be a whole number from 1 to 100, got ''"),
        ("limit=1.5", "limit", "must be a whole number from 1 to 100, got '1.5'"),
        ("limit=99999999999999999999", "limit", "must be a whole number from 1 to 100"),
        ("limit=1&limit=2", "limit", "must be given once, got 2 times"),
        ("include_seen=maybe", "include_seen", "must be true or false, got 'maybe'"),
        ("explain=2", "explain", "must be true or false, got '2'"),
        ("on_unknown=x", "on_unknown", "must be error or popular, got 'x'"),
        ("user_id=4", "user_id", "is unknown here"),
        ("limit=%FF", "query", "must be percent-encoded UTF-8"),
        ("LIMIT=3", "LIMIT", "is unknown here"),
    ],
)
def test_a_wrong_parameter_is_named(client: Client, query: str, field: str, message: str) -> None:
    problem = check_problem(client.get(f"/recommend/4?{query}"), 422, "invalid_parameter")
    (error,) = problem["errors"]
    assert error["field"] == field
    assert error["message"].startswith(message)
    assert problem["detail"] == f"{field} {error['message']}"


def test_all_wrong_parameters_are_named_together(client: Client) -> None:
    problem = check_problem(
        client.get("/recommend/4?limit=0&explain=perhaps&on_unknown=x"), 422, "invalid_parameter"
    )
    assert {each["field"] for each in problem["errors"]} == {"limit", "explain", "on_unknown"}


@pytest.mark.parametrize("path", ["/recommend", "/recommend?limit=3", "/similar", "/recommend/"])
def test_a_missing_id_is_named(client: Client, path: str) -> None:
    problem = check_problem(client.get(path), 422, "invalid_parameter")
    assert problem["errors"][0]["message"] == "is required"
    assert problem["errors"][0]["field"] in ("user_id", "product_id")


@pytest.mark.parametrize("text", ["abc", "007", "+4", "4.0", "1e3", "%204", "٤", "9" * 20])
def test_a_text_that_can_be_no_integer_id_is_422(client: Client, text: str) -> None:
    for path in (f"/recommend/{text}", f"/recommend?user_id={text}", f"/users/{text}"):
        problem = check_problem(client.get(path), 422, "invalid_parameter")
        assert problem["errors"][0]["field"] == "user_id"
        assert problem["errors"][0]["message"].startswith("must be an integer")
    problem = check_problem(client.get(f"/similar/{text}"), 422, "invalid_parameter")
    assert problem["errors"][0]["field"] == "product_id"


@pytest.mark.parametrize("path", ["/users/%FF", "/users/%C3%28", "/recommend/%FF?limit=3"])
def test_an_id_that_is_no_utf8_is_422(client: Client, path: str) -> None:
    problem = check_problem(client.get(path), 422, "invalid_parameter")
    assert problem["errors"][0]["message"].startswith("must be percent-encoded UTF-8, got %")


LONG = "x" * 30_000


@pytest.mark.parametrize(
    "path",
    [
        f"/users/{LONG}",
        f"/users/{'%FF' * 10_000}",
        f"/recommend/4?limit={LONG}",
        f"/recommend/4?{LONG}=1",
        f"/recommend/4?strict={LONG}",
        f"/recommend/4?diversity={LONG}",
        f"/recommend/4?category=a&fields={LONG}",
        f"/recommend/4?exclude={LONG}",
        f"/{LONG}",
        f"/models/{LONG}/promote",
        f"/recommend/4?{'&'.join(f'a{n}=1' for n in range(3000))}",
    ],
    ids=lambda path: path[:20],
)
def test_a_long_value_is_not_told_in_full(client: Client, path: str) -> None:
    for method in ("GET", "POST"):
        answer = client.request(method, path)
        assert answer.status_code >= 400
        assert len(answer.content) < 12_000, answer.text[:200]
        assert answer.json()["detail"]


def test_a_long_text_id_is_not_told_in_full(tmp_path: Path) -> None:
    with back_office(tmp_path, string_ids=True) as shop:
        for path in (f"/users/{LONG}", f"/recommend/{LONG}", f"/similar/{LONG}"):
            answer = shop.client.get(path)
            assert answer.status_code == 404
            assert len(answer.content) < 2_000
            assert "xxx..." in answer.json()["detail"]


@pytest.mark.parametrize("text", ["", "\0", "a\0b"])
def test_no_text_id_is_empty_or_holds_nul(text: str) -> None:
    assert read_id("user_id", "a b", "str") == "a b"
    with pytest.raises(ValidationException) as refused:
        read_id("user_id", text, "str")
    assert "must not be empty or hold a NUL" in str(refused.value.extra)


def test_an_integer_that_nobody_bears_is_404(client: Client) -> None:
    problem = check_problem(client.get(f"/recommend/{NOBODY}"), 404, "user_not_found")
    assert str(NOBODY) in problem["detail"]
    check_problem(client.get("/recommend/-1"), 404, "user_not_found")


@pytest.mark.parametrize("path", ["/nothing", "/recommend/4/5", "/users/4/buy", "/docs/x"])
def test_a_path_that_leads_nowhere_is_a_problem(client: Client, path: str) -> None:
    problem = check_problem(client.get(path), 404, "not_found")
    assert problem["instance"] == path
    assert "/docs" in problem["detail"]


def test_an_impossible_host_is_a_problem(client: Client) -> None:
    check_problem(client.get("/popular", headers={"host": "a b"}), 421, "misdirected")


class WaitingShop(Shop):
    """A real shop that answers whether it is there when it is told to."""

    asked: threading.Event
    gate: threading.Event

    def user_ids(self, offset: int, limit: int) -> list[Id]:
        self.asked.set()
        assert self.gate.wait(timeout=10)
        return super().user_ids(offset, limit)


def test_a_full_house_is_503_and_says_when_to_come_again(shop_url: str, model_path: Path) -> None:
    with contextlib.closing(WaitingShop.open(shop_url)) as shop:
        shop.asked, shop.gate = threading.Event(), threading.Event()
        service = RecommendationService(ModelSlot(model_path), shop)
        with (
            client_of(service, WebConfig(threads=1, waiting=0)) as client,
            ThreadPoolExecutor(1) as other,
        ):
            first = other.submit(client.get, "/health/ready")
            assert shop.asked.wait(timeout=10)
            response = client.get("/popular")
            assert client.get("/health/live").status_code == 200
            shop.gate.set()
            assert first.result().status_code == 200
    problem = check_problem(response, 503, "busy")
    assert "try again" in problem["detail"]
    assert response.headers["retry-after"] == "1"


STATUSES = (400, 401, 403, 404, 408, 409, 415, 421, 429, 431, 500, 503)


def subclasses(error: type[Exception]) -> Iterator[type[Exception]]:
    for each in error.__subclasses__():
        yield each
        yield from subclasses(each)


def test_errors_that_the_service_raises_bear_their_own_code() -> None:
    for error in (
        errors.UserNotFound,
        errors.ProductNotFound,
        errors.ModelNotReady,
        errors.ArtifactError,
        errors.DatabaseError,
        errors.Busy,
    ):
        assert problem_kind(error("...")).code == error.code
    for error_type in subclasses(errors.SeleraError):
        assert problem_kind(error_type("...")).status in STATUSES


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in set(PROBLEMS.values())]
    assert len(set(codes)) == len(codes)
