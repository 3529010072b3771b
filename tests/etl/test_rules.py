from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from selera.contracts.errors import DataError
from selera.contracts.tables import BUY, PRODUCT, RATING, REVIEW, USER_PROFILE, VISIT, Table
from selera.database import Snapshot, open_engine
from selera.database.layout import read_layout
from selera.etl import run_etl
from selera.etl.tally import new_tallies, settle

from .tiny import etl, make_shop, reasons, written

PRODUCTS = {PRODUCT: [(10, "Kopi", None, None, None, None, None)]}

UNUSABLE = [
    (RATING, (1, None, 10, 3, None), "user_id is missing"),
    (RATING, (1, "", 10, 3, None), "user_id is missing"),
    (RATING, (1, "x", 10, 3, None), "user_id 'x' is not an integer"),
    (RATING, (1, 1.5, 10, 3, None), "user_id '1.5' is not an integer"),
    (RATING, (1, 1, None, 3, None), "product_id is missing"),
    (RATING, (1, 1, "p", 3, None), "product_id 'p' is not an integer"),
    (RATING, (1, 1, 11, 3, None), "product_id 11 is no known product"),
    (RATING, (1, 1, 10, None, None), "rating is missing"),
    (RATING, (1, 1, 10, " ", None), "rating is missing"),
    (RATING, (1, 1, 10, "four", None), "rating 'four' is no usable number"),
    (RATING, (1, 1, 10, "4,5", None), "rating '4,5' is no usable number"),
    (RATING, (1, 1, 10, float("inf"), None), "rating 'inf' is no usable number"),
    (RATING, (1, 1, 10, 0.5, None), "rating 0.5 is outside the scale 1..5"),
    (RATING, (1, 1, 10, 3, "2026-02-30"), "rating_date '2026-02-30' is not a date or a time"),
    (RATING, (1, 1, 10, 3, 1767312000), "rating_date '1767312000' is not a date or a time"),
    (VISIT, (1, 1, 10, 0, None), "visit_count 0 is not positive"),
    (VISIT, (1, 1, 10, -2.5, None), "visit_count -2 is not positive"),
    (VISIT, (1, 1, 10, "many", None), "visit_count 'many' is no usable number"),
    (VISIT, (1, 1, 10, 2**60, None), "visit_count '1.152921504606847e+18' is no usable number"),
    (BUY, (1, 1, 10, -0.01, None, 1), "transaction_value -0.01 is negative"),
    (BUY, (1, 1, 10, "free", None, 1), "transaction_value 'free' is no usable number"),
    (BUY, (1, 1, 10, 5, None, 0), "quantity 0 is not positive: the order was cancelled"),
    (BUY, (1, 1, 10, 5, None, "one"), "quantity 'one' is no usable number"),
    (REVIEW, (1, 1, 10, None, None, None), "the review has neither a text nor a rating"),
    (REVIEW, (1, 1, 10, "", None, " "), "the review has neither a text nor a rating"),
    (REVIEW, (1, 1, 10, None, None, "x"), "rating 'x' is no usable number"),
    (REVIEW, (1, 1, 10, None, None, 9), "rating 9.0 is outside the scale 1..5"),
]


@pytest.mark.parametrize(("table", "row", "reason"), UNUSABLE, ids=[each[2] for each in UNUSABLE])
def test_an_unusable_row_is_rejected_with_its_value(
    tmp_path: Path, table: Table, row: tuple[Any, ...], reason: str
) -> None:
    report = etl(tmp_path, {**PRODUCTS, table: [row]})
    assert reasons(tmp_path) == [reason]
    assert written(tmp_path) == []
    counts = report.tables[table.name]
    assert (counts.rows_in, counts.rows_out, sum(counts.rejected.values())) == (1, 0, 1)


USABLE = [
    (VISIT, (1, 1, 10, None, None), {"visit_count": "", "at": ""}),
    (VISIT, (1, 1, 10, " 2.5 ", None), {"visit_count": "3"}),
    (BUY, (1, 1, 10, None, None, None), {"transaction_value": "", "quantity": ""}),
    (BUY, (1, 1, 10, -0.0, None, None), {"transaction_value": "0.0"}),
    (RATING, (1, 1, 10, "4.5e0", None), {"rating": "4.5"}),
    (RATING, (1, 77, 10, 3, " 2026-01-02 "), {"gender": "", "at": "2026-01-02T00:00:00Z"}),
    (REVIEW, (1, 1, 10, "fine", None, "x"), {"review_text": "fine", "rating": ""}),
    (REVIEW, (1, 1, 10, "fine", None, 9), {"review_text": "fine", "rating": ""}),
    (REVIEW, (1, 1, 10, 404, None, None), {"review_text": "404"}),
    (REVIEW, (1, 1, 10, None, None, 5), {"review_text": "", "rating": "5.0"}),
]


@pytest.mark.parametrize(("table", "row", "cells"), USABLE)
def test_a_usable_row_keeps_what_it_says(
    tmp_path: Path, table: Table, row: tuple[Any, ...], cells: dict[str, str]
) -> None:
    etl(tmp_path, {**PRODUCTS, table: [row]})
    assert reasons(tmp_path) == []
    (only,) = written(tmp_path)
    assert {name: only[name] for name in cells} == cells


def test_no_product_is_unknown_in_a_shop_without_products(tmp_path: Path) -> None:
    etl(tmp_path, {RATING: [(1, 1, 11, 3, None)]})
    assert [row["product_id"] for row in written(tmp_path)] == ["11"]


def test_the_first_of_rows_with_the_same_key_user_and_product_is_used(tmp_path: Path) -> None:
    etl(
        tmp_path,
        {
            **PRODUCTS,
            RATING: [
                (7, 1, 10, 4, None),
                (7, 1, 10, 2, None),
                (7, 2, 10, 5, None),
                (None, 1, 10, 1, None),
                (None, 1, 10, 1, None),
                (8, 1, 10, 99, None),
                (8, 1, 10, 3, None),
            ],
            VISIT: [(7, 1, 10, 1, None)],
        },
    )
    kept = [(row["user_id"], row["rating"]) for row in written(tmp_path)]
    assert kept == [("1", "1.0"), ("1", "1.0"), ("1", "2.0"), ("1", "3.0"), ("1", ""), ("2", "5.0")]
    assert reasons(tmp_path) == [
        "the row 7 is repeated",
        "rating 99.0 is outside the scale 1..5",
    ]


def test_of_two_profiles_the_one_that_says_more_is_used(tmp_path: Path) -> None:
    profiles = [(1, "A", None, None, None), (1, "A", "female", 30, "Solo")]
    report = etl(tmp_path, {USER_PROFILE: profiles, RATING: [(1, 1, 10, 3, None)]})
    assert written(tmp_path)[0]["gender"] == "female"
    assert report.tables[USER_PROFILE.name].rejected == {"row is repeated": 1}


def test_a_row_that_is_neither_used_nor_rejected_stops_everything() -> None:
    tallies = new_tallies()
    tallies[VISIT.name].rows_in = 1
    with pytest.raises(DataError, match="read 1 rows of data_user_history_visit_product"):
        settle(tallies)


class Leaky(Snapshot):
    """A snapshot that loses the first row of each batch."""

    def batches(self, table: Table, size: int = 50_000) -> Iterator[list[tuple[Any, ...]]]:
        for rows in super().batches(table, size):
            yield rows[1:]


def test_a_row_that_never_arrives_stops_everything(tmp_path: Path) -> None:
    database = make_shop(tmp_path / "shop.db", {RATING: [(1, 1, 1, 5, None), (2, 1, 1, 4, None)]})
    engine = open_engine(f"sqlite:///{database}")
    try:
        with engine.connect() as connection:
            leaky = Leaky(connection, read_layout(connection))
            with pytest.raises(DataError, match="Only 1 of the 2 rows of data_product_rating"):
                run_etl(leaky, tmp_path / "data-training.csv")
    finally:
        engine.dispose()
    assert [path.name for path in tmp_path.iterdir()] == ["shop.db"]
