"""docs/api.md: its examples are run against a real server, its tables are held against the code."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from selera.contracts.events import MOST_EVENTS
from selera.contracts.rules import Rule
from selera.contracts.tables import PRODUCT
from selera.serving import DEFAULT_LIMIT, MAX_LIMIT
from selera.web.parameters import MAX_OFFSET, RULES
from selera.web.problems import PROBLEMS
from selera.web.requests import MOST_PRODUCTS, MOST_USERS, ToldEvent
from selera.web.routes import API_ROUTES
from tests.serving.served_shop import engine_of, make_shop
from tests.web.back_office import copy_versions
from tests.web.conftest import Client
from tests.web.running import running_server
from tests.web.shapes import faults

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(
    r"```console\n\$ (?P<command>curl .*?)\n```\n```json\n(?P<answer>.*?)\n```", re.DOTALL
)
ADDRESS = "http://127.0.0.1:5000"
FREE = {"metrics", "removed"}
"""Objects whose fields have names that the data give."""


class Example(NamedTuple):
    """A command of the document, and what it says that the answer is."""

    command: str
    answer: Any

    @property
    def method(self) -> str:
        words = shlex.split(self.command.replace("\\\n", " "))
        if "-X" in words:
            return words[words.index("-X") + 1]
        return "POST" if "-d" in words else "GET"

    @property
    def route(self) -> str:
        """The path as the OpenAPI document spells it."""
        (url,) = re.findall(ADDRESS + r"(/[^'?]*)", self.command)
        route = re.sub(r"^/(recommend|users)/\d+", r"/\1/{user_id}", url)
        route = re.sub(r"^/similar/\d+", "/similar/{product_id}", route)
        route = re.sub(r"^/rules/\w+", "/rules/{name}", route)
        return re.sub(r"^/models/[\w.-]+/", "/models/{version}/", route)


EXAMPLES = [
    Example(found["command"], json.loads(found["answer"])) for found in EXAMPLE.finditer(TEXT)
]


def table(header: str) -> list[list[str]]:
    """The cells of the table whose header line begins so."""
    lines = TEXT[TEXT.index(f"| {header} |") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def unlike(told: Any, answered: Any, at: str = "$") -> list[str]:
    """Where the fields of two answers differ, all the way down; of a list the first elements."""
    if isinstance(told, dict) and isinstance(answered, dict):
        if told.keys() != answered.keys():
            return [f"{at}: {sorted(told)} in the document, {sorted(answered)} in the answer"]
        return [
            fault
            for name in told.keys() - FREE
            for fault in unlike(told[name], answered[name], f"{at}.{name}")
        ]
    if isinstance(told, list) and isinstance(answered, list):
        return [
            each
            for pair in zip(told[:1], answered[:1], strict=False)
            for each in unlike(*pair, f"{at}[0]")
        ]
    return []


def test_the_document_has_its_examples_and_is_not_long() -> None:
    assert len(EXAMPLES) == TEXT.count("```console") == TEXT.count("```json") >= 13
    assert len(TEXT.splitlines()) <= 500


def test_every_example_is_what_the_document_of_the_api_says(client: Client) -> None:
    document = client.get("/openapi.json").json()
    for example in EXAMPLES:
        responses = document["paths"][example.route][example.method.lower()]["responses"]
        status = "422" if "errors" in example.answer else "200"
        (described,) = responses[status]["content"].values()
        assert faults(example.answer, described["schema"], document) == [], example.command


@pytest.mark.slow
def test_every_example_is_what_a_real_server_answers(tmp_path: Path) -> None:
    url = make_shop(tmp_path / "shop.db")
    with engine_of(url) as engine, engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {PRODUCT.name} SET category = 'Coffee & Tea'")
    versions = sorted(set(re.findall(r"\d{8}T\d{6}\.\d{3}Z-\w{6}", TEXT)))
    copy_versions(tmp_path, *versions)
    files = ["--database", url, "--data", str(tmp_path / "data-training.csv")]
    files += ["--model", str(tmp_path / "model.pkl"), "--state", str(tmp_path / "state.db")]
    erase = {
        "arguments": [sys.executable, "-m", "selera", "erase", "--yes", "--json", *files, "--"],
        "environment": {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
    }
    settings: dict[str, Any] = {"state": str(tmp_path / "state.db"), "erase": erase}
    with running_server(url, tmp_path / "model.pkl", **settings) as server:
        for example in EXAMPLES:
            command = example.command.replace(ADDRESS, server.url)
            done = subprocess.run(
                ["bash", "-c", command], capture_output=True, text=True, check=True
            )
            answered = json.loads(done.stdout)
            assert unlike(example.answer, answered) == [], (example.command, answered)
            listed = answered.get("recommendations", [0])
            assert listed, example.command


def test_every_code_is_in_the_table_and_every_row_is_a_code() -> None:
    told = {names(code)[0]: int(status) for code, status, _ in table("code")}
    assert told == {kind.code: kind.status for kind in PROBLEMS.values()}


def test_every_route_is_in_the_table(client: Client) -> None:
    told = [names(route)[0] for route, _, _ in table("route")]
    paths = client.get("/openapi.json").json()["paths"]
    described = {f"{method.upper()} {path}" for path in paths for method in paths[path]}
    assert len(told) == len(described)
    assert set(told) == described


def test_the_scopes_are_those_of_the_routes() -> None:
    told = {names(route)[0]: scope for route, scope, _ in table("route")}
    for route in API_ROUTES:
        for path in route.paths:
            (method,) = route.http_methods
            name = f"{method} {re.sub(r':[a-z]+}', '}', path)}"
            own = ", own" if route.opt.get("user_token") else ""
            assert told[name] == (route.opt.get("scope") or "none") + own, name


def test_every_parameter_is_in_the_table_with_its_default(client: Client) -> None:
    told = {
        (names(parameter)[0], default.strip("`")): set(names(of))
        for parameter, of, _, default in table("parameter")
    }
    described: dict[tuple[str, str], set[str]] = {}
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for operation in methods.values():
            for each in operation.get("parameters", []):
                if not each["required"]:
                    default = each["schema"].get("default")
                    text = default if isinstance(default, str) else json.dumps(default)
                    of = re.sub(r"/\{\w+\}$", "", path)
                    described.setdefault((each["name"], text), set()).add(of)
    assert told == described


def test_the_rules_and_bounds_are_those_of_the_code() -> None:
    rules = {names(parameter)[0]: rule for parameter, _, rule, _ in table("parameter")}
    assert rules["limit"] == RULES["limit"] == f"a whole number from 1 to {MAX_LIMIT}"
    assert rules["offset"] == RULES["offset"] == f"a whole number from 0 to {MAX_OFFSET}"
    assert rules["ttl_s"].endswith(RULES["ttl_s"])
    assert DEFAULT_LIMIT == 10
    for told in (
        f"`user_ids` (at most {MOST_USERS})",
        f"`product_ids` (at most {MOST_PRODUCTS},",
        f"At most {MOST_EVENTS} events",
    ):
        assert told in TEXT


def test_every_field_of_an_event_and_of_a_rule_is_told() -> None:
    told = {name for row in table("field") for name in names(row[0])}
    assert told == {each.name for each in msgspec.structs.fields(ToldEvent)}
    section = TEXT[TEXT.index("## Merchandising rules") : TEXT.index("## Health")]
    for field in msgspec.structs.fields(Rule):
        assert field.name in section
