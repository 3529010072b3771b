"""What is missing in a database is named; what is spelled or made otherwise is found."""

import pytest

from selera.contracts.errors import DatabaseError
from selera.contracts.tables import RATING, TABLES, USER_PROFILE
from selera.database import Shop, snapshot
from tests.shops import execute, make_minimal_shop, opened


def test_an_empty_database_lacks_all_six_tables(database_url: str) -> None:
    execute(database_url)
    with pytest.raises(DatabaseError, match="lacks the tables") as caught:
        Shop.open(database_url)
    assert all(table.name in str(caught.value) for table in TABLES)
    assert "selera seed" in str(caught.value)


def test_missing_tables_and_columns_are_named_together(database_url: str) -> None:
    make_minimal_shop(database_url)
    execute(
        database_url,
        "DROP TABLE data_product_reviews",
        "ALTER TABLE data_user_profile DROP COLUMN age",
        "ALTER TABLE data_product_rating DROP COLUMN rating",
    )
    expected = (
        "lacks the table data_product_reviews and "
        "the columns data_user_profile.age, data_product_rating.rating"
    )
    with (
        opened(database_url) as engine,
        pytest.raises(DatabaseError, match=expected),
        snapshot(engine),
    ):
        pass


def test_a_view_is_as_good_as_a_table(database_url: str) -> None:
    make_minimal_shop(database_url, {RATING: [(1, 2, 3, 4.5)]})
    execute(
        database_url,
        "CREATE TABLE stars AS SELECT * FROM data_product_rating",
        "DROP TABLE data_product_rating",
        "CREATE VIEW data_product_rating AS SELECT * FROM stars",
    )
    with opened(database_url) as engine, snapshot(engine) as moment:
        assert moment.count(RATING) == 1
        assert moment.columns(RATING) == ("rating_id", "user_id", "product_id", "rating")


@pytest.mark.parametrize("database_kind", ["sqlite", "mariadb"], indirect=True)
def test_columns_may_be_spelled_in_capitals(database_url: str) -> None:
    make_minimal_shop(database_url, {USER_PROFILE: [(1, "Ayu", None, 31, "Bandung")]})
    execute(database_url, "ALTER TABLE data_user_profile RENAME COLUMN name TO NAME")
    shop = Shop.open(database_url)
    try:
        profile = shop.profile(1)
    finally:
        shop.close()
    assert profile is not None
    assert profile["name"] == "Ayu"


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
def test_a_column_of_an_unknown_type_does_not_matter(database_url: str) -> None:
    make_minimal_shop(database_url)
    execute(
        database_url,
        "CREATE TYPE mood AS (a int, b int)",
        "ALTER TABLE data_user_profile ADD COLUMN mood mood",
    )
    with opened(database_url) as engine, snapshot(engine) as moment:
        assert "mood" not in moment.columns(USER_PROFILE)


@pytest.mark.parametrize(
    ("id_type", "kind"), [("BIGINT", "int"), ("SMALLINT", "int"), ("VARCHAR(64)", "str")]
)
def test_ids_are_what_the_database_declares(database_url: str, id_type: str, kind: str) -> None:
    make_minimal_shop(database_url, id_type=id_type)
    with opened(database_url) as engine, snapshot(engine) as moment:
        assert moment.id_kind("user_id") == moment.id_kind("product_id") == kind


def test_one_table_with_text_ids_makes_them_texts_everywhere(database_url: str) -> None:
    make_minimal_shop(database_url)
    execute(
        database_url,
        "DROP TABLE data_product_rating",
        "CREATE TABLE data_product_rating "
        "(rating_id INTEGER, user_id VARCHAR(20), product_id INTEGER, rating INTEGER)",
    )
    with opened(database_url) as engine, snapshot(engine) as moment:
        assert moment.id_kind("user_id") == "str"
        assert moment.id_kind("product_id") == "int"
