"""UCI Online Retail: every invoice line of a shop in the United Kingdom over one year.

A line is a purchase, worth quantity x unit price. Cancelled lines keep their negative quantity and
lines without a customer keep none, so that the ETL rejects them where everybody can see it. A
product is called as it is called most often, at its latest price; a customer lives where the latest
invoice went.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ...contracts.tables import BUY, PRODUCT, USER_PROFILE
from .reading import Imported, numbered, reading, require_fields, require_files

FILES = ("online_retail.csv.gz",)
CURRENCY = "GBP"
_SCHEMA = {
    "InvoiceNo": pl.String,
    "StockCode": pl.String,
    "Description": pl.String,
    "Quantity": pl.Int64,
    "InvoiceDate": pl.String,
    "UnitPrice": pl.Float64,
    "CustomerID": pl.Int64,
    "Country": pl.String,
}


def read(folder: Path) -> Imported:
    """Read the folder of the data set; `DataError` where a file is missing or broken."""
    require_files(folder, FILES)
    path = folder / FILES[0]
    require_fields(path, len(_SCHEMA))
    with reading(path):
        lines = pl.read_csv(path, schema=_SCHEMA)
    return Imported(
        {USER_PROFILE: _customers(lines), PRODUCT: _products(lines), BUY: _purchases(lines)},
        text_ids=frozenset({"product_id"}),
    )


def _customers(lines: pl.DataFrame) -> pl.DataFrame:
    return (
        lines.drop_nulls("CustomerID")
        .sort("InvoiceDate", maintain_order=True)
        .group_by("CustomerID", maintain_order=True)
        .agg(location=pl.col("Country").last())
        .rename({"CustomerID": "user_id"})
        .sort("user_id")
    )


def _products(lines: pl.DataFrame) -> pl.DataFrame:
    names = (
        lines.drop_nulls("Description")
        .group_by("StockCode", "Description")
        # What the shop sold was named for customers; other lines hold notes such as "damaged".
        .agg(n_sold=(pl.col("UnitPrice") > 0).sum())
        .sort("n_sold", "Description", descending=[True, False])
        .group_by("StockCode", maintain_order=True)
        .agg(product_name=pl.col("Description").first().str.strip_chars())
    )
    prices = (
        lines.filter(pl.col("UnitPrice") > 0)
        .sort("InvoiceDate", maintain_order=True)
        .group_by("StockCode", maintain_order=True)
        .agg(price=pl.col("UnitPrice").last())
    )
    return (
        lines.select(pl.col("StockCode").unique())
        .join(names, on="StockCode", how="left")
        .join(prices, on="StockCode", how="left")
        .with_columns(currency=pl.lit(CURRENCY))
        .rename({"StockCode": "product_id"})
        .sort("product_id")
    )


def _purchases(lines: pl.DataFrame) -> pl.DataFrame:
    return numbered(
        lines.select(
            user_id="CustomerID",
            product_id="StockCode",
            transaction_value=(pl.col("Quantity") * pl.col("UnitPrice")).round(4),
            transaction_date="InvoiceDate",
            quantity="Quantity",
            currency=pl.lit(CURRENCY),
        ),
        "transaction_id",
    )
