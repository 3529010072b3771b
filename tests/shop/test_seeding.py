"""Seeding a database of each kind."""

from contextlib import closing
from typing import Any

import pytest

from selera.contracts.errors import SeedRefused
from selera.contracts.tables import BUY, TABLES
from selera.database import Shop, diagnose, snapshot
from selera.shop import ShopConfig, seed_shop
from tests.shops import make_minimal_shop, opened

TINY = ShopConfig(n_users=30, n_products=20, dirty_share=0.05)


def test_a_seeded_shop_can_be_read(database_url: str) -> None:
    counts = seed_shop(database_url, TINY, overwrite=False)
    assert list(counts) == [table.name for table in TABLES]
    with opened(database_url) as engine:
        with snapshot(engine) as moment:
            assert {table.name: moment.count(table) for table in TABLES} == counts
        assert {finding.level for finding in diagnose(engine)} <= {"ok", "warning"}
    with closing(Shop.open(database_url)) as shop:
        assert shop.count_users() == 30
        assert shop.user_ids(0, 2) == [1, 2]
        product = shop.products([1])[1]
        assert (product["currency"], product["product_id"]) == ("IDR", 1)
        assert isinstance(product["price"], float)
        assert sum(len(shop.history(user)) for user in range(1, 31)) > 1000


def test_seeding_again_needs_permission_and_then_writes_the_same(database_url: str) -> None:
    def rows() -> list[tuple[Any, ...]]:
        with opened(database_url) as engine, snapshot(engine) as moment:
            return sorted(row for batch in moment.batches(BUY) for row in batch)

    seed_shop(database_url, TINY, overwrite=False)
    first = rows()
    with pytest.raises(SeedRefused, match="--overwrite"):
        seed_shop(database_url, TINY, overwrite=False)
    assert rows() == first
    seed_shop(database_url, TINY, overwrite=True)
    assert rows() == first


def test_a_real_shop_is_never_overwritten(database_url: str) -> None:
    make_minimal_shop(database_url)
    with pytest.raises(SeedRefused, match="did not make"):
        seed_shop(database_url, TINY, overwrite=True)
