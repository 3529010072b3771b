"""Users' deletion and tokens, models, rules, experiments: what the back office does over HTTP."""

import json
import random
import signal
import sqlite3
import string
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from selera.pipeline.locks import exclusive
from selera.state import Experiments, Keys, Tokens
from tests.processes import STALL_S
from tests.serving.served_shop import NOBODY, make_shop
from tests.web.back_office import BackOffice, back_office, copy_versions, n_rows
from tests.web.running import running_server
from tests.web.test_problems import check_problem

OLD, NEW = "20240106T000000Z-aaaaaa", "20240107T000000Z-bbbbbb"
INJECTIONS = [
    "' OR 1=1 --",
    "'; DROP TABLE rule; --",
    "../../etc/passwd",
    "...",
    "a/b",
    "%00",
    "%2e%2e%2f",
    "-rf",
    "--help",
    "{name}",
    "😀",
    "\u202e",
    "x" * 5000,
]
NAMED = {"ids": lambda text: ascii(text[:12])}


@pytest.fixture
def office(tmp_path: Path) -> Iterator[BackOffice]:
    with back_office(tmp_path) as shop:
        yield shop


def put_rule(office: BackOffice, name: str, **body: Any) -> Any:
    return office.client.put(f"/rules/{quote(name, safe='')}", json={"name": name} | body)


def listed(office: BackOffice, path: str = "/recommend/4?limit=100") -> list[int]:
    places = office.client.get(path).json()["recommendations"]
    return [each["product"]["product_id"] for each in places]


def test_a_rule_is_kept_obeyed_replaced_and_dropped(office: BackOffice) -> None:
    office.service.start()
    plain = listed(office)
    last = plain[-1]
    pinned = put_rule(office, "summer", action="pin", product_ids=[str(last)])
    assert pinned.status_code == 200
    assert pinned.json()["product_ids"] == [last]
    until(lambda: listed(office)[0] == last)
    first = office.client.get("/recommend/4?limit=1").json()["recommendations"][0]
    assert (first["source"], first["rule"]) == ("rule", "summer")
    put_rule(office, "summer", action="hide", product_ids=[last])
    assert [each["action"] for each in office.client.get("/rules").json()["rules"]] == ["hide"]
    until(lambda: last not in listed(office))
    dropped = office.client.delete("/rules/summer")
    assert (dropped.status_code, dropped.content) == (204, b"")
    until(lambda: listed(office) == plain)
    check_problem(office.client.delete("/rules/summer"), 404, "name_not_found")
    office.service.close()


def until(happened: Callable[[], bool]) -> None:
    """Wait until it has happened: a rule holds within a second, however busy the machine is."""
    deadline = time.monotonic() + 10
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"name": "winter", "action": "hide", "brand": "x"}, "name must be that of the path, 'a'"),
        ({"name": "a", "action": "hide"}, "body a rule needs product_ids, category, tag or brand"),
        ({"action": "hide", "brand": "x"}, "name is required"),
        ({"name": "a", "action": "show", "brand": "x"}, "action must be boost or hide or pin, got"),
        ({"name": "a", "action": "pin", "product_ids": ["x"]}, "product_ids[0] must be an integer"),
        (
            {"name": "a", "action": "boost", "brand": "x", "strength": 11},
            "strength must be a number from -10 to 10, got 11",
        ),
        (
            {
                "name": "a",
                "action": "pin",
                "brand": "x",
                "starts_at": "2026-02-01T00:00:00Z",
                "ends_at": "2026-01-01T00:00:00Z",
            },
            "body starts_at must be before ends_at",
        ),
        ({"name": "a", "action": "hide", "brand": "x", "colour": 1}, "colour is unknown here"),
    ],
)
def test_a_rule_that_cannot_be_is_explained_and_not_kept(
    office: BackOffice, body: dict[str, Any], expected: str
) -> None:
    problem = check_problem(office.client.put("/rules/a", json=body), 422, "invalid_parameter")
    assert problem["detail"].startswith(expected)
    assert office.client.get("/rules").json() == {"rules": []}


def test_a_rule_whose_name_nobody_could_type_is_refused(office: BackOffice) -> None:
    refused = put_rule(office, " summer", action="hide", brand="x")
    check_problem(refused, 422, "invalid_parameter")
    assert "cannot be the name of a rule" in refused.json()["errors"][0]["message"]
    assert office.client.get("/rules").json() == {"rules": []}


@pytest.mark.parametrize("name", INJECTIONS, **NAMED)
def test_names_and_ids_may_be_any_text_and_are_never_more_than_that(
    office: BackOffice, name: str
) -> None:
    state = f"sqlite:///{office.state.path}"
    before = n_rows(state), n_rows(f"sqlite:///{office.database}")
    asked = quote(name, safe="")
    kept = put_rule(office, name, action="hide", brand="'; DROP TABLE rule; --")
    assert kept.status_code == (200 if len(name) <= 100 and name.isprintable() else 422)
    if kept.status_code == 200:
        assert [each["name"] for each in office.client.get("/rules").json()["rules"]] == [name]
        assert office.client.delete(f"/rules/{asked}").status_code == 204
    check_problem(office.client.post(f"/models/{asked}/promote"), 404, "version_not_found")
    for method, path in (
        ("GET", f"/users/{asked}"),
        ("GET", f"/recommend/{asked}"),
        ("GET", f"/similar/{asked}"),
        ("POST", f"/users/{asked}/token"),
    ):
        check_problem(office.client.request(method, path), 422, "invalid_parameter")
    after = n_rows(state), n_rows(f"sqlite:///{office.database}")
    assert {name: n for name, n in after[0].items() if before[0][name] != n} == {}
    assert after[1] == before[1]


@pytest.mark.parametrize("name", INJECTIONS, **NAMED)
def test_a_text_id_of_any_kind_finds_nothing_or_itself(tmp_path: Path, name: str) -> None:
    with back_office(tmp_path, string_ids=True) as shop:
        before = n_rows(f"sqlite:///{shop.database}")
        asked = quote(name, safe="")
        check_problem(shop.client.get(f"/users/{asked}"), 404, "user_not_found")
        check_problem(shop.client.get(f"/recommend/{asked}"), 404, "user_not_found")
        check_problem(shop.client.get(f"/similar/{asked}"), 404, "product_not_found")
        token = shop.client.post(f"/users/{asked}/token")
        assert token.json()["user_id"] == name
        assert n_rows(f"sqlite:///{shop.database}") == before


def test_an_id_that_fits_in_no_token_is_422(tmp_path: Path) -> None:
    long = "".join(random.Random(1).choices(string.ascii_letters, k=5000))
    with back_office(tmp_path, string_ids=True) as shop:
        problem = check_problem(shop.client.post(f"/users/{long}/token"), 422, "invalid_parameter")
    assert problem["detail"] == "user_id is too long for a token"


def test_versions_are_listed_promoted_and_rolled_back(office: BackOffice) -> None:
    def published() -> str:
        models = office.client.get("/models").json()["models"]
        assert [each["version"] for each in models] == [NEW, OLD]
        (name,) = [each["version"] for each in models if each["published"]]
        return str(name)

    assert published() == NEW
    swap = office.client.post(f"/models/{OLD}/promote")
    assert swap.json() == {"version": OLD, "before": NEW, "changed": True}
    assert published() == OLD
    assert office.client.post(f"/models/{OLD}/promote").json()["changed"] is False
    (promoted,) = [
        each for each in office.client.get("/models").json()["models"] if each["version"] == OLD
    ]
    assert promoted["decision"]["action"] == "promoted"
    back = office.client.post("/models/rollback").json()
    assert (back["version"], published()) == (NEW, NEW)
    check_problem(office.client.post("/models/nothing/promote"), 404, "version_not_found")


def test_a_damaged_version_is_not_published(office: BackOffice) -> None:
    path = office.folder / "models" / f"{OLD}.pkl"
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    path.write_bytes(damaged)
    check_problem(office.client.post(f"/models/{OLD}/promote"), 503, "invalid_model")
    assert office.client.get("/recommend/4").json()["model"]["version"] == NEW


def test_an_experiment_is_shown_with_what_can_be_said_of_it(office: BackOffice) -> None:
    assert office.client.get("/experiments").json() == {"experiments": []}
    Experiments(office.state).start("new-one", OLD, NEW)
    (shown,) = office.client.get("/experiments").json()["experiments"]
    assert shown["experiment"]["name"] == "new-one"
    assert shown["control"] == shown["treatment"] == [0, 0]
    assert shown["result"]["winner"] is None


def test_a_token_is_good_for_its_user_and_for_as_long_as_was_said(office: BackOffice) -> None:
    answer = office.client.post("/users/4/token?ttl_s=60").json()
    assert (answer["user_id"], answer["expires_in_s"]) == (4, 60)
    assert Tokens(office.state).check(answer["token"]) == 4
    assert office.client.post("/users/4/token").json()["expires_in_s"] == 900
    for wrong in ("0", "3601", "x", "null"):
        response = office.client.post(f"/users/4/token?ttl_s={wrong}")
        problem = check_problem(response, 422, "invalid_parameter")
        assert problem["detail"] == f"ttl_s must be a whole number from 1 to 3600, got '{wrong}'"


def test_each_scope_opens_its_own_routes(office: BackOffice) -> None:
    secrets = {
        scope: Keys(office.state).create(scope, [scope]).secret
        for scope in ("read", "events", "profiles", "admin")
    }
    routes = {
        "read": [("GET", "/recommend/4"), ("GET", "/popular"), ("GET", "/trending")],
        "events": [("POST", "/events")],
        "profiles": [("GET", "/users"), ("GET", "/users/4"), ("POST", "/users/4/token")],
        "admin": [
            ("GET", "/models"),
            ("GET", "/rules"),
            ("GET", "/experiments"),
            ("GET", "/metrics"),
            ("DELETE", "/rules/x"),
            ("POST", "/models/x/promote"),
        ],
    }
    for needed, asked in routes.items():
        for method, path in asked:
            for scope, secret in secrets.items():
                headers = {"x-api-key": secret}
                answer = office.client.request(method, path, headers=headers)
                assert (answer.status_code == 403) == (scope not in (needed, "admin")), path
            check_problem(office.client.request(method, path), 401, "unauthorized")
    told = office.client.get("/recommend/4", headers={"x-api-key": secrets["read"]}).json()
    assert told["user"] == {"user_id": 4}


@pytest.mark.slow
def test_a_user_is_erased_through_a_real_server(tmp_path: Path) -> None:
    url = make_shop(tmp_path / "shop.db")
    copy_versions(tmp_path, OLD, NEW)
    command = [sys.executable, "-m", "selera", "erase", "--yes", "--json", "--database", url]
    command += ["--data", str(tmp_path / "data-training.csv")]
    command += ["--model", str(tmp_path / "model.pkl"), "--state", str(tmp_path / "state.db"), "--"]
    erase = {"arguments": command, "environment": {"PATH": "/usr/bin", "HOME": str(tmp_path)}}
    settings = {"state": str(tmp_path / "state.db"), "erase": erase}
    with running_server(url, tmp_path / "model.pkl", **settings) as server:
        assert ask(server.url + "/recommend/4")[0] == 200
        status, receipt = ask(server.url + "/users/4", "DELETE")
        assert status == 200, receipt
        assert (receipt["user_id"], receipt["found"], receipt["complete"]) == (4, True, True)
        assert receipt["stays"]
        assert ask(server.url + "/users/4")[0] == 404
        assert ask(server.url + "/recommend/4")[0] == 404
        assert ask(server.url + "/users/5")[0] == 200
        for nobody in ("4", str(NOBODY)):
            status, problem = ask(f"{server.url}/users/{nobody}", "DELETE")
            assert (status, problem["code"]) == (404, "user_not_found")
        (tmp_path / "models" / "broken.pkl").touch()
        status, receipt = ask(f"{server.url}/users/{NOBODY}", "DELETE")
        assert (status, receipt["found"], receipt["complete"]) == (200, False, False)
        for injection in INJECTIONS:
            assert ask(f"{server.url}/users/{quote(injection, safe='')}", "DELETE")[0] == 422
    connection = sqlite3.connect(tmp_path / "shop.db")
    assert connection.execute("SELECT count(*) FROM data_user_profile").fetchone() == (39,)
    connection.close()


@pytest.mark.slow
def test_an_erasure_does_not_outwait_a_training_nor_the_server(tmp_path: Path) -> None:
    url = make_shop(tmp_path / "shop.db")
    copy_versions(tmp_path, OLD, NEW)
    model = tmp_path / "model.pkl"
    before = model.read_bytes()
    command = [sys.executable, "-m", "selera", "erase", "--yes", "--json", "--database", url]
    command += ["--data", str(tmp_path / "data-training.csv"), "--model", str(model)]
    command += ["--state", str(tmp_path / "state.db"), "--patience"]
    environment = {"PATH": "/usr/bin", "HOME": str(tmp_path)}
    state = str(tmp_path / "state.db")
    with exclusive(model, "training", wait=False):
        impatient = {"arguments": [*command, "0.2", "--"], "environment": environment}
        with running_server(url, model, state=state, erase=impatient) as server:
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(
                    urllib.request.Request(server.url + "/users/4", method="DELETE")
                )
            with refused.value as answer:
                problem = json.load(answer)
                assert (answer.status, problem["code"]) == (503, "training_under_way")
                assert int(answer.headers["Retry-After"]) == 60
            assert "did not end within 0.2 s. Nothing was erased" in problem["detail"]
            assert ask(server.url + "/users/4")[1]["behaviors"]["visit"] > 0
            assert model.read_bytes() == before
        patient = {"arguments": [*command, "300", "--"], "environment": environment}
        with running_server(url, model, state=state, erase=patient, threads=1) as server:
            answers: list[tuple[int, Any]] = []
            asking = threading.Thread(
                target=lambda: answers.append(ask(server.url + "/users/4", "DELETE"))
            )
            asking.start()
            time.sleep(2)  # the child waits for the lock
            assert ask(server.url + "/users/5")[0] == 200  # and nobody for the child
            stopping = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(timeout=60) == 0
            assert time.monotonic() - stopping < STALL_S, "it did not wait for the training"
            asking.join()
            assert [(status, told["code"]) for status, told in answers] == [(503, "busy")]
            assert model.read_bytes() == before


def ask(url: str, method: str = "GET") -> tuple[int, Any]:
    request = urllib.request.Request(url, method=method)
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
