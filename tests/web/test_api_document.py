"""docs/api.md: its examples are run against a real server, its tables are held against the code."""

import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from selera.serving import DEFAULT_LIMIT, MAX_LIMIT
from selera.web.parameters import MAX_OFFSET
from selera.web.problems import PROBLEMS
from tests.web.conftest import Client
from tests.web.shapes import faults

TEXT = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLE = re.compile(
    r"```console\n\$ curl -s 'http://127\.0\.0\.1:5000(?P<path>[^']+)'\n```\n"
    r"```json\n(?P<answer>.*?)\n```",
    re.DOTALL,
)
EXAMPLES = [(match["path"], json.loads(match["answer"])) for match in EXAMPLE.finditer(TEXT)]


def table(header: str) -> list[list[str]]:
    """The cells of the table whose header line begins so."""
    lines = TEXT[TEXT.index(f"| {header} |") :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def skeleton(value: Any) -> Any:
    """The keys of a value, all the way down; of a list those of its first element."""
    if isinstance(value, dict):
        return {name: skeleton(one) for name, one in value.items()}
    return [skeleton(one) for one in value[:1]] if isinstance(value, list) else None


def test_the_document_has_its_examples_and_at_most_200_lines() -> None:
    assert len(EXAMPLES) == TEXT.count("```console") == TEXT.count("```json") == 6
    assert len(TEXT.splitlines()) <= 200


@pytest.mark.parametrize(("path", "told"), EXAMPLES, ids=[path for path, _ in EXAMPLES])
def test_an_example_is_what_a_real_server_answers(
    server_url: str, client: Client, path: str, told: dict[str, Any]
) -> None:
    try:
        with urllib.request.urlopen(server_url + path) as response:
            status, answer = response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            status, answer = error.code, json.load(error)
    assert skeleton(answer) == skeleton(told)
    document = client.get("/openapi.json").json()
    route = path.partition("?")[0].replace("/3", "/{user_id}").replace("/18", "/{product_id}")
    content = document["paths"][route]["get"]["responses"][str(status)]["content"]
    (described,) = content.values()
    assert faults(told, described["schema"], document) == []
    if status != 200:
        assert answer | {"request_id": ""} == told | {"request_id": ""}


def test_every_code_is_in_the_table_and_every_row_is_a_code() -> None:
    told = {names(code)[0]: int(status) for code, status, _ in table("code")}
    assert told == {kind.code: kind.status for kind in PROBLEMS.values()}


def test_every_route_is_in_the_table(client: Client) -> None:
    told = {names(route)[0].removeprefix("GET ") for route, _ in table("route")}
    assert told == set(client.get("/openapi.json").json()["paths"])


def test_every_parameter_is_in_the_table_with_its_default(client: Client) -> None:
    told = {
        (names(parameter)[0], default.strip("`")): set(names(of))
        for parameter, of, _, default in table("parameter")
    }
    described: dict[tuple[str, str], set[str]] = {}
    for path, methods in client.get("/openapi.json").json()["paths"].items():
        for each in methods["get"].get("parameters", []):
            if not each["required"]:
                default = each["schema"]["default"]
                key = (each["name"], default if isinstance(default, str) else json.dumps(default))
                described.setdefault(key, set()).add(path.partition("/{")[0])
    assert told == described


def test_the_rules_are_those_of_the_code() -> None:
    rules = {names(parameter)[0]: rule for parameter, _, rule, _ in table("parameter")}
    assert rules["limit"] == f"a whole number from 1 to {MAX_LIMIT}"
    assert rules["offset"] == f"a whole number from 0 to {MAX_OFFSET}"
    assert DEFAULT_LIMIT == 10
