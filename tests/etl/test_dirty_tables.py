"""Laws that hold whatever a shop's tables hold."""

from __future__ import annotations

import csv
import random
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from selera.contracts.behaviors import BEHAVIOR_SOURCES, BEHAVIORS
from selera.contracts.columns import TRAINING_COLUMNS
from selera.contracts.tables import BUY, PRODUCT, RATING, REVIEW, USER_PROFILE, VISIT
from selera.etl import EtlConfig, load_training_csv

from .tiny import Rows, make_shop, read, transform

texts = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6),
    st.sampled_from(['"', '""', ",", "\r", "\n", "\r\n", 'a"b', "😀", "বাংলা", " ", "\x01\x0b", "-"]),
)
anything = st.one_of(
    st.none(), texts, st.integers(-3, 12), st.floats(allow_nan=False), st.binary(max_size=3)
)
ids = st.one_of(st.integers(1, 4), st.sampled_from([1, 2, 10, "x", "é", 'q"', None, "", 1.5, "7"]))
keys = st.one_of(st.integers(1, 6), st.sampled_from(["k", None, 2.5]))
stars = st.one_of(st.sampled_from([1, 2, 3, 4.5, 5]), anything)
times = st.one_of(
    st.sampled_from(["2026-01-02", "2026-01-02 03:04:05", "2026-01-02T03:04+07:00", None]), anything
)


def rows(*columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    return st.lists(st.tuples(*columns), max_size=10)


shops: st.SearchStrategy[Rows] = st.fixed_dictionaries(
    {
        USER_PROFILE: rows(ids, anything, anything, anything, anything),
        PRODUCT: rows(ids, *[anything] * 6),
        VISIT: rows(keys, ids, ids, anything, times),
        BUY: rows(keys, ids, ids, anything, times, anything),
        RATING: rows(keys, ids, ids, stars, times),
        REVIEW: rows(keys, ids, ids, anything, times, stars),
    }
)
id_types = st.sampled_from(["INTEGER", "TEXT"])
configs = st.builds(
    EtlConfig,
    rating_scale=st.sampled_from(["auto", "1..5"]),
    time_zone=st.sampled_from(["UTC", "Asia/Jakarta"]),
    bucket_rows=st.sampled_from([1, 7, 1_000_000]),
)


@settings(max_examples=15, deadline=None)
@given(shop=shops, id_type=id_types, config=configs)
def test_no_row_is_lost_and_the_csv_is_sorted_and_says_the_same_to_everyone(
    shop: Rows, id_type: str, config: EtlConfig
) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        report = transform(make_shop(folder / "shop.db", shop, id_type=id_type), config)
        rejected = Counter(row["table"] for row in read(folder / "data-rejected.csv"))
        written = read(folder / "data-training.csv")
        for table, some in shop.items():
            counts = report.tables[table.name]
            assert counts.rows_in == len(some)
            assert counts.rows_in == counts.rows_out + rejected[table.name]
            assert rejected[table.name] == sum(counts.rejected.values())
        by_behavior = Counter(row["behavior"] for row in written)
        for source in BEHAVIOR_SOURCES:
            assert by_behavior[source.behavior] == report.tables[source.table.name].rows_out
        assert all(tuple(row) == TRAINING_COLUMNS for row in written)
        assert written == sorted(written, key=lambda row: _place(row, id_type))
        if written:
            _assert_loads_the_same(folder / "data-training.csv", written, id_type)


def _place(row: dict[str, str], id_type: str) -> tuple[Any, ...]:
    """Where the contract says that a row belongs."""
    ids = [row["user_id"], row["product_id"]]
    ordered = [int(id) if id_type == "INTEGER" else id.encode() for id in ids]
    return (*ordered, row["at"], row["behavior"])


def _assert_loads_the_same(path: Path, written: list[dict[str, str]], id_type: str) -> None:
    """The loader says of every row what Python's csv module reads, in rows instead of ids."""
    data = load_training_csv(path)
    interactions = data.interactions
    assert data.n_rows == len(interactions) == len(written)
    assert (
        interactions.users.kind == interactions.items.kind == {"INTEGER": "int"}.get(id_type, "str")
    )
    expected = Counter((row["user_id"], row["product_id"], row["behavior"]) for row in written)
    loaded = Counter(
        (str(interactions.users.id(user)), str(interactions.items.id(item)), BEHAVIORS[behavior])
        for user, item, behavior in zip(
            interactions.user_rows.tolist(),
            interactions.item_rows.tolist(),
            interactions.behaviors.tolist(),
            strict=True,
        )
    )
    assert loaded == expected


@settings(max_examples=12, deadline=None)
@given(shop=shops, id_type=id_types, config=configs, seed=st.integers(0, 99))
def test_the_order_of_rows_in_the_tables_changes_no_byte(
    shop: Rows, id_type: str, config: EtlConfig, seed: int
) -> None:
    shuffled = {table: random.Random(seed).sample(some, len(some)) for table, some in shop.items()}
    with TemporaryDirectory() as name:
        folder = Path(name)
        assert transform(make_shop(folder / "shop.db", shop, id_type=id_type), config).changed
        in_one_bucket = EtlConfig(config.rating_scale, config.time_zone)
        again = make_shop(folder / "shuffled.db", shuffled, id_type=id_type)
        assert not transform(again, in_one_bucket).changed


def test_a_row_of_strange_characters_survives(tmp_path: Path) -> None:
    strange = 'a"b\r\n,\t\x01\x7f\u0085\u2028\ufeff😀 বাংলা\r'
    shop = {REVIEW: [(strange, strange, strange, strange, None, None)]}
    transform(make_shop(tmp_path / "shop.db", shop, id_type="TEXT"))
    with (tmp_path / "data-training.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file, strict=True)
    assert row["user_id"] == row["product_id"] == row["review_text"] == strange
    users = load_training_csv(tmp_path / "data-training.csv").interactions.users
    assert users.id(0) == strange
