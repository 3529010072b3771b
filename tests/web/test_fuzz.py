"""The published OpenAPI document against a real server: no 5xx, and nothing that it does not say.

Every operation, erasing and rolling back included, on a shop of this module's own.
"""

import json
import re
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from selera.state import Keys, State, Tokens
from selera.web.routes import API_ROUTES
from tests.serving.served_shop import make_shop
from tests.web.back_office import copy_versions, n_rows
from tests.web.running import running_server

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = [
    (method, re.sub(r":\w+\}", "}", path))
    for route in API_ROUTES
    for path in route.paths
    for method in sorted(route.http_methods)
] + [("GET", "/"), ("GET", "/metrics")]
REAL_IDS = {"user_id": "7", "product_id": "17", "name": "summer", "version": "v2"}


class Target(NamedTuple):
    """A server and who may ask it."""

    url: str
    folder: Path
    admin: str
    reader: str
    token: str


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("fuzz")
    url = make_shop(folder / "shop.db")
    copy_versions(folder, "v1", "v2")
    files = ["--database", url, "--data", str(folder / "data-training.csv")]
    files += ["--model", str(folder / "model.pkl"), "--state", str(folder / "state.db")]
    erase = {
        "arguments": [sys.executable, "-m", "selera", "erase", "--yes", "--json", *files, "--"],
        "environment": {"PATH": "/usr/bin:/bin", "HOME": str(folder)},
    }
    with State.open(folder / "state.db") as state:
        keys, tokens = Keys(state), Tokens(state)
        admin = keys.create("admin", ["admin"]).secret
        reader = keys.create("reader", ["read"]).secret
        given: dict[str, Any] = {"state": str(folder / "state.db"), "erase": erase}
        given |= {"rate_per_minute": 0}
        with running_server(url, folder / "model.pkl", **given) as server:
            yield Target(server.url, folder, admin, reader, tokens.issue(4, 3600))
            # After everything that was asked it answers, and no table is gone.
            assert urllib.request.urlopen(server.url + "/health/ready").status == 200
            assert n_rows(url)["data_user_profile"] >= 30


@pytest.fixture(scope="module")
def api(target: Target) -> Any:
    """The document as the server publishes it; half of the ids and names are such that exist."""
    with urllib.request.urlopen(target.url + "/openapi.json") as response:
        schema = schemathesis.openapi.from_dict(json.load(response))

    def map_path_parameters(context: Any, path_parameters: Any) -> Any:
        return {
            name: REAL_IDS[name] if len(str(value)) % 2 else value
            for name, value in (path_parameters or {}).items()
        }

    def map_body(context: Any, body: Any) -> Any:
        events = body.get("events") if isinstance(body, dict) else None
        for each in events if isinstance(events, list) else ():
            if isinstance(each, dict) and len(str(each)) % 2:
                each["product_id"] = REAL_IDS["product_id"]
        if isinstance(body, dict) and "name" in body and len(str(body)) % 2:
            body |= {"name": REAL_IDS["name"], "brand": "Parang"}
        return body

    schema.hook(map_path_parameters)
    schema.hook(map_body)
    schema.config.update(base_url=target.url)
    return schema


def tried(operation: Any, secrets: list[str | None], n_examples: int) -> None:
    """Send made-up requests, right and wrong ones, and hold each answer against the document."""
    strategy = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE),
    )

    @given(case=strategy)
    @settings(
        max_examples=n_examples,
        derandomize=True,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    def answers_as_documented(case: schemathesis.Case) -> None:
        for secret in secrets:
            headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
            case.call_and_validate(checks=CHECKS, headers=headers, timeout=60)

    answers_as_documented()


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_an_admin_finds_no_fault(api: Any, target: Target, method: str, path: str) -> None:
    # Each erasure is a process of its own.
    tried(api[path][method], [target.admin], 2 if method == "DELETE" else 12)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_others_find_none_either(api: Any, target: Target, method: str, path: str) -> None:
    tried(api[path][method], [None, "nonsense", target.reader, target.token], 3)


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_nor_does_who_tries_for_longer(api: Any, target: Target, method: str, path: str) -> None:
    tried(api[path][method], [target.admin, target.token], 15 if method == "DELETE" else 150)


def test_every_operation_of_the_document_is_tried(api: Any) -> None:
    described = {(method.upper(), path) for path in api for method in api[path]}
    assert described == set(OPERATIONS)
