"""The ETL at scale: rows a second and peak memory, next to the same transformation in plain pandas.

Both read the same SQLite database, each in a process of its own, in turn, and write a CSV.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from .environment import ROOT, environment, save

NAME = "etl"
SEED = 0
ROWS = 10_000_000
REPEATS = 3
SHARES = {"visit": 0.5, "buy": 0.25, "rating": 0.2, "review": 0.05}
DIRTY = 0.01
PARTS = ("make_shop", "with_selera", "with_pandas")


def run(n_rows: int = ROWS, repeats: int = REPEATS) -> Path:
    """Make a shop of `n_rows` behaviors, measure both programs on it and write the result."""
    measured_in = environment()
    with tempfile.TemporaryDirectory(prefix="selera-etl-") as folder:
        database = Path(folder) / "shop.db"
        made = _measure("make_shop", database, str(n_rows))
        runs: dict[str, list[dict[str, Any]]] = {"with_selera": [], "with_pandas": []}
        for _ in range(repeats):
            for part, measured in runs.items():
                measured.append(_measure(part, database, f"{folder}/{part}.csv"))
        size = database.stat().st_size
    result = {
        "seed": SEED,
        "behaviors": n_rows,
        "dirty_share": DIRTY,
        "database_mib": round(size / 2**20),
        "seconds_to_make": made["seconds"],
        **{part: _summary(measured, n_rows) for part, measured in runs.items()},
    }
    return save(
        NAME,
        f"python -m benchmarks.{NAME} --rows {n_rows} --repeats {repeats}",
        result,
        measured_in,
    )


def _summary(runs: list[dict[str, Any]], n_rows: int) -> dict[str, Any]:
    if failed := [each["error"] for each in runs if "error" in each]:
        return {"error": failed[0]}
    seconds = median(each["seconds"] for each in runs)
    return {
        "seconds": round(seconds, 2),
        "rows_per_second": round(n_rows / seconds),
        "peak_memory_mib": max(each["peak_memory_mib"] for each in runs),
        "rows_out": runs[0]["rows_out"],
        "all_seconds": [each["seconds"] for each in runs],
    }


def _measure(part: str, database: Path, argument: str) -> dict[str, Any]:
    """Run one part of this module in a process of its own; seconds include its start."""
    started = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{NAME}", "--part", part, str(database), argument],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    answer = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stdout.close()
    if child.returncode:
        return {"error": f"ended with {child.returncode} (-9: out of memory)"}
    return {
        "seconds": round(time.perf_counter() - started, 2),
        "peak_memory_mib": round(usage.ru_maxrss / 1024),
        **json.loads(answer.splitlines()[-1]),  # the log lines stand before it
    }


def make_shop(database: Path, n_rows: str) -> dict[str, Any]:
    """Fill a shop of Selera's own schema with random behaviors, one in a hundred of them dirty."""
    import numpy as np

    from selera.contracts.tables import BUY, PRODUCT, RATING, REVIEW, USER_PROFILE, VISIT
    from selera.database import create_shop_tables, insert_rows, open_engine

    rng = np.random.default_rng(SEED)
    n = int(n_rows)
    n_users, n_products = max(10, n // 100), max(10, n // 500)
    popularity = 1 / (np.arange(n_products) + 10.0)
    popularity /= popularity.sum()

    def behaviors(share: float, key: str, time: str) -> dict[str, list[Any]]:
        size = round(n * share)
        seconds = rng.integers(0, 3 * 365 * 86_400, size)
        moments = np.datetime64("2023-01-01T00:00:00") + seconds.astype("timedelta64[s]")
        product_ids = rng.choice(n_products, size, p=popularity) + 1
        product_ids[rng.random(size) < DIRTY / 2] = n_products + 7
        return {
            key: list(range(1, size + 1)),
            "user_id": rng.integers(1, n_users + 1, size).tolist(),
            "product_id": product_ids.tolist(),
            time: [text.replace("T", " ") for text in np.datetime_as_string(moments).tolist()],
        }

    def dirtied(values: Any, dirt: Any) -> list[Any]:
        return np.where(rng.random(len(values)) < DIRTY / 2, dirt, values).tolist()

    engine = open_engine(f"sqlite:///{database}", create=True)
    create_shop_tables(engine, overwrite=False)
    with engine.begin() as connection:
        users, products = np.arange(1, n_users + 1), np.arange(1, n_products + 1)
        insert_rows(
            connection,
            USER_PROFILE,
            {
                "user_id": users.tolist(),
                "name": [f"User {user}" for user in users],
                "gender": rng.choice(["female", "male"], n_users).tolist(),
                "age": rng.integers(16, 80, n_users).tolist(),
                "location": rng.choice(["Jakarta", "Bandung", "Surabaya"], n_users).tolist(),
            },
        )
        insert_rows(
            connection,
            PRODUCT,
            {
                "product_id": products.tolist(),
                "product_name": [f"Product {product}" for product in products],
                "category": rng.choice(["Shoes", "Books", "Tea"], n_products).tolist(),
                "tag": rng.choice(["new", "sale"], n_products).tolist(),
                "source_country": rng.choice(["ID", "MY", "JP"], n_products).tolist(),
                "price": (rng.integers(10, 10_000, n_products) * 100.0).tolist(),
                "brand": rng.choice(["Kopi", "Rasa", "Selera"], n_products).tolist(),
            },
        )
        visits = behaviors(SHARES["visit"], "history_id", "visit_date")
        visits["visit_count"] = dirtied(rng.geometric(0.5, len(visits["user_id"])), 0)
        insert_rows(connection, VISIT, visits)
        buys = behaviors(SHARES["buy"], "transaction_id", "transaction_date")
        quantities = rng.geometric(0.7, len(buys["user_id"]))
        buys["quantity"] = dirtied(quantities, -1)
        buys["transaction_value"] = (quantities * 12_500.0).tolist()
        insert_rows(connection, BUY, buys)
        ratings = behaviors(SHARES["rating"], "rating_id", "rating_date")
        ratings["rating"] = dirtied(rng.integers(1, 6, len(ratings["user_id"])), 11)
        insert_rows(connection, RATING, ratings)
        reviews = behaviors(SHARES["review"], "review_id", "review_date")
        reviews["review_text"] = [
            f'A "good" product, {product}' for product in reviews["product_id"]
        ]
        insert_rows(connection, REVIEW, reviews)
    engine.dispose()
    return {}


def with_selera(database: Path, output: str) -> dict[str, Any]:
    """The ETL as `selera etl` runs it."""
    from selera.database import open_engine, snapshot
    from selera.etl import run_etl

    engine = open_engine(f"sqlite:///{database}")
    with snapshot(engine) as frozen:
        report = run_etl(frozen, Path(output))
    engine.dispose()
    return {"rows_out": report.n_rows}


def with_pandas(database: Path, output: str) -> dict[str, Any]:
    """What one writes in an afternoon: every table in memory, one merge, one sort, one CSV."""
    import sqlite3
    from contextlib import closing

    import pandas as pd

    from selera.contracts.columns import TRAINING_COLUMNS
    from selera.contracts.tables import BUY, PRODUCT, RATING, REVIEW, USER_PROFILE, VISIT

    with closing(sqlite3.connect(database)) as connection:
        tables = {
            table.name: pd.read_sql_query(f"SELECT * FROM {table.name}", connection)
            for table in (USER_PROFILE, PRODUCT, VISIT, BUY, RATING, REVIEW)
        }
    visits, buys, ratings, reviews = (
        tables[table.name]
        .rename(columns={table.key: "key", date: "at"})
        .dropna(subset=["user_id", "product_id"])
        .assign(behavior=behavior)
        for table, behavior, date in (
            (VISIT, "visit", "visit_date"),
            (BUY, "buy", "transaction_date"),
            (RATING, "rating", "rating_date"),
            (REVIEW, "review", "review_date"),
        )
    )
    visits = visits[~(visits["visit_count"] <= 0)]
    buys = buys[~(buys["quantity"] <= 0) & ~(buys["transaction_value"] < 0)]
    ratings = ratings[ratings["rating"].between(1, 5)]
    reviews = reviews[reviews["review_text"].fillna("").ne("") | reviews["rating"].notna()]
    products = tables[PRODUCT.name].drop_duplicates("product_id")
    profiles = tables[USER_PROFILE.name].drop_duplicates("user_id")
    rows = pd.concat([visits, buys, ratings, reviews], ignore_index=True)
    rows["at"] = pd.to_datetime(rows["at"], errors="coerce", format="%Y-%m-%d %H:%M:%S")
    rows = rows.drop_duplicates(["behavior", "key", "user_id", "product_id"])
    rows = rows.merge(products, on="product_id").merge(profiles, on="user_id", how="left")
    rows = rows.sort_values(["user_id", "product_id", "at", "behavior", "key"])
    rows["at"] = rows["at"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    rows.to_csv(output, columns=list(TRAINING_COLUMNS), index=False)
    return {"rows_out": len(rows)}


def main() -> None:
    """Measure everything, or be one of the processes that are measured."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{NAME}", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--repeats", type=int, default=REPEATS)
    parser.add_argument("--part", nargs=3, metavar=("PART", "DATABASE", "ARGUMENT"))
    arguments = parser.parse_args()
    if arguments.part is None:
        print(run(arguments.rows, arguments.repeats))
        return
    part, database, argument = arguments.part
    programs = {each.__name__: each for each in (make_shop, with_selera, with_pandas)}
    answer = programs[part](Path(database), argument)
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
