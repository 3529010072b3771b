"""Shops that events are written into."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from selera.contracts.events import Event
from selera.contracts.ids import Id
from selera.contracts.tables import PRODUCT
from selera.database import EventConfig, EventStore, Shop, create_shop_tables, insert_rows
from tests.shops import make_minimal_shop, opened

NOON = 1_704_110_400  # 2024-01-01 12:00 UTC

LENIENT = EventConfig(unknown_products="accept")


def make_full_shop(
    url: str, product_ids: Sequence[Id] = (7,), text_ids: Collection[str] = ()
) -> str:
    """The tables that Selera makes, with some products; returns the URL."""
    with opened(url, create=True) as engine:
        create_shop_tables(engine, overwrite=False, text_ids=text_ids)
        with engine.begin() as connection:
            insert_rows(connection, PRODUCT, {"product_id": list(product_ids)})
    return url


def make_poor_shop(url: str, **types: str) -> str:
    """The required columns only, without any key, and one product, 7."""
    id: Id = 7 if types.get("id_type", "BIGINT") == "BIGINT" else "7"
    return make_minimal_shop(url, {PRODUCT: [(id, *[None] * 6)]}, **types)


@contextmanager
def open_store(
    url: str, config: EventConfig | None = None, time_zone: str = "UTC"
) -> Iterator[tuple[Shop, EventStore]]:
    """A shop and who writes its events."""
    with closing(Shop.open(url, time_zone=time_zone)) as shop:
        yield shop, shop.event_store(config)


def a_visit(event_id: str, user_id: Id = 1, product_id: Id = 7, at: int = NOON) -> Event:
    """One visit."""
    return Event(event_id, "visit", user_id, product_id, at)


def one_of_each(user_id: Id = 1, product_id: Id = 7, prefix: str = "") -> list[Event]:
    """A visit, a purchase, a rating and a review."""
    common: dict[str, Any] = {"user_id": user_id, "product_id": product_id, "at": NOON}
    return [
        Event(f"{prefix}v", "visit", visit_count=3, **common),
        Event(f"{prefix}b", "purchase", quantity=2, transaction_value=9.5, **common),
        Event(f"{prefix}r", "rating", rating=4.5, **common),
        Event(f"{prefix}w", "review", rating=2.0, review_text="Bagus", **common),
    ]


def count(url: str, table: str) -> int:
    """Number of rows."""
    with opened(url) as engine, engine.connect() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())
