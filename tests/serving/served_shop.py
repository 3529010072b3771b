"""A small real shop in SQLite and a real model of it: even users like even products, odd odd ones.

Of the behaviors of `tests.tastes.checkerboard`; beside those there are a user without behaviors, a
user without a profile, a product that the model does not know, and one that left the catalogue.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from selera.artifact import open_artifact, write_artifact
from selera.contracts.behaviors import BEHAVIOR_SOURCES, BEHAVIORS, RATING_CODE, VISIT_CODE
from selera.contracts.ids import Id, IdMap
from selera.contracts.interactions import Interactions
from selera.contracts.tables import PRODUCT, USER_PROFILE
from selera.database import create_shop_tables, insert_rows, open_engine
from selera.models import Recommender
from selera.training import PureSvdConfig, TrainingConfig, fit_recommender
from tests.tastes import checkerboard

N_USERS, N_ITEMS = 40, 30
ROW_WITHOUT_PROFILE = 39
ROW_GONE = 29
FIRST_USER, FIRST_PRODUCT = 1, 11
NEW_USER, NEW_PRODUCT, NOBODY = 900, 901, 999_999
LANTERNS = (2, 9, 20)
DATA_SHA256 = "ab" * 32


def interactions_of(*, string_ids: bool = False) -> Interactions:
    """What the users of this shop did."""
    interactions = checkerboard(N_USERS, N_ITEMS, string_ids=string_ids)
    if string_ids:
        return interactions
    return dataclasses.replace(
        interactions,
        users=IdMap.from_ids(range(FIRST_USER, FIRST_USER + N_USERS)),
        items=IdMap.from_ids(range(FIRST_PRODUCT, FIRST_PRODUCT + N_ITEMS)),
    )


@contextmanager
def engine_of(url: str, *, create: bool = False) -> Iterator[Engine]:
    """An engine that is closed in the end."""
    engine = open_engine(url, create=create)
    try:
        yield engine
    finally:
        engine.dispose()


def make_shop(path: Path, *, string_ids: bool = False) -> str:
    """Write the shop into a new SQLite file; returns its URL."""
    url = f"sqlite:///{path}"
    fill_shop(url, string_ids=string_ids)
    return url


def fill_shop(url: str, *, string_ids: bool = False) -> None:
    """Write the shop into an empty database."""
    data = interactions_of(string_ids=string_ids)
    text_ids = ("user_id", "product_id") if string_ids else ()
    users = [data.users.id(row) for row in range(N_USERS) if row != ROW_WITHOUT_PROFILE]
    products = [data.items.id(row) for row in range(N_ITEMS) if row != ROW_GONE]
    if not string_ids:
        users, products = [*users, NEW_USER], [*products, NEW_PRODUCT]
    with engine_of(url, create=True) as engine:
        create_shop_tables(engine, overwrite=False, text_ids=text_ids)
        with engine.begin() as connection:
            insert_rows(connection, USER_PROFILE, profiles(users))
            insert_rows(connection, PRODUCT, catalogue(products))
    rows = zip(data.user_rows, data.item_rows, data.behaviors, data.values, strict=True)
    add_behaviors(
        url,
        [
            (data.users.id(int(u)), data.items.id(int(i)), BEHAVIORS[b], float(value))
            for u, i, b, value in rows
        ],
    )


def profiles(ids: Sequence[Id]) -> dict[str, Sequence[Any]]:
    """Columns of profile rows."""
    return {
        "user_id": ids,
        "name": [f"Name of {id}" for id in ids],
        "gender": ["female" for _ in ids],
        "age": [31 for _ in ids],
        "location": ["Bandung" for _ in ids],
    }


def catalogue(ids: Sequence[Id]) -> dict[str, Sequence[Any]]:
    """Columns of product rows."""
    return {
        "product_id": ids,
        "product_name": [f"Product {id}" for id in ids],
        "category": ["clothing" for _ in ids],
        "tag": ["cotton" for _ in ids],
        "source_country": ["Indonesia" for _ in ids],
        "price": [125000.0 for _ in ids],
        "brand": ["Parang" for _ in ids],
        "stock": [12 for _ in ids],
    }


def vary(url: str) -> None:
    """Give the products of the shop different categories, tags, countries, brands, prices, stocks.

    By the row r of the product: three are lanterns, the others one of four categories; of three
    tags the second has two words in it and the third is missing; no price in the rows 9, 19, 29;
    sold out are the rows 5, 11, ..; of the rows 4, 10, .. the stock is unknown.
    """
    rows = [row for row in range(N_ITEMS) if row != ROW_GONE]
    with engine_of(url) as engine, engine.begin() as connection:
        for row in rows:
            connection.exec_driver_sql(
                f"UPDATE {PRODUCT.name} SET category = ?, tag = ?, source_country = ?, brand = ?,"
                " price = ?, stock = ? WHERE product_id = ?",
                (*fields_of(row), FIRST_PRODUCT + row),
            )


def fields_of(row: int) -> tuple[str, str | None, str, str, float | None, int | None]:
    """Category, tag, country, brand, price, stock of the product in a row of the varied shop."""
    return (
        "lantern" if row in LANTERNS else ("shirt", "shoe", "bag", "hat")[row % 4],
        ("cotton", "cotton, hand made", None)[row % 3],
        "Japan" if row % 7 == 0 else "Indonesia",
        ("Parang", "Kawung")[row % 2],
        None if row % 10 == 9 else 1000.0 * (row + 1),
        0 if row % 6 == 5 else None if row % 6 == 4 else 12,
    )


def add_behaviors(url: str, behaviors: Sequence[tuple[Id, Id, str, float]]) -> None:
    """Insert (user id, product id, behavior, value) rows, as the shop itself would."""
    with engine_of(url) as engine, engine.begin() as connection:
        for source in BEHAVIOR_SOURCES:
            rows = [row for row in behaviors if row[2] == source.behavior]
            table = source.table
            last = connection.exec_driver_sql(f"SELECT max({table.key}) FROM {table.name}").scalar()
            columns: dict[str, Sequence[Any]] = {
                table.key: [int(last or 0) + 1 + place for place in range(len(rows))],
                "user_id": [row[0] for row in rows],
                "product_id": [row[1] for row in rows],
                source.value_column: [int(row[3]) for row in rows],
                source.time_column: ["2024-01-05T10:00:00Z" for _ in rows],
            }
            if source.behavior == "buy":
                columns["transaction_value"] = [1000.0 for _ in rows]
            if rows:
                insert_rows(connection, table, columns)


def publish(
    path: Path,
    *,
    version: str = "v1",
    algorithm: str = "svd",
    string_ids: bool = False,
    stars: bool = True,
    disliked_row: int | None = None,
) -> None:
    """Write to `path` a recommender of the shop, of its visits alone where not `stars`.

    Nobody likes the product at `disliked_row`: of its behaviors only low ratings are learnt.
    """
    config = TrainingConfig(puresvd=PureSvdConfig(n_factors=4))
    interactions = interactions_of(string_ids=string_ids)
    if not stars:
        interactions = interactions.of(VISIT_CODE)
    if disliked_row is not None:
        low = (interactions.behaviors == RATING_CODE) & (interactions.values < 3)
        interactions = interactions.where((interactions.item_rows != disliked_row) | low)
    recommender = fit_recommender(
        interactions,
        algorithm,
        config,
        seed=1,
        data_sha256=DATA_SHA256,
    )
    metadata, arrays = recommender.to_parts()
    run = {"version": version, "trained_at": "2024-01-06T00:00:00Z", "seconds": 0.5}
    write_artifact(path, metadata, arrays, run=run)


def loaded(path: Path) -> Recommender:
    """The recommender in a file."""
    artifact = open_artifact(path)
    return Recommender.from_parts(artifact.metadata, artifact.arrays, artifact.run)
