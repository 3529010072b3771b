"""The Complete Journey: what households with a grocer's loyalty card bought.

A household is a user; of its age band (`45-54`, `65+`) the lower end is kept. A product is called
by its type and package size; its department is the tag. Prices are not told, only what was paid.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ...contracts.tables import BUY, PRODUCT, USER_PROFILE
from .reading import Imported, numbered, reading, require_fields, require_files

HOUSEHOLDS, PRODUCTS, PURCHASES = FILES = (
    "demographics.csv",
    "products.csv.gz",
    "transactions_sample.csv.gz",
)


def read(folder: Path) -> Imported:
    """Read the folder of the data set; `DataError` where a file is missing or broken."""
    require_files(folder, FILES)
    purchases = _purchases(folder / PURCHASES)
    return Imported(
        {
            USER_PROFILE: _households(folder / HOUSEHOLDS, purchases),
            PRODUCT: _products(folder / PRODUCTS),
            BUY: purchases,
        }
    )


def _households(path: Path, purchases: pl.DataFrame) -> pl.DataFrame:
    require_fields(path)
    with reading(path):
        told = pl.read_csv(path, infer_schema=False).select(
            user_id=_whole("household_id"),
            age=pl.col("age").str.extract(r"^(\d+)").cast(pl.Int64),
        )
    return (
        pl.concat([told.select("user_id"), purchases.select("user_id")])
        .unique()
        .join(told, on="user_id", how="left")
        .sort("user_id")
    )


def _products(path: Path) -> pl.DataFrame:
    require_fields(path)
    with reading(path):
        told = pl.read_csv(path, infer_schema=False)
        return told.select(
            product_id=_whole("product_id"),
            product_name=pl.concat_str(
                "product_type", "package_size", separator=" ", ignore_nulls=True
            ),
            category=pl.col("product_category"),
            tag=pl.col("department"),
            brand=pl.col("brand"),
        ).with_columns(pl.col("product_name").replace("", None))


def _purchases(path: Path) -> pl.DataFrame:
    require_fields(path)
    with reading(path):
        told = pl.read_csv(path, infer_schema=False)
        return numbered(
            told.select(
                user_id=_whole("household_id"),
                product_id=_whole("product_id"),
                transaction_value=pl.col("sales_value").cast(pl.Float64),
                transaction_date=pl.col("transaction_timestamp"),
                quantity=_whole("quantity"),
            ),
            "transaction_id",
        )


def _whole(column: str) -> pl.Expr:
    # The files were written by R, to which 900000 is 9e+05 and 1 may be 1.0.
    return pl.col(column).cast(pl.Float64).cast(pl.Int64)
