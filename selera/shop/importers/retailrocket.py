"""RetailRocket: who viewed, put into the cart and bought what in an online shop, with time.

A view and a product put into the cart are each one visit of its page; a purchase tells neither its
value nor its quantity. `test_buy.csv`, the purchases kept apart for tests, is not imported.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ...contracts.tables import BUY, PRODUCT, USER_PROFILE, VISIT
from .reading import Imported, numbered, reading, require_fields, require_files, unix_time_text

FILES = ("events_train.csv",)
_SCHEMA = {"user": pl.Int64, "item": pl.Int64, "behavior": pl.String, "timestamp": pl.Int64}


def read(folder: Path) -> Imported:
    """Read the folder of the data set; `DataError` where a file is missing or broken."""
    require_files(folder, FILES)
    path = folder / FILES[0]
    require_fields(path, len(_SCHEMA))
    with reading(path):
        acts = pl.read_csv(path, schema=_SCHEMA).select(
            "behavior", user_id="user", product_id="item", at=unix_time_text("timestamp")
        )
    who_and_what = ("user_id", "product_id")
    visits = acts.filter(pl.col("behavior").is_in(["view", "cart"]))
    buys = acts.filter(pl.col("behavior") == "buy")
    return Imported(
        {
            USER_PROFILE: acts.select(pl.col("user_id").unique().sort()),
            PRODUCT: acts.select(pl.col("product_id").unique().sort()),
            VISIT: numbered(
                visits.select(*who_and_what, visit_count=pl.lit(1), visit_date="at"), "history_id"
            ),
            BUY: numbered(buys.select(*who_and_what, transaction_date="at"), "transaction_id"),
        }
    )
