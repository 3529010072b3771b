"""POST /recommend: lists for several users, and for a basket that belongs to nobody."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selera.contracts.rules import Rule
from selera.state import Keys, Tokens
from selera.web.reading import MOST_FAULTS, body_faults
from selera.web.requests import Asking, ToldEvents
from tests.serving.served_shop import NEW_USER, NOBODY
from tests.web.back_office import BackOffice, back_office
from tests.web.conftest import Client
from tests.web.test_problems import check_problem


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackOffice]:
    with back_office(tmp_path_factory.mktemp("asking")) as shop:
        yield shop


@pytest.fixture
def client(office: BackOffice) -> Client:
    return office.client


def without_id(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "recommendation_id"}


def wrong_fields(client: Client, body: Any) -> list[str]:
    """What the 422 of this body says, field by field."""
    problem = check_problem(client.post("/recommend", json=body), 422, "invalid_parameter")
    return [f"{each['field']} {each['message']}" for each in problem["errors"]]


def test_a_batch_has_the_lists_of_its_users_in_their_order(client: Client) -> None:
    body = {"user_ids": [7, "4", NOBODY, NEW_USER], "limit": 3}
    answer = client.post("/recommend", json=body).json()
    alone = [client.get(f"/recommend/{id}?limit=3").json() for id in (7, 4, NEW_USER)]
    assert list(map(without_id, answer["answers"])) == list(map(without_id, alone))
    assert answer["unknown_user_ids"] == [NOBODY]
    named = {each["recommendation_id"] for each in answer["answers"]}
    assert len(named) == 3


def test_unknown_users_of_a_batch_get_a_list_where_it_is_asked_for(client: Client) -> None:
    body = {"user_ids": [NOBODY], "on_unknown": "popular", "limit": 2}
    answer = client.post("/recommend", json=body).json()
    assert answer["unknown_user_ids"] == []
    assert answer["answers"][0]["fallback"] == "popular"


def test_a_basket_gets_what_goes_with_it_and_not_what_is_in_it(client: Client) -> None:
    basket = [12, 14, 16]
    answer = client.post("/recommend", json={"product_ids": basket, "limit": 5}).json()
    assert answer["user"] is None
    assert answer["fallback"] is None
    listed = [each["product"]["product_id"] for each in answer["recommendations"]]
    assert len(listed) == 5
    assert not set(listed) & set(basket)
    first = answer["recommendations"][0]
    assert {each["type"] for each in first["reasons"]} == {"because_you_visited"}
    assert {each["product_id"] for each in first["reasons"]} <= set(basket)
    bought = client.post("/recommend", json={"product_ids": basket, "behavior": "purchase"}).json()
    assert bought["recommendations"][0]["reasons"][0]["type"] == "because_you_bought"


@pytest.mark.parametrize("basket", [[], [NOBODY]])
def test_a_basket_that_says_nothing_gets_what_most_users_like(
    client: Client, basket: list[int]
) -> None:
    answer = client.post("/recommend", json={"product_ids": basket, "limit": 2}).json()
    assert answer["fallback"] == "popular"
    assert len(answer["recommendations"]) == 2


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "body must have exactly one of user_ids and product_ids"),
        (
            {"user_ids": [1], "product_ids": [12]},
            "body must have exactly one of user_ids and product_ids",
        ),
        ([], "body must be an object, got a list of 0"),
        ("x", 'body must be an object, got "x"'),
        ({"user_ids": 4}, "user_ids must be a list of at most 100 values, got 4"),
        ({"user_ids": [4, None]}, "user_ids[1] must be a whole number or a text, got null"),
        ({"user_ids": [4, 1.5]}, "user_ids[1] must be a whole number or a text, got 1.5"),
        ({"user_ids": [4, True]}, "user_ids[1] must be a whole number or a text, got true"),
        (
            {"user_ids": [4, "abc"]},
            "user_ids[1] must be an integer as the database has it, got 'abc'",
        ),
        (
            {"user_ids": list(range(101))},
            "user_ids must be a list of at most 100 values, got a list of 101",
        ),
        (
            {"product_ids": list(range(201))},
            "product_ids must be a list of at most 200 values, got a list of 201",
        ),
        (
            {"product_ids": ["007"]},
            "product_ids[0] must be an integer as the database has it, got '007'",
        ),
        ({"user_ids": [4], "limit": 0}, "limit must be a whole number from 1 to 100, got 0"),
        ({"user_ids": [4], "limit": "5"}, 'limit must be a whole number from 1 to 100, got "5"'),
        (
            {"user_ids": [4], "limit": 10**30},
            f"limit must be a whole number from 1 to 100, got {10**30}",
        ),
        ({"user_ids": [4], "diversity": 2}, "diversity must be a number from 0 to 1, got 2"),
        ({"user_ids": [4], "explain": "yes"}, 'explain must be true or false, got "yes"'),
        ({"user_ids": [4], "tag": "red"}, 'tag must be a list of at most 50 values, got "red"'),
        ({"user_ids": [4], "tag": [1]}, "tag[0] must be a text, got 1"),
        (
            {"product_ids": [12], "behavior": "rating"},
            'behavior must be purchase or visit, got "rating"',
        ),
        ({"user_ids": [4], "on_unknown": 1}, "on_unknown must be error or popular, got 1"),
        (
            {"user_ids": [4], "exclude": ["x"]},
            "exclude must be an integer as the database has it, got 'x'",
        ),
        (
            {"user_ids": [4], "min_price": 3, "max_price": 2},
            "min_price must not be above max_price, got 3 and 2",
        ),
    ],
)
def test_a_body_that_cannot_be_used_is_explained(client: Client, body: Any, expected: str) -> None:
    assert wrong_fields(client, body) == [expected]


def test_all_wrong_fields_of_a_body_are_named_together(client: Client) -> None:
    body = {"user_ids": 1, "limit": 0, "colour": "red", "strict": None}
    named = [each.split(" ")[0] for each in wrong_fields(client, body)]
    assert named == ["colour", "user_ids", "limit", "strict"]
    many = {f"field{n}": n for n in range(100)}
    assert len(wrong_fields(client, many)) == MOST_FAULTS


@pytest.mark.parametrize(
    "text",
    ["", "{", "nonsense", '{"limit": 1e999}', '{"tag": ["\\ud800"]}', "NaN", "[" * 100_000],
)
def test_what_is_no_json_is_400(client: Client, text: str) -> None:
    headers = {"content-type": "application/json"}
    response = client.post("/recommend", content=text, headers=headers)
    assert response.status_code in (400, 422), response.text
    check_problem(response, response.status_code, response.json()["code"])
    assert "msgspec" not in response.text


def test_a_body_of_another_type_is_415(client: Client) -> None:
    answer = client.post(
        "/recommend", content=b"user_ids=4", headers={"content-type": "text/plain"}
    )
    check_problem(answer, 415, "unsupported_media_type")


def test_ids_of_any_characters_are_asked_for_in_a_body(tmp_path: Path) -> None:
    odd = ["' OR 1=1 --", "../../etc/passwd", "a/b", "%2F", "😀", "\u202e", "x" * 5000]
    with back_office(tmp_path, string_ids=True) as shop:
        body = {"user_ids": ["user 4", *odd], "exclude": odd, "brand": odd}
        answer = shop.client.post("/recommend", json=body).json()
        assert answer["unknown_user_ids"] == odd
        basket = shop.client.post("/recommend", json={"product_ids": odd})
        assert basket.json()["fallback"] == "popular"
        for bad in ("", "a\0b"):
            problem = shop.client.post("/recommend", json={"user_ids": ["a", bad]}).json()
            assert problem["errors"][0]["field"] == "user_ids[1]"


def test_a_users_token_asks_for_that_user_or_a_basket(tmp_path: Path) -> None:
    with back_office(tmp_path) as shop:
        Keys(shop.state).create("shop", ["read"])
        token = Tokens(shop.state).issue(4, 60)
        headers = {"authorization": f"Bearer {token}"}
        ask = shop.client.post
        own = ask("/recommend", json={"user_ids": [4]}, headers=headers).json()
        # A browser needs no profile: it is of the scope `profiles`.
        assert own["answers"][0]["user"] == {"user_id": 4}
        other = ask("/recommend", json={"user_ids": [4, 5]}, headers=headers)
        check_problem(other, 403, "forbidden")
        assert ask("/recommend", json={"product_ids": [12]}, headers=headers).status_code == 200
        check_problem(ask("/recommend", json={"user_ids": [4]}), 401, "unauthorized")


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)


@pytest.mark.parametrize("type", [Asking, ToldEvents, Rule])
def test_what_a_struct_refuses_is_explained_and_what_it_takes_is_not(
    type: type[msgspec.Struct],
) -> None:
    names = st.sampled_from([each.name for each in msgspec.structs.fields(type)])

    @settings(max_examples=30, deadline=None)
    @given(st.dictionaries(names, ANYTHING, max_size=4) | ANYTHING)
    def check(value: object) -> None:
        try:
            msgspec.json.decode(json.dumps(value).encode(), type=type)
        except msgspec.DecodeError:
            refused = True
        else:
            refused = False
        assert bool(body_faults(json.loads(json.dumps(value)), type)) == refused

    check()
