"""The whole catalogue as columns says what single products say."""

import math
import resource
import time
import uuid
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from selera.contracts.catalogue import NO_CODE, CatalogueColumns
from selera.contracts.errors import DatabaseError
from selera.contracts.tables import PRODUCT
from selera.database import Shop, catalogue_rows, create_shop_tables, insert_rows
from tests.database.stores import make_full_shop, make_poor_shop
from tests.database.test_shop import ODD_IDS
from tests.shops import execute, insert, make_minimal_shop, opened

WORDS = catalogue_rows.WORDS


def _told(columns: CatalogueColumns) -> dict[Any, dict[str, Any]]:
    """The columns as the rows that `Shop.products` tells."""
    rows = {}
    for place, id in enumerate(columns.ids):
        row: dict[str, Any] = {}
        for name in WORDS:
            words = getattr(columns, name)
            code = words.codes[place]
            row[name] = None if code == NO_CODE else words.texts[code]
        price = columns.price[place]
        row["price"] = None if math.isnan(price) else price
        if columns.stock is not None:
            row["stock"] = None if math.isnan(columns.stock[place]) else columns.stock[place]
        rows[id if isinstance(id, str) else int(id)] = row
    return rows


def _agree(shop: Shop) -> CatalogueColumns:
    columns = shop.catalogue_columns()
    told = _told(columns)
    products = shop.products(list(told))
    assert told == {
        id: {name: products[id][name] or None for name in WORDS}
        | {name: products[id][name] for name in ("price", "stock") if name in products[id]}
        for id in products
    }
    return columns


def test_columns_say_what_single_products_say(database_url: str) -> None:
    n = 120
    make_full_shop(database_url, [])
    with opened(database_url) as engine, engine.begin() as connection:
        columns: dict[str, list[Any]] = {
            "product_id": [(37 * place) % n - 5 for place in range(n)],
            "category": [[None, "", "Tea", "tea", " ", "x' --", "商品"][p % 7] for p in range(n)],
            "tag": [f"tag {place % 3}" for place in range(n)],
            "brand": [f"brand {place}" for place in range(n)],
            "price": [None if place % 5 == 0 else place + 0.25 for place in range(n)],
            "stock": [None if place % 3 == 0 else place - 1 for place in range(n)],
        }
        insert_rows(connection, PRODUCT, columns)
    with closing(Shop.open(database_url)) as shop:
        columns_told = _agree(shop)
    assert np.array_equal(columns_told.ids, np.arange(-5, n - 5))
    assert len(columns_told.tag.texts) == 3
    assert columns_told.category.codes.dtype == np.int32
    assert columns_told.price.dtype == np.float64


def test_batches_are_put_together(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_rows, "BATCH_ROWS", 7)
    make_poor_shop(database_url)
    rows = [(n, f"n{n}", f"c{n % 4}", None, "", n / 2, None) for n in range(60, 30, -1)]
    insert(database_url, {PRODUCT: rows})
    with closing(Shop.open(database_url)) as shop:
        columns = _agree(shop)
    assert columns.stock is None
    assert list(columns.ids) == [7, *range(31, 61)]
    assert set(columns.source_country.codes) == {NO_CODE}


def test_text_ids_stand_by_their_characters(database_url: str) -> None:
    make_minimal_shop(
        database_url,
        {PRODUCT: [(id, None, id, None, None, 1, None) for id in [*ODD_IDS, None]]},
        id_type="VARCHAR(64)",
    )
    with closing(Shop.open(database_url)) as shop:
        columns = _agree(shop)
    assert list(columns.ids) == sorted(ODD_IDS)


def test_a_repeated_product_counts_once(database_url: str) -> None:
    row = (1, "Tea", "a", None, None, 5, None)
    make_minimal_shop(database_url, {PRODUCT: [row, (2, *row[1:]), row]})
    with closing(Shop.open(database_url)) as shop:
        assert list(_agree(shop).ids) == [1, 2]


def test_an_empty_catalogue_has_no_products(database_url: str) -> None:
    make_minimal_shop(database_url)
    with closing(Shop.open(database_url)) as shop:
        columns = shop.catalogue_columns()
    assert len(columns) == len(columns.price) == len(columns.tag.codes) == 0


@pytest.mark.parametrize("database_kind", ["postgresql", "mariadb"], indirect=True)
def test_uuids_are_ids_of_the_catalogue(database_url: str) -> None:
    ids = sorted(str(uuid.uuid4()) for _ in range(5))
    make_minimal_shop(
        database_url,
        {PRODUCT: [(id, None, "c", None, None, 1.5, None) for id in ids]},
        id_type="UUID",
    )
    with closing(Shop.open(database_url)) as shop:
        assert list(_agree(shop).ids) == ids


@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_odd_values_are_read_as_those_of_single_products(database_url: str) -> None:
    odd: list[Any] = [" 7.5 ", "1e3", "cheap", b"9", 1e999, -(2**62), 3, 2.5, None, "", True]
    rows = [(n, "x", value, b"\xff", 1.0, value, 1) for n, value in enumerate(odd)]
    make_minimal_shop(database_url, {PRODUCT: rows})
    execute(database_url, f"ALTER TABLE {PRODUCT.name} ADD COLUMN stock")
    execute(database_url, f"UPDATE {PRODUCT.name} SET stock = price")
    execute(database_url, f"INSERT INTO {PRODUCT.name} (product_id) VALUES ('seven'), (NULL)")
    execute(database_url, f"UPDATE {PRODUCT.name} SET tag = CAST(x'636166e9' AS TEXT)")
    with closing(Shop.open(database_url)) as shop:
        columns = _agree(shop)
    assert len(columns) == len(odd)
    assert columns.tag.texts == ("caf\ufffd",)


def test_the_token_differs_where_products_differ(database_url: str) -> None:
    make_poor_shop(database_url)
    insert(database_url, {PRODUCT: [(8, "x", "Tea", "t", "ID", 5, "b")]})
    with closing(Shop.open(database_url)) as shop:
        tokens = [shop.catalogue_token()]
        assert shop.catalogue_token() == tokens[0]
        for change in (
            f"INSERT INTO {PRODUCT.name} (product_id) VALUES (9)",
            f"UPDATE {PRODUCT.name} SET price = 6 WHERE product_id = 8",
            f"UPDATE {PRODUCT.name} SET category = 'Coffee' WHERE product_id = 8",
            f"UPDATE {PRODUCT.name} SET brand = NULL WHERE product_id = 8",
            f"DELETE FROM {PRODUCT.name} WHERE product_id = 9",
        ):
            execute(database_url, change)
            tokens.append(shop.catalogue_token())
    assert len(set(tokens)) == len(tokens)


def test_the_token_follows_the_time_of_the_last_update(database_url: str) -> None:
    make_full_shop(database_url, [7, 8])
    with closing(Shop.open(database_url)) as shop:
        before = shop.catalogue_token()
        execute(database_url, f"UPDATE {PRODUCT.name} SET updated_at = '2024-01-01 12:00:00'")
        after = shop.catalogue_token()
        assert after != before
        execute(
            database_url,
            f"UPDATE {PRODUCT.name} SET updated_at = '2024-01-01 12:00:01' WHERE product_id = 7",
        )
        assert shop.catalogue_token() != after


def test_marks_differ_where_the_time_of_the_last_update_does(database_url: str) -> None:
    make_full_shop(database_url, [])
    times = ["2024-01-01 00:00:00", "2024-01-02 00:00:00", "2024-01-02 00:00:00", None]
    rows = {"product_id": [1, 2, 3, 4], "updated_at": times}
    with opened(database_url) as engine, engine.begin() as connection:
        insert_rows(connection, PRODUCT, rows)
    with closing(Shop.open(database_url)) as shop:
        before = shop.catalogue_columns().marks
        execute(
            database_url,
            f"UPDATE {PRODUCT.name} SET updated_at = '2025-01-01 00:00:00' WHERE product_id = 3",
        )
        after = shop.catalogue_columns().marks
    assert before is not None
    assert after is not None
    assert (before == after).tolist() == [True, True, False, True]
    assert before[1] == before[2] != before[0]


def test_a_table_that_has_gone_is_said_to_be_gone(database_url: str) -> None:
    make_poor_shop(database_url)
    with closing(Shop.open(database_url)) as shop:
        execute(database_url, f"DROP TABLE {PRODUCT.name}")
        with pytest.raises(DatabaseError, match="Cannot read the products of"):
            shop.catalogue_columns()


@pytest.mark.slow
@pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
def test_a_million_products_are_read_in_seconds_and_little_memory(database_url: str) -> None:
    with opened(database_url, create=True) as engine:
        create_shop_tables(engine, overwrite=False)
    execute(
        database_url,
        f"INSERT INTO {PRODUCT.name} (product_id, product_name, category, tag, source_country, "
        "price, brand, stock) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
        "WHERE i < 1000000) SELECT i, 'product ' || i, 'category ' || (i % 500), "
        "'tag ' || (i % 2000), 'country ' || (i % 50), i * 0.5, 'brand ' || (i % 9000), i % 100 "
        "FROM n",
    )
    with closing(Shop.open(database_url)) as shop:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        columns = shop.catalogue_columns()
        seconds = time.process_time() - started
        assert len(columns) == 1_000_000
        peak = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        started = time.process_time()
        shop.catalogue_token()
        token_seconds = time.process_time() - started
    assert seconds < 60, "a few are usual, and asking for each product would take minutes"
    assert peak < 300e6
    assert token_seconds < 20
