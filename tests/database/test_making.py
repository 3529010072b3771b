"""Selera makes and remakes its own tables, and touches no others."""

from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import inspect

from selera.contracts.errors import DatabaseError, SeedRefused
from selera.contracts.tables import BUY, PRODUCT, RATING, REVIEW, TABLES, USER_PROFILE, VISIT
from selera.database import (
    Shop,
    create_shop_tables,
    index_shop_tables,
    insert_rows,
    snapshot,
)
from selera.database.schema import MARKER
from tests.shops import execute, make_minimal_shop, opened

ONE_RATING: dict[str, list[Any]] = {
    "rating_id": [1],
    "user_id": [1],
    "product_id": [2],
    "rating": [4.5],
}


def test_the_tables_have_every_column_of_the_contract(database_url: str) -> None:
    with opened(database_url, create=True) as engine:
        create_shop_tables(engine, overwrite=False)
        with snapshot(engine) as moment:
            for table in TABLES:
                assert moment.columns(table) == tuple(each.name for each in table.columns)
                assert moment.count(table) == 0
            assert moment.id_kind("user_id") == moment.id_kind("product_id") == "int"


def test_text_ids_are_kept_apart_to_the_last_character(database_url: str) -> None:
    ids = ["a", "A", "a ", "ä", "007", "7", "🛒", "x" * 255]
    with opened(database_url, create=True) as engine:
        create_shop_tables(engine, overwrite=False, text_ids={"product_id"})
        with engine.begin() as connection:
            insert_rows(connection, PRODUCT, {"product_id": ids, "product_name": ids})
            index_shop_tables(connection)
    with closing(Shop.open(database_url)) as shop:
        assert (shop.user_id_kind, shop.product_id_kind) == ("int", "str")
        assert shop.products(ids).keys() == set(ids)


def test_empty_tables_of_ours_are_made_anew(database_url: str) -> None:
    with opened(database_url, create=True) as engine:
        create_shop_tables(engine, overwrite=False)
        create_shop_tables(engine, overwrite=False, text_ids={"user_id"})
        with snapshot(engine) as moment:
            assert moment.id_kind("user_id") == "str"


def test_rows_are_overwritten_only_when_told_to(database_url: str) -> None:
    with opened(database_url, create=True) as engine:
        create_shop_tables(engine, overwrite=False)
        with engine.begin() as connection:
            insert_rows(connection, RATING, ONE_RATING)
        with pytest.raises(SeedRefused, match=r"data_product_rating .* 1 rows.*--overwrite"):
            create_shop_tables(engine, overwrite=False)
        create_shop_tables(engine, overwrite=True)
        with snapshot(engine) as moment:
            assert moment.count(RATING) == 0


def test_tables_that_somebody_else_made_are_never_touched(database_url: str) -> None:
    make_minimal_shop(database_url, {RATING: [(1, 2, 3, 4)]})
    with opened(database_url) as engine:
        with pytest.raises(SeedRefused, match="did not make the table data_user_profile"):
            create_shop_tables(engine, overwrite=True)
        with snapshot(engine) as moment:
            assert moment.count(RATING) == 1
        assert not inspect(engine).has_table(MARKER)


def test_a_table_that_took_the_place_of_ours_is_not_touched(database_url: str) -> None:
    with opened(database_url, create=True) as engine:
        create_shop_tables(engine, overwrite=False)
    execute(
        database_url,
        "DROP TABLE data_user_profile",
        "CREATE TABLE data_user_profile (user_id INTEGER, name TEXT)",
    )
    with (
        opened(database_url) as engine,
        pytest.raises(SeedRefused, match="data_user_profile"),
    ):
        create_shop_tables(engine, overwrite=True)


def test_user_and_product_are_indexed_in_every_table(database_url: str) -> None:
    with opened(database_url, create=True) as engine:
        create_shop_tables(engine, overwrite=False)
        with engine.begin() as connection:
            index_shop_tables(connection)
        inspector = inspect(engine)
        for table in (VISIT, BUY, RATING, REVIEW):
            indexed = {tuple(each["column_names"]) for each in inspector.get_indexes(table.name)}
            assert {("user_id",), ("product_id",)} <= indexed
        for table in (USER_PROFILE, PRODUCT):
            key = inspector.get_pk_constraint(table.name)["constrained_columns"]
            assert key == [table.key]


def test_keys_go_on_by_themselves_after_a_bulk_insert(database_url: str) -> None:
    with opened(database_url, create=True) as engine:
        create_shop_tables(engine, overwrite=False)
        with engine.begin() as connection:
            insert_rows(connection, RATING, ONE_RATING | {"rating_id": [41]})
    execute(
        database_url,
        "INSERT INTO data_product_rating (user_id, product_id, rating) VALUES (1, 3, 5)",
    )
    with opened(database_url) as engine, snapshot(engine) as moment:
        (rows,) = moment.batches(RATING)
    assert sorted(row[0] for row in rows) == [41, 42]


def test_all_values_come_back_as_they_went_in(database_url: str) -> None:
    text = "🛒 'quoted' \"text\"\twith\nlines, \\N and 日本語"
    columns: dict[str, list[Any]] = {
        "review_id": [1, 2, 3],
        "user_id": [1, None, 2],
        "product_id": [5, 6, None],
        "review_text": [text, None, "100%"],
        "review_date": ["2026-01-02 03:04:05", "2026-01-02T10:04:05+07:00", None],
        "rating": [4.5, None, -1.0],
    }
    with opened(database_url, create=True) as engine:
        create_shop_tables(engine, overwrite=False)
        with engine.begin() as connection:
            assert insert_rows(connection, REVIEW, columns) == 3
    execute(database_url, "DELETE FROM data_product_reviews WHERE review_id = 2")
    with opened(database_url) as engine, snapshot(engine) as moment:
        (rows,) = moment.batches(REVIEW)
    first, third = sorted(rows, key=lambda row: int(row[0]))
    assert (first[:4], first[5]) == ((1, 1, 5, text), 4.5)
    assert str(first[4]).startswith("2026-01-02 03:04:05")
    assert third == (3, 2, None, "100%", None, -1.0)


def test_no_rows_are_no_trouble(database_url: str) -> None:
    with opened(database_url, create=True) as engine:
        create_shop_tables(engine, overwrite=False)
        with engine.begin() as connection:
            assert insert_rows(connection, RATING, {"rating_id": [], "user_id": []}) == 0


def test_a_row_that_is_refused_is_a_database_error(database_url: str) -> None:
    twice = {name: values * 2 for name, values in ONE_RATING.items()}
    with opened(database_url, create=True) as engine:
        create_shop_tables(engine, overwrite=False)
        with (
            pytest.raises(DatabaseError, match="Cannot insert rows into data_product_rating"),
            engine.begin() as connection,
        ):
            insert_rows(connection, RATING, twice)
        with snapshot(engine) as moment:
            assert moment.count(RATING) == 0
