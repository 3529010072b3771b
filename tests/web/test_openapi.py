"""The OpenAPI document: every answer is what it says, and it leaves nothing out."""

import contextlib
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import schemathesis

from selera.database import Shop
from selera.serving import ModelSlot, RecommendationService
from selera.web.problems import PROBLEMS
from selera.web.requests import BODIES
from tests.serving.served_shop import NEW_PRODUCT, NEW_USER, NOBODY, make_shop, publish
from tests.web.conftest import Client, client_of
from tests.web.shapes import faults

PROBLEM = "application/problem+json"
UNDESCRIBED = {
    "headers_too_large",
    "method_not_allowed",
    "not_found",
}


@pytest.fixture
def document(client: Client) -> dict[str, Any]:
    answer: dict[str, Any] = client.get("/openapi.json").json()
    return answer


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each operation by its method and path: `GET /popular`."""
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_every_route_of_the_api_is_described(client: Client, document: dict[str, Any]) -> None:
    undescribed = {"/docs", "/static/{name}", "/openapi.json"}
    served = {route.path_format or "/" for route in client.app.routes}
    assert set(document["paths"]) == served - undescribed
    assert document["openapi"].startswith("3.1")
    ids = [operation["operationId"] for operation in operations(document).values()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ("/", "/"),
        ("/recommend/{user_id}", "/recommend/4"),
        ("/recommend/{user_id}", f"/recommend/{NEW_USER}"),
        ("/recommend/{user_id}", "/recommend/40"),
        ("/recommend/{user_id}", f"/recommend/{NOBODY}"),
        ("/recommend/{user_id}", "/recommend/abc"),
        ("/recommend", "/recommend?user_id=4&include_seen=true"),
        ("/recommend", f"/recommend?user_id={NOBODY}&on_unknown=popular"),
        ("/recommend", "/recommend"),
        ("/similar/{product_id}", "/similar/17"),
        ("/similar/{product_id}", f"/similar/{NEW_PRODUCT}"),
        ("/similar", f"/similar?product_id={NOBODY}"),
        ("/popular", "/popular"),
        ("/popular", "/popular?limit=0"),
        ("/trending", "/trending?category=clothing"),
        ("/recommend/{user_id}", "/recommend/4?category=none"),
        ("/recommend/{user_id}", "/recommend/4?diversity=1&fields=price&strict=false"),
        ("/models", "/models"),
        ("/rules", "/rules"),
        ("/experiments", "/experiments"),
        ("/users", "/users"),
        ("/users/{user_id}", "/users/4"),
        ("/health/live", "/health/live"),
        ("/health/ready", "/health/ready"),
    ],
)
def test_answers_are_what_the_document_says(
    client: Client, document: dict[str, Any], route: str, path: str
) -> None:
    response = client.get(path)
    described = operations(document)[f"GET {route}"]["responses"][str(response.status_code)]
    media_type = response.headers["content-type"].partition(";")[0]
    assert "X-Request-ID" in described["headers"]
    assert faults(response.json(), described["content"][media_type]["schema"], document) == []


def test_answers_of_a_shop_with_texts_as_ids_are_too(
    tmp_path: Path, document: dict[str, Any]
) -> None:
    url = make_shop(tmp_path / "shop.db", string_ids=True)
    publish(tmp_path / "m.pkl", string_ids=True)
    with (
        contextlib.closing(Shop.open(url)) as shop,
        client_of(RecommendationService(ModelSlot(tmp_path / "m.pkl"), shop)) as client,
    ):
        answer = client.get("/recommend/user%204").json()
    assert answer["user"]["user_id"] == "user 4"
    schema = {"$ref": "#/components/schemas/RecommendAnswer"}
    assert faults(answer, schema, document) == []


def test_the_checker_finds_what_is_wrong(document: dict[str, Any]) -> None:
    schema = {"$ref": "#/components/schemas/UserList"}
    good = {"user_ids": [1, "a"], "limit": 1, "offset": 0, "total": 2}
    assert faults(good, schema, document) == []
    assert faults(good | {"limit": "1"}, schema, document) == ["$.limit: '1' is no integer"]
    assert faults(good | {"next": 2}, schema, document) == ["$: next is not in the description"]
    assert faults({}, schema, document)[0] == "$: lacks user_ids"


def test_every_example_is_what_the_document_says(document: dict[str, Any]) -> None:
    n_examples = 0
    for operation in operations(document).values():
        for response in operation["responses"].values():
            for media_type, content in response.get("content", {}).items():
                if media_type.startswith("text/"):
                    continue
                examples = [each["value"] for each in content.get("examples", {}).values()]
                examples += [content["example"]] if "example" in content else []
                assert examples, f"{operation['operationId']} shows no {media_type}"
                for example in examples:
                    n_examples += 1
                    assert faults(example, content["schema"], document) == []
    assert n_examples > 40


def test_the_described_parameters_are_those_that_are_taken(
    client: Client, document: dict[str, Any]
) -> None:
    for name, operation in operations(document).items():
        method, path = name.split(" ")
        asked = re.sub(r"\{\w+\}", "4", path)
        parameters = operation.get("parameters", [])
        in_query = sorted(each["name"] for each in parameters if each["in"] == "query")
        problem = client.request(method, f"{asked}?nothing=1", json={}).json()
        known = problem["errors"][0]["message"].rpartition(": ")[2]
        assert known == (", ".join(in_query) or "none")
        for each in parameters:
            assert each["description"]
            needed = each["in"] == "path" or each["name"] in ("user_id", "product_id")
            assert each["required"] == needed


def test_every_operation_tells_its_problems(document: dict[str, Any]) -> None:
    described = set()
    for operation in operations(document).values():
        assert operation["summary"]
        assert operation["description"]
        responses = operation["responses"]
        assert {"400", "421", "422", "500"} <= set(responses)
        assert ("401" in responses) == ("403" in responses) == ("security" in operation)
        assert ("415" in responses) == ("413" in responses) == ("requestBody" in operation)
        for status, response in responses.items():
            if int(status) >= 400:
                assert set(response["content"]) == {PROBLEM}
                described |= set(response["content"][PROBLEM]["examples"])
    # Those belong to no described operation: there is no such route, no such method, or no head
    # of a request that could lead to one.
    codes = {kind.code for kind in PROBLEMS.values()}
    assert codes - described <= UNDESCRIBED


def test_success_is_what_each_operation_says(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        good = {status for status in operation["responses"] if int(status) < 300}
        assert good == ({"204"} if name == "DELETE /rules/{name}" else {"200"}), name
    metrics = document["paths"]["/metrics"]["get"]["responses"]["200"]["content"]
    assert [each.partition(";")[0] for each in metrics] == ["text/plain"]


def test_answers_may_grow_and_bodies_may_not(document: dict[str, Any]) -> None:
    bodies = {body.__name__ for body in BODIES} | {"ToldEvent"}
    for name, schema in document["components"]["schemas"].items():
        assert (schema.get("additionalProperties") is False) == (name in bodies), name
        assert "\n  " not in schema["description"], name


def test_every_body_is_described_with_examples_that_are_accepted(
    client: Client, document: dict[str, Any]
) -> None:
    n_examples = 0
    for name, operation in operations(document).items():
        if "requestBody" not in operation:
            continue
        method, path = name.split(" ")
        (content,) = operation["requestBody"]["content"].values()
        assert operation["requestBody"]["required"]
        for example in content["examples"].values():
            body = example["value"]
            assert faults(body, content["schema"], document) == []
            # These have no state file and no way to write: what they refuse is not the body.
            answer = client.request(method, path.replace("{name}", "summer"), json=body)
            assert answer.status_code in (200, 503), answer.text
            n_examples += 1
    assert n_examples == 6


def test_fields_of_a_body_are_told(document: dict[str, Any]) -> None:
    rule = document["components"]["schemas"]["Rule"]
    assert (
        rule["description"] == "One rule; it concerns the products that meet all of its conditions."
    )
    assert rule["properties"]["brand"]["description"] == "the conditions; at least one is given"


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    schemathesis.openapi.from_dict(document).validate()


def test_the_document_is_the_same_each_time(service: RecommendationService) -> None:
    with client_of(service) as one, client_of(service) as other:
        assert one.get("/openapi.json").content == other.get("/openapi.json").content
        assert msgspec.json.decode(one.get("/openapi.json").content)
