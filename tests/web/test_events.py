"""POST /events: what is told is in the shop's tables once, and in the next answer."""

import json
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selera.state import Keys, Tokens
from tests.serving.served_shop import NOBODY
from tests.web.back_office import BackOffice, back_office, n_rows
from tests.web.running import running_server
from tests.web.test_problems import check_problem

VISITS = "data_user_history_visit_product"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[BackOffice]:
    with back_office(tmp_path) as shop:
        yield shop


def tell(office: BackOffice, *events: dict[str, Any], **more: Any) -> Any:
    return office.client.post("/events", json={"events": list(events)}, **more)


def event(type: str = "visit", **fields: Any) -> dict[str, Any]:
    return {"type": type, "user_id": 4, "product_id": 14} | fields


def rows(office: BackOffice, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(office.database)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_an_event_is_in_the_table_and_in_the_next_answer(office: BackOffice) -> None:
    before = office.client.get("/users/4").json()["behaviors"]
    listed = office.client.get("/recommend/4?limit=1").json()["recommendations"][0]
    met = listed["product"]["product_id"]
    told = tell(office, event(product_id=met, visit_count=3, at="2026-11-23T10:00:00+07:00"))
    assert told.status_code == 200
    assert told.json()["stored"] == 1
    after = office.client.get("/users/4").json()["behaviors"]
    assert after == before | {"visit": before["visit"] + 1}
    places = office.client.get("/recommend/4?limit=100").json()["recommendations"]
    assert met not in [each["product"]["product_id"] for each in places]
    (row,) = rows(
        office,
        f"SELECT visit_count, visit_date FROM {VISITS} WHERE user_id = 4 AND product_id = {met}",
    )
    assert row[0] == 3
    assert "2026-11-23" in str(row[1])
    assert "03:00:00" in str(row[1])


def test_every_type_is_stored_in_its_table(office: BackOffice) -> None:
    before = n_rows(f"sqlite:///{office.database}")
    answer = tell(
        office,
        event(visit_count=2),
        event("purchase", quantity=2, transaction_value=250000, currency="IDR"),
        event("rating", rating=5),
        event("review", review_text="Lovely", rating=4),
    ).json()
    assert (answer["stored"], answer["duplicates"], answer["rejected"]) == (4, 0, 0)
    assert [each["status"] for each in answer["outcomes"]] == ["stored"] * 4
    after = n_rows(f"sqlite:///{office.database}")
    added = {name for name in before if after[name] == before[name] + 1}
    assert {
        VISITS,
        "data_product_transaction_buy",
        "data_product_rating",
        "data_product_reviews",
    } <= added


def test_an_event_told_twice_is_stored_once(office: BackOffice) -> None:
    named = event(event_id="visit-1")
    assert tell(office, named).json()["stored"] == 1
    again = tell(office, named, event(event_id="visit-2"), event(event_id="visit-2")).json()
    assert [each["status"] for each in again["outcomes"]] == ["duplicate", "stored", "duplicate"]
    assert (again["stored"], again["duplicates"]) == (1, 2)
    unnamed = tell(office, event(), event()).json()
    assert unnamed["stored"] == 2
    assert len({each["event_id"] for each in unnamed["outcomes"]}) == 2


def test_an_event_of_an_unknown_product_is_rejected_and_the_others_are_stored(
    office: BackOffice,
) -> None:
    answer = tell(office, event(product_id=NOBODY, event_id="odd"), event()).json()
    assert (answer["stored"], answer["rejected"]) == (1, 1)
    outcome = answer["outcomes"][0]
    assert (outcome["event_id"], outcome["status"]) == ("odd", "rejected")
    assert str(NOBODY) in outcome["reason"]


@pytest.mark.parametrize("stars", [99, -1e6, 0.5, 5.5])
def test_stars_outside_the_scale_are_rejected_and_the_others_are_stored(
    office: BackOffice, stars: float
) -> None:
    before = office.client.get("/users/4").json()["behaviors"]
    answer = tell(
        office,
        event("rating", rating=stars),
        event("review", rating=stars, review_text="Lovely"),
        event("rating", rating=5),
    ).json()
    assert [each["status"] for each in answer["outcomes"]] == ["rejected", "rejected", "stored"]
    assert "is outside the scale 1..5" in answer["outcomes"][0]["reason"]
    after = office.client.get("/users/4").json()["behaviors"]
    assert after == before | {"rating": before["rating"] + 1}


def test_an_event_of_an_unknown_user_is_stored_unless_a_setting_says_otherwise(
    office: BackOffice, tmp_path: Path
) -> None:
    assert tell(office, event(user_id=NOBODY)).json()["stored"] == 1
    assert office.client.get(f"/recommend/{NOBODY}").status_code == 200
    (tmp_path / "strict").mkdir()
    with back_office(tmp_path / "strict", unknown_users="reject") as strict:
        assert tell(strict, event(user_id=NOBODY)).json()["rejected"] == 1


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"rating": "x"}, 'events[1].rating must be a number from -1000000 to 1000000, got "x"'),
        ({"rating": 5}, "events[1].rating is of a rating or review only, and this is a visit"),
        ({"quantity": 2}, "events[1].quantity is of a purchase only, and this is a visit"),
        (
            {"type": "buy"},
            'events[1].type must be purchase or rating or review or visit, got "buy"',
        ),
        ({"type": "rating"}, "events[1].rating is required for a rating"),
        ({"type": "review"}, "events[1].review_text or rating is required for a review"),
        (
            {"user_id": "abc"},
            "events[1].user_id must be an integer as the database has it, got 'abc'",
        ),
        ({"user_id": None}, "events[1].user_id must be a whole number or a text, got null"),
        (
            {"product_id": ""},
            "events[1].product_id must not be empty or hold a NUL character, got ''",
        ),
        (
            {"visit_count": 0},
            "events[1].visit_count must be a whole number from 1 to 1000000, got 0",
        ),
        ({"event_id": ""}, 'events[1].event_id must be a text of 1 to 200 characters, got ""'),
        (
            {"at": "2026-11-23T10:00:00"},
            "events[1].at must be a time with its offset, such as 2026-11-23T10:00:00Z,"
            ' got "2026-11-23T10:00:00"',
        ),
        (
            {"at": 1700000000},
            "events[1].at must be a time with its offset, such as 2026-11-23T10:00:00Z,"
            " got 1700000000",
        ),
    ],
)
def test_a_wrong_field_is_named_with_its_place_and_nothing_is_stored(
    office: BackOffice, wrong: dict[str, Any], expected: str
) -> None:
    before = n_rows(f"sqlite:///{office.database}")
    problem = check_problem(tell(office, event(), event() | wrong), 422, "invalid_parameter")
    assert problem["detail"] == expected
    assert n_rows(f"sqlite:///{office.database}") == before


def test_all_wrong_events_are_named_together(office: BackOffice) -> None:
    problem = tell(office, event("rating"), event(), event(user_id="x", product_id="y")).json()
    assert [each["field"] for each in problem["errors"]] == [
        "events[0].rating",
        "events[2].user_id",
        "events[2].product_id",
    ]
    unknown = tell(office, event(colour="red")).json()
    assert unknown["errors"][0]["field"] == "events[0].colour"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "events is required"),
        ({"events": []}, "events must be a list of 1 to 1000 values, got a list of 0"),
        ({"events": {}}, "events must be a list of 1 to 1000 values, got {}"),
        ([], "body must be an object, got a list of 0"),
        (
            {"events": [event()] * 1001},
            "events must be a list of 1 to 1000 values, got a list of 1001",
        ),
        ({"events": [event(), 7]}, "events[1] must be an object, got 7"),
    ],
)
def test_none_and_too_many_events_are_422(office: BackOffice, body: Any, expected: str) -> None:
    problem = check_problem(office.client.post("/events", json=body), 422, "invalid_parameter")
    assert problem["detail"] == expected


@pytest.mark.parametrize(
    "at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1969-12-31T23:59:59Z"]
)
def test_an_impossible_time_is_no_fault_of_ours(office: BackOffice, at: str) -> None:
    answer = tell(office, event(at=at))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "text",
    ["'; DROP TABLE data_user_profile; --", "../../x", "a/b", "😀", "\u202e", "x" * 5000],
    ids=ascii,
)
def test_texts_are_stored_as_they_are_and_are_never_sql(tmp_path: Path, text: str) -> None:
    with back_office(tmp_path, string_ids=True, unknown_products="accept") as shop:
        before = n_rows(f"sqlite:///{shop.database}")
        body = {
            "type": "review",
            "user_id": text,
            "product_id": text,
            "event_id": text[:200],
            "review_text": text,
            "recommendation_id": text[:200],
        }
        answer = tell(shop, body)
        assert answer.status_code == 200, answer.text
        (outcome,) = answer.json()["outcomes"]
        after = n_rows(f"sqlite:///{shop.database}")
        assert before.keys() <= after.keys()
        assert after["data_user_profile"] == before["data_user_profile"]
        if outcome["status"] == "stored":
            query = "SELECT review_text FROM data_product_reviews ORDER BY rowid DESC LIMIT 1"
            assert rows(shop, query) == [(text,)]


def test_a_users_token_tells_of_that_user_only(office: BackOffice) -> None:
    Keys(office.state).create("shop", ["read"])
    token = Tokens(office.state).issue(4, 60)
    headers = {"authorization": f"Bearer {token}"}
    assert tell(office, event(), headers=headers).json()["stored"] == 1
    refused = tell(office, event(), event(user_id=5), headers=headers)
    check_problem(refused, 403, "forbidden")
    check_problem(tell(office, event()), 401, "unauthorized")


@pytest.mark.slow
def test_a_real_server_answers_with_what_it_was_just_told(
    own_url: str, model_path: Path, tmp_path: Path
) -> None:
    with running_server(own_url, model_path, state=str(tmp_path / "state.db")) as server:
        before = get(server.url + "/users/4")["behaviors"]
        met = get(server.url + "/recommend/4?limit=1")["recommendations"][0]["product"]
        body = {"events": [event("purchase", product_id=met["product_id"], event_id="order-1")]}
        assert post(server.url + "/events", body)["stored"] == 1
        places = get(server.url + "/recommend/4?limit=100")["recommendations"]
        assert met["product_id"] not in [each["product"]["product_id"] for each in places]
        assert get(server.url + "/users/4")["behaviors"]["buy"] == before["buy"] + 1
        assert post(server.url + "/events", body)["duplicates"] == 1


def get(url: str) -> Any:
    with urllib.request.urlopen(url) as response:
        return json.load(response)


def post(url: str, body: Any) -> Any:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)
