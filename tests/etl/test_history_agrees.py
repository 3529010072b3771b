"""What the service reads of a user at request time is what training read of them."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from selera.contracts.behaviors import BEHAVIORS
from selera.contracts.tables import BUY, RATING, REVIEW, VISIT
from selera.database import Shop
from selera.etl import EtlConfig, load_training_csv

from .tiny import Rows, make_shop, transform

EVERY_RATING = EtlConfig(rating_scale=(-1e308, 1e308))

numbers = st.one_of(
    st.none(),
    st.integers(-2, 9),
    st.floats(-2, 9, width=32),
    st.sampled_from([" 3 ", "1e0", "-1", "0x1", "1,5", "", " ", "many", ".5", 1e20]),
)
times = st.one_of(
    st.none(),
    st.datetimes().map(str),
    st.dates().map(str),
    st.sampled_from(["2026-01-02T03:04Z", " 2026-01-02 ", "", "soon", 7, "2026-1-2", "2026-13-01"]),
)
product_ids = st.one_of(st.integers(1, 3), st.sampled_from([None, "p", 1.5, ""]))
keys = st.none()


def rows(*columns: st.SearchStrategy[Any]) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    return st.lists(st.tuples(keys, st.just(1), product_ids, *columns), max_size=6)


shops: st.SearchStrategy[Rows] = st.fixed_dictionaries(
    {
        VISIT: rows(numbers, times),
        BUY: rows(numbers, times, numbers),
        RATING: rows(numbers, times),
        REVIEW: rows(st.just("a text"), times, numbers),
    }
)


@settings(max_examples=30, deadline=None)
@given(shops)
def test_the_history_of_a_user_is_the_users_part_of_the_csv(shop: Rows) -> None:
    with TemporaryDirectory() as name:
        database = make_shop(Path(name) / "shop.db", shop)
        report = transform(database, EVERY_RATING)
        reader = Shop.open(f"sqlite:///{database}")
        try:
            history = reader.history(1)
        finally:
            reader.close()
        told = Counter(
            (row.product_id, row.behavior, _told(row.value), row.timestamp) for row in history
        )
        assert told == (_trained_on(Path(name)) if report.n_rows else Counter())


def _trained_on(folder: Path) -> Counter[tuple[Any, ...]]:
    interactions = load_training_csv(folder / "data-training.csv").interactions
    return Counter(
        (interactions.items.id(item), BEHAVIORS[behavior], _told(value), timestamp)
        for item, behavior, value, timestamp in zip(
            interactions.item_rows.tolist(),
            interactions.behaviors.tolist(),
            interactions.values.tolist(),
            interactions.timestamps.tolist(),
            strict=True,
        )
    )


def _told(value: float) -> str:
    """A value as float32 holds it; NaN equals itself, and there is no -0.0."""
    return "unknown" if math.isnan(value) else f"{value + 0.0:.6g}"
