"""The shop at request time: any id, any value, only the columns that there are."""

import json
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import make_url

from selera.contracts.errors import DatabaseError
from selera.contracts.ids import Id
from selera.contracts.tables import PRODUCT, RATING, REVIEW, USER_PROFILE
from selera.database import Shop
from selera.database.shop import IDS_PER_STATEMENT
from tests.shops import execute, insert, make_minimal_shop

ODD_IDS = [
    "7",
    "007",
    "a",
    "A",
    "ä",
    "a ",
    " a",
    "O'Brien",
    'say "hi"',
    "a/b\\c",
    "50%_%s",
    "new\nline",
    "emoji 🛒👩‍👩‍👧",
    "商品",
    "x' OR '1'='1",
    "1; DROP TABLE data_user_profile; --",
    ":id",
    "?",
]


@pytest.fixture
def text_shop(database_url: str) -> Iterator[Shop]:
    make_minimal_shop(
        database_url,
        {
            USER_PROFILE: [(id, f"name of {id}", None, None, None) for id in ODD_IDS],
            PRODUCT: [(id, f"name of {id}", None, None, None, None, None) for id in ODD_IDS],
            RATING: [(str(n), id, id, n) for n, id in enumerate(ODD_IDS)],
        },
        id_type="VARCHAR(64)",
    )
    with closing(Shop.open(database_url)) as shop:
        yield shop


def test_an_integer_shop_with_the_minimum_columns_answers(database_url: str) -> None:
    make_minimal_shop(
        database_url,
        {
            USER_PROFILE: [(3, "Budi", "male", 31, "Medan")],
            PRODUCT: [(17, "Teh", "Tea", "organic", "Indonesia", 125000.5, "Lintara")],
        },
    )
    with closing(Shop.open(database_url)) as shop:
        assert shop.user_id_kind == shop.product_id_kind == "int"
        assert shop.profile(3) == {
            "user_id": 3,
            "name": "Budi",
            "gender": "male",
            "age": 31,
            "location": "Medan",
        }
        assert shop.products([17, 18]) == {
            17: {
                "product_id": 17,
                "product_name": "Teh",
                "category": "Tea",
                "tag": "organic",
                "source_country": "Indonesia",
                "price": 125000.5,
                "brand": "Lintara",
            }
        }
        assert shop.count_users() == 1
        shop.ping()


def test_an_unknown_id_of_any_kind_has_nothing(database_url: str) -> None:
    ids: list[Id] = [4, "3", -1, 2**62, 2**63, 10**30, True]
    make_minimal_shop(database_url, {USER_PROFILE: [(3, "Budi", "male", 31, "Medan")]})
    with closing(Shop.open(database_url)) as shop:
        for id in ids:
            assert shop.profile(id) is None
            assert shop.history(id) == []
        assert shop.products(ids) == {}


def test_every_text_id_finds_its_own_row_only(text_shop: Shop) -> None:
    for stars, id in enumerate(ODD_IDS):
        profile = text_shop.profile(id)
        assert profile is not None
        assert (profile["user_id"], profile["name"]) == (id, f"name of {id}")
        assert [(row.product_id, row.value) for row in text_shop.history(id)] == [(id, stars)]
    found = text_shop.products(ODD_IDS)
    assert {id: row["product_name"] for id, row in found.items()} == {
        id: f"name of {id}" for id in ODD_IDS
    }
    assert sorted(map(str, text_shop.user_ids(0, 100))) == sorted(ODD_IDS)


def test_ids_that_no_row_can_bear_have_nothing(text_shop: Shop) -> None:
    ids: list[Id] = ["", "B", "00007", "nul\x00l", "\ud800", "x" * 1_000, 7]
    for id in ids:
        assert text_shop.profile(id) is None
        assert text_shop.history(id) == []
    assert text_shop.products([*ids, "7"]).keys() == {"7"}


def test_more_products_than_one_statement_takes_are_all_found(database_url: str) -> None:
    n = 2 * IDS_PER_STATEMENT + 1
    make_minimal_shop(database_url)
    values = ", ".join(f"({id})" for id in range(n))
    execute(
        database_url,
        f"INSERT INTO data_product_category_tag_source_country (product_id) VALUES {values}",
    )
    with closing(Shop.open(database_url)) as shop:
        assert shop.products(list(range(n))).keys() == set(range(n))
        assert shop.products([]) == {}


def test_pages_of_users_follow_one_another(database_url: str) -> None:
    rows = [(id, None, None, None, None) for id in (5, 3, 9, 1)]
    make_minimal_shop(database_url, {USER_PROFILE: [*rows, (None, "nobody", None, None, None)]})
    with closing(Shop.open(database_url)) as shop:
        assert shop.user_ids(0, 3) == [1, 3, 5]
        assert shop.user_ids(3, 3) == [9]
        assert shop.count_users() == 4


@pytest.mark.parametrize("id_type", ["VARCHAR(20)", "BIGINT"])
def test_users_are_counted_as_they_are_listed(database_url: str, id_type: str) -> None:
    ids = ["5", None] if id_type == "BIGINT" else ["", "5", " ", None]
    if database_url.startswith("sqlite"):
        ids += ["", ""]
    make_minimal_shop(
        database_url,
        {USER_PROFILE: [(id, None, None, None, None) for id in ids]},
        id_type=id_type,
    )
    with closing(Shop.open(database_url)) as shop:
        expected = 1 if id_type == "BIGINT" else 2
        assert len(shop.user_ids(0, 100)) == len(shop.user_ids(0, expected)) == expected
        assert shop.count_users() == expected


def test_unreadable_and_odd_values_are_null_in_json(database_url: str) -> None:
    make_minimal_shop(database_url, {USER_PROFILE: [(1, None, None, None, None)]})
    execute(
        database_url,
        "ALTER TABLE data_user_profile ADD COLUMN created_at VARCHAR(40)",
        "ALTER TABLE data_user_profile ADD COLUMN updated_at VARCHAR(40)",
        "ALTER TABLE data_user_profile ADD COLUMN password VARCHAR(40)",
        "UPDATE data_user_profile SET created_at = '2024-05-06T07:00:00+07:00', "
        "updated_at = 'yesterday', password = 'hash', age = NULL",
    )
    with closing(Shop.open(database_url)) as shop:
        profile = shop.profile(1)
    assert profile is not None
    assert profile.keys() == {"user_id", "name", "gender", "age", "location"}
    assert (profile["name"], profile["age"]) == (None, None)
    assert json.loads(json.dumps(profile)) == profile


def test_a_repeated_product_is_told_once(database_url: str) -> None:
    row = (1, "Tea", None, None, None, None, None)
    make_minimal_shop(database_url, {PRODUCT: [row, row]})
    with closing(Shop.open(database_url)) as shop:
        assert list(shop.products([1, 1])) == [1]


def test_many_threads_share_one_shop(text_shop: Shop) -> None:
    answers: list[object] = []

    def ask() -> None:
        answers.extend(text_shop.profile(id) for id in ODD_IDS)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 8 * len(ODD_IDS)
    assert None not in answers


def test_a_database_that_has_gone_is_said_to_be_gone(database_url: str) -> None:
    make_minimal_shop(database_url)
    with closing(Shop.open(database_url)) as shop:
        execute(database_url, "DROP TABLE data_user_profile")
        backend = make_url(database_url).get_backend_name()
        with pytest.raises(DatabaseError, match=f"Cannot read from {backend}"):
            shop.profile(1)


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True)
def test_uuids_are_ids_too(database_url: str) -> None:
    id = str(uuid.uuid4())
    make_minimal_shop(
        database_url,
        {USER_PROFILE: [(id, "Ayu", None, None, None)], RATING: [(str(uuid.uuid4()), id, id, 4)]},
        id_type="UUID",
    )
    with closing(Shop.open(database_url)) as shop:
        assert shop.user_id_kind == "str"
        profile = shop.profile(id)
        assert profile is not None
        assert profile["user_id"] == id
        assert [row.product_id for row in shop.history(id)] == [id]
        assert shop.user_ids(0, 5) == [id]
        assert shop.profile(id.upper()) is None
        assert shop.profile("no uuid") is None


def test_ids_declared_in_two_ways_are_the_same_ids(database_url: str) -> None:
    make_minimal_shop(database_url, {USER_PROFILE: [(7, "Ayu", None, None, None)]})
    execute(
        database_url,
        "DROP TABLE data_product_rating",
        "CREATE TABLE data_product_rating "
        "(rating_id INTEGER, user_id VARCHAR(20), product_id INTEGER, rating INTEGER)",
    )
    insert(database_url, {RATING: [(1, "7", 3, 5), (2, "seven", 3, 5)]})
    with closing(Shop.open(database_url)) as shop:
        assert shop.profile("7") is not None
        assert shop.profile("seven") is None
        assert len(shop.history("7")) == len(shop.history("seven")) == 1


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_sqlite_column_without_a_type_is_found_by_its_text(database_url: str) -> None:
    make_minimal_shop(database_url, {USER_PROFILE: [(7, "Ayu", None, None, None)]}, id_type="")
    with closing(Shop.open(database_url)) as shop:
        assert shop.user_id_kind == "str"
        assert shop.profile("7") is not None
        assert shop.profile("07") is None


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_sqlite_column_may_hold_anything(database_url: str) -> None:
    reviews = [(1, 1, 7, "fine", "a while ago"), (2, 1, 8, "fine", "1970-01-02")]
    rows = {USER_PROFILE: [(1, b"caf\xe9", None, "old", None)], REVIEW: reviews}
    make_minimal_shop(database_url, rows, time_type="DATETIME")
    with closing(Shop.open(database_url)) as shop:
        profile = shop.profile(1)
        (review,) = shop.history(1)
    assert profile is not None
    assert (profile["name"], profile["age"]) == ("caf\ufffd", None)
    assert (review.product_id, review.timestamp) == (8, 86400)


@pytest.mark.parametrize("database_kind", ["mariadb"], indirect=True)
def test_a_mariadb_timestamp_is_the_moment_that_it_means(database_url: str) -> None:
    reviews = {REVIEW: [(1, 1, 7, "fine", None)]}
    make_minimal_shop(database_url, reviews, time_type="TIMESTAMP NULL")
    execute(
        database_url,
        "SET time_zone = '+07:00'",
        "UPDATE data_product_reviews SET review_date = FROM_UNIXTIME(0 + 86400)",
    )
    with closing(Shop.open(database_url)) as shop:
        (review,) = shop.history(1)
    assert review.timestamp == 86400
