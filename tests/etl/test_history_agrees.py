"""What the service reads of a user at request time is what training read of them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from selera.contracts.behaviors import BEHAVIORS
from selera.contracts.ids import Id, parse_id
from selera.contracts.interactions import Interactions
from selera.contracts.tables import BUY, RATING, REVIEW, VISIT
from selera.database import Shop
from selera.etl import EtlConfig, load_training_csv

from .tiny import Rows, make_shop, transform

EVERY_RATING = (-1e308, 1e308)

Told = dict[Id, list[tuple[str, str, int, str]]]
"""By product, what a user did with it, in their order: behavior, value, time, and where there are
no stars the text."""

numbers = st.one_of(
    st.none(),
    st.integers(-2, 9),
    st.floats(-2, 9, width=32),
    st.sampled_from([" 3 ", "1e0", "-1", "0x1", "1,5", "", " ", "many", ".5", 1e20, b"2", b"x"]),
)
times = st.one_of(
    st.sampled_from([None, "2026-01-02", "2026-01-02 03:04"]),
    st.datetimes().map(str),
    st.dates().map(str),
    st.sampled_from(
        ["2026-01-02T03:04Z", " 2026-01-02 ", b"2026-01-02", "", "soon", 7, "2026-1-2"]
    ),
    st.sampled_from(["2026-03-29 02:30:00", "2026-10-25 02:30:00", "0001-01-01 00:00:00"]),
)
product_ids = st.sampled_from([1, 1, 1, 2, None, "p", 1.5, ""])
keys = st.sampled_from([None, "", 1, 2, 10, -3, "k", "é", "😀", "\ufb01", "2 ", b"k", 2.5])
texts = st.sampled_from([None, "", b"", " ", "a text", "\0", b"x", 0])


Values = st.SearchStrategy[Any]


def shops_of(
    keys: Values, product_ids: Values, numbers: Values, times: Values
) -> st.SearchStrategy[Rows]:
    def rows(*columns: Values) -> st.SearchStrategy[list[tuple[Any, ...]]]:
        return st.lists(st.tuples(keys, st.just(1), product_ids, *columns), max_size=8)

    return st.fixed_dictionaries(
        {
            VISIT: rows(numbers, times),
            BUY: rows(numbers, times, numbers),
            RATING: rows(numbers, times),
            REVIEW: rows(texts, times, numbers),
        }
    )


strange = shops_of(keys, product_ids, numbers, times)
crowded = shops_of(
    keys=st.sampled_from([None, 2, 10, "k"]),
    product_ids=st.just(1),
    numbers=st.integers(1, 3),
    times=st.sampled_from([None, "2026-01-02"]),
)
"""Rows of which many are repeated, and differ in nothing but their key or their value."""

id_types = st.sampled_from(["INTEGER", "TEXT"])
zones = st.sampled_from(["UTC", "Asia/Jakarta", "Europe/Berlin"])


@settings(max_examples=60, deadline=None)
@given(shop=st.one_of(strange, crowded), id_type=id_types, zone=zones)
def test_the_history_of_a_user_is_the_users_part_of_the_csv(
    shop: Rows, id_type: str, zone: str
) -> None:
    with TemporaryDirectory() as name:
        database = make_shop(Path(name) / "shop.db", shop, id_type=id_type)
        report = transform(database, EtlConfig(rating_scale=EVERY_RATING, time_zone=zone))
        with closing(Shop.open(f"sqlite:///{database}", time_zone=zone)) as reader:
            user_id = parse_id("1", reader.user_id_kind)
            assert user_id is not None
            history = reader.history(user_id)
        told = _by_product(
            (row.product_id, row.behavior, row.value, row.timestamp, row.text) for row in history
        )
        assert told == (_trained_on(Path(name)) if report.n_rows else {})
        products = [row.product_id for row in history]
        assert products == sorted(products)


def _trained_on(folder: Path) -> Told:
    interactions = load_training_csv(folder / "data-training.csv").interactions
    return _by_product(
        (interactions.items.id(item), BEHAVIORS[behavior], value, timestamp, text)
        for item, behavior, value, timestamp, text in zip(
            interactions.item_rows.tolist(),
            interactions.behaviors.tolist(),
            interactions.values.tolist(),
            interactions.timestamps.tolist(),
            _texts(interactions),
            strict=True,
        )
    )


def _texts(interactions: Interactions) -> list[str]:
    """The text of each behavior, empty for none."""
    if interactions.texts is None or interactions.text_places is None:
        return [""] * len(interactions)
    places = interactions.text_places.tolist()
    return ["" if place < 0 else interactions.texts.read([place])[0] for place in places]


def _by_product(behaviors: Iterable[tuple[Id, str, float, int, str]]) -> Told:
    told: Told = defaultdict(list)
    for product_id, behavior, value, timestamp, text in behaviors:
        bare = text if math.isnan(value) else ""
        told[product_id].append((behavior, _told(value), timestamp, bare))
    return dict(told)


def _told(value: float) -> str:
    """A value as float32 holds it; NaN equals itself, and there is no -0.0."""
    return "unknown" if math.isnan(value) else f"{value + 0.0:.6g}"
