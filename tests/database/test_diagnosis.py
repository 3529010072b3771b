"""What `selera doctor` says about a shop's database."""

import pytest

from selera.contracts.tables import BUY, PRODUCT, RATING, USER_PROFILE
from selera.database import Finding, create_shop_tables, diagnose, index_shop_tables, insert_rows
from tests.shops import execute, make_minimal_shop, opened

USERS = [(1, "Ayu", None, None, None), (2, "Budi", None, None, None)]
PRODUCTS = [(7, "Teh", None, None, None, None, None)]


def _findings(url: str) -> dict[str, Finding]:
    with opened(url, create=True) as engine:
        return {finding.subject: finding for finding in diagnose(engine)}


def test_a_good_shop_is_summed_up_in_one_sentence(database_url: str) -> None:
    with opened(database_url, create=True) as engine:
        create_shop_tables(engine, overwrite=False)
        with engine.begin() as connection:
            index_shop_tables(connection)
            insert_rows(connection, USER_PROFILE, {"user_id": [1, 2]})
            insert_rows(connection, PRODUCT, {"product_id": [7]})
            insert_rows(connection, RATING, {"user_id": [1], "product_id": [7], "rating": [5.0]})
        found = diagnose(engine)
    assert found[-1].level == "ok"
    assert "2 users, 1 products, 1 behaviors" in found[-1].sentence
    assert {each.subject for each in found if each.level == "warning"} == {
        "data_user_history_visit_product",
        "data_product_transaction_buy",
        "data_product_reviews",
    }


def test_a_missing_table_and_column_come_with_their_cure(database_url: str) -> None:
    make_minimal_shop(database_url)
    execute(
        database_url,
        "DROP TABLE data_product_reviews",
        "ALTER TABLE data_product_rating DROP COLUMN rating",
    )
    found = _findings(database_url)
    assert found.keys() == {"data_product_reviews", "data_product_rating.rating"}
    assert all(each.level == "error" for each in found.values())
    column = found["data_product_rating.rating"]
    assert column.sentence == "The table data_product_rating has no column rating."
    execute(database_url, column.cure.removeprefix("Add it; it may hold NULL: "))
    assert _findings(database_url).keys() == {"data_product_reviews"}


def test_a_shop_without_behaviors_has_nothing_to_learn_from(database_url: str) -> None:
    make_minimal_shop(database_url, {USER_PROFILE: USERS, PRODUCT: PRODUCTS})
    with opened(database_url) as engine:
        first, *others = diagnose(engine)
    assert (first.level, first.subject) == ("error", "behaviors")
    assert "no stars can be predicted" in str(others)


def test_ratings_without_stars_are_noticed(database_url: str) -> None:
    make_minimal_shop(
        database_url, {USER_PROFILE: USERS, PRODUCT: PRODUCTS, RATING: [(1, 1, 7, None)]}
    )
    finding = _findings(database_url)["data_product_rating.rating"]
    assert "All 1 ratings are NULL" in finding.sentence


@pytest.mark.parametrize("id_type", ["BIGINT", "VARCHAR(20)"])
def test_rows_that_point_nowhere_are_counted(database_url: str, id_type: str) -> None:
    make_minimal_shop(
        database_url,
        {
            USER_PROFILE: USERS,
            PRODUCT: PRODUCTS,
            BUY: [(1, 1, 7, 1, None), (2, 99, 7, 1, None), (3, None, 98, 1, None)],
        },
        id_type=id_type,
    )
    found = _findings(database_url)
    assert "2 of 3 rows" in found["data_product_transaction_buy.user_id"].sentence
    assert "1 of 3 rows" in found["data_product_transaction_buy.product_id"].sentence
    assert {
        found[f"data_product_transaction_buy.{id}"].level for id in ("user_id", "product_id")
    } == {"warning"}
    sentence = found["data_product_transaction_buy.user_id"].sentence
    assert "keeps users without a profile and rejects rows without a user_id" in sentence
    assert "rejects them" in found["data_product_transaction_buy.product_id"].sentence


def test_a_few_strays_among_many_rows_are_no_warning(database_url: str) -> None:
    make_minimal_shop(database_url, {USER_PROFILE: USERS, PRODUCT: PRODUCTS})
    rows = ", ".join(f"({n}, 1, {8 if n < 2 else 7}, 5)" for n in range(201))
    execute(database_url, f"INSERT INTO data_product_rating VALUES {rows}")
    assert _findings(database_url)["data_product_rating.product_id"].level == "ok"
    execute(database_url, "INSERT INTO data_product_rating VALUES (0, 1, 8, 5)")
    finding = _findings(database_url)["data_product_rating.product_id"]
    assert (finding.level, "3 of 202 rows" in finding.sentence) == ("warning", True)


def test_an_empty_table_is_told_in_words_for_people(database_url: str) -> None:
    make_minimal_shop(database_url, {USER_PROFILE: USERS, PRODUCT: PRODUCTS})
    found = _findings(database_url)
    sentence = found["data_product_transaction_buy"].sentence
    assert sentence.endswith("models learn nothing from purchases.")


def test_ids_of_two_types_are_compared_all_the_same(database_url: str) -> None:
    make_minimal_shop(database_url, {USER_PROFILE: USERS, PRODUCT: PRODUCTS})
    execute(
        database_url,
        "DROP TABLE data_product_rating",
        "CREATE TABLE data_product_rating "
        "(rating_id INTEGER, user_id VARCHAR(20), product_id INTEGER, rating INTEGER)",
        "INSERT INTO data_product_rating VALUES (1, '1', 7, 5), (2, 'x', 7, 5)",
    )
    assert "1 of 2 rows" in _findings(database_url)["data_product_rating.user_id"].sentence


@pytest.mark.parametrize("indexed", [False, True])
def test_a_large_table_without_an_index_is_slow(
    database_url: str, monkeypatch: pytest.MonkeyPatch, indexed: bool
) -> None:
    monkeypatch.setattr("selera.database.diagnosis.MANY_ROWS", 1)
    make_minimal_shop(
        database_url, {USER_PROFILE: USERS, PRODUCT: PRODUCTS, RATING: [(1, 1, 7, 5), (2, 2, 7, 5)]}
    )
    if indexed:
        cure = _findings(database_url)["data_product_rating.user_id"].cure
        execute(database_url, cure)
    found = _findings(database_url)
    assert ("data_product_rating.user_id" in found) == (not indexed)


def test_the_indexes_of_a_view_are_not_judged(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("selera.database.diagnosis.MANY_ROWS", 0)
    make_minimal_shop(database_url, {RATING: [(1, 1, 7, 5)]})
    execute(
        database_url,
        "CREATE TABLE stars AS SELECT * FROM data_product_rating",
        "DROP TABLE data_product_rating",
        "CREATE VIEW data_product_rating AS SELECT * FROM stars",
    )
    assert "data_product_rating.user_id" not in _findings(database_url)
