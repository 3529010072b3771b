"""Filters, diversity, fields and strictness, as they are asked for over HTTP."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from selera.contracts.ids import Id
from selera.contracts.tables import PRODUCT
from tests.serving.served_shop import engine_of
from tests.web.back_office import BackOffice, back_office, n_rows
from tests.web.conftest import Client
from tests.web.test_problems import check_problem

BAGS = (12, 14, 16)
"""The products of a rare category: what user 4 has not seen of them is listed, and nothing else."""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BackOffice]:
    with back_office(tmp_path_factory.mktemp("filters")) as shop:
        with engine_of(f"sqlite:///{shop.database}") as engine, engine.begin() as connection:
            for id in BAGS:
                connection.exec_driver_sql(
                    f"UPDATE {PRODUCT.name} SET category = 'Bags & Belts', tag = 'new,leather',"
                    " source_country = 'Japan', brand = 'Kura', price = ? WHERE product_id = ?",
                    (float(id), id),
                )
            connection.exec_driver_sql(f"UPDATE {PRODUCT.name} SET stock = 0 WHERE product_id = 16")
        yield shop


@pytest.fixture
def client(office: BackOffice) -> Client:
    return office.client


def ids(answer: dict[str, Any]) -> list[Id]:
    (places,) = [value for value in answer.values() if isinstance(value, list)]
    return [each["product"]["product_id"] for each in places]


def asked(client: TestClient[Any], path: str) -> list[Id]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return ids(answer.json())


def test_a_rare_category_answers_exactly_its_products(client: Client) -> None:
    path = "/recommend/4?include_seen=true&category=Bags%20%26%20Belts"
    assert sorted(asked(client, path)) == list(BAGS)  # type: ignore[type-var]
    assert asked(client, "/recommend/4?category=nothing") == []


@pytest.mark.parametrize("path", ["/popular", "/similar/17", "/trending"])
def test_lists_for_everybody_are_filtered_too(client: Client, path: str) -> None:
    assert set(asked(client, f"{path}?category=Bags%20%26%20Belts")) <= set(BAGS)
    assert set(asked(client, f"{path}?tag=leather&limit=100")) <= set(BAGS)
    assert not set(asked(client, f"{path}?category=clothing&limit=100")) & set(BAGS)
    everything = asked(client, f"{path}?limit=100")
    excluded = ",".join(map(str, everything[:2]))
    assert asked(client, f"{path}?limit=100&exclude={excluded}") == everything[2:]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tag=leather", BAGS),
        ("tag=new&tag=none", BAGS),
        ("source_country=Japan", BAGS),
        ("brand=Kura", BAGS),
        ("brand=Kura&max_price=14", (12, 14)),
        ("brand=Kura&min_price=14", (14, 16)),
        ("brand=Kura&min_price=14&max_price=14.0", (14,)),
        ("brand=Kura&in_stock=true", (12, 14)),
        ("brand=Kura&exclude=12&exclude=16", (14,)),
        ("brand=Kura&exclude=12,16", (14,)),
        ("brand=Kura&category=clothing", ()),
    ],
)
def test_each_filter_leaves_what_it_says(
    client: Client, query: str, expected: Sequence[int]
) -> None:
    assert set(asked(client, f"/recommend/4?include_seen=true&{query}")) == set(expected)
    name, _, _ = query.partition("=")
    assert name in ("tag", "source_country", "brand")


def test_a_body_filters_like_a_query(client: Client) -> None:
    body = {"user_ids": [4], "include_seen": True, "brand": ["Kura"], "exclude": ["12"]}
    (answer,) = client.post("/recommend", json=body).json()["answers"]
    query = "include_seen=true&brand=Kura&exclude=12"
    assert ids(answer) == asked(client, f"/recommend/4?{query}")


def test_where_the_list_need_not_be_strict_it_is_filled_up_and_says_so(client: Client) -> None:
    path = "/recommend/4?include_seen=true&brand=Kura&limit=5"
    assert len(asked(client, path)) == 3
    places = client.get(path + "&strict=false").json()["recommendations"]
    assert [each["source"] == "filler" for each in places] == [False] * 3 + [True] * 2
    assert [each["rank"] for each in places] == [1, 2, 3, 4, 5]


def test_only_the_asked_for_fields_are_told(client: Client) -> None:
    (place,) = client.get("/recommend/4?limit=1&fields=price,brand").json()["recommendations"]
    assert set(place["product"]) == {"product_id", "price", "brand"}
    (place,) = client.get("/popular?limit=1&fields=product_id").json()["popular"]
    assert set(place["product"]) == {"product_id"}


def test_diversity_changes_the_order_and_keeps_the_first(client: Client) -> None:
    plain = asked(client, "/recommend/4?limit=8&diversity=0")
    diverse = asked(client, "/recommend/4?limit=8&diversity=1")
    assert plain[0] == diverse[0]
    assert plain != diverse


@pytest.mark.parametrize(
    ("query", "field", "message"),
    [
        ("min_price=-1", "min_price", "must be a number, at least 0, got '-1'"),
        ("min_price=nan", "min_price", "must be a number"),
        ("max_price=inf", "max_price", "must be a number, got inf"),
        ("min_price=null", "min_price", "must be a number, at least 0, got 'null'"),
        ("min_price=3&max_price=2", "min_price", "must not be above max_price, got 3 and 2"),
        ("diversity=1.1", "diversity", "must be a number from 0 to 1, got '1.1'"),
        ("diversity=nan", "diversity", "must be a number"),
        ("in_stock=perhaps", "in_stock", "must be true or false, got 'perhaps'"),
        ("strict=2", "strict", "must be true or false, got '2'"),
        ("exclude=1,x", "exclude", "must be an integer as the database has it, got 'x'"),
        ("fields=price,colour", "fields", "must be of product_id, product_name,"),
        ("fields=null", "fields", "must be names of fields, with commas between them, got 'null'"),
        ("colour=red", "colour", "is unknown here; known parameters: brand, category,"),
    ],
)
def test_a_filter_that_cannot_be_used_is_named(
    client: Client, query: str, field: str, message: str
) -> None:
    problem = check_problem(client.get(f"/recommend/4?{query}"), 422, "invalid_parameter")
    (error,) = problem["errors"]
    assert error["field"] == field
    assert error["message"].startswith(message)


@pytest.mark.parametrize("text", ["' OR 1=1 --", "../../etc/passwd", "%00", "😀", "", "x" * 5000])
@pytest.mark.parametrize("name", ["category", "tag", "source_country", "brand"])
def test_a_filter_may_be_any_text_and_finds_nothing(client: Client, name: str, text: str) -> None:
    answer = client.get("/recommend/4", params={name: text})
    assert answer.status_code == 200
    assert ids(answer.json()) == []


def test_nothing_of_that_changed_a_table(office: BackOffice, tmp_path: Path) -> None:
    with back_office(tmp_path) as untouched:
        counts = [n_rows(f"sqlite:///{each.database}") for each in (office, untouched)]
    assert counts[0] == counts[1]
