"""The sample shop: drawn in chunks of users, written as it is drawn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..contracts.protocols import Progress, silent
from ..contracts.tables import BUY, PRODUCT, RATING, REVIEW, USER_PROFILE, VISIT
from .columns import behavior_columns, product_columns, user_columns
from .config import ShopConfig
from .dirt import spoil
from .funnel import draw_funnel
from .storing import Batch, store
from .world import draw_products, draw_users, n_chunks


def seed_shop(
    url: str, config: ShopConfig, *, overwrite: bool, progress: Progress = silent
) -> dict[str, int]:
    """Make the six tables and fill them with the simulated shop; rows per table.

    The same configuration writes the same rows. Raises `SeedRefused` where the database holds
    tables that Selera did not make, or rows and `overwrite` is false.
    """
    return store(url, simulate(config, progress), overwrite=overwrite)


def simulate(config: ShopConfig, progress: Progress = silent) -> Iterator[Batch]:
    """The rows of the simulated shop, batch by batch; memory is that of one chunk of users."""
    products = draw_products(config)
    yield PRODUCT, product_columns(config, products)
    next_key = dict.fromkeys((VISIT, BUY, RATING, REVIEW), 1)
    progress("seed", 0, config.n_users)
    for chunk in range(n_chunks(config)):
        users = draw_users(config, chunk, products.n_categories)
        yield USER_PROFILE, user_columns(config, users, chunk)
        funnel = draw_funnel(config, products, users, chunk)
        rng = np.random.default_rng([config.seed, 7, chunk])
        for table, columns in behavior_columns(config, products, users, funnel, chunk).items():
            spoil(rng, table, columns, config.dirty_share)
            first, n_rows = next_key[table], len(columns["user_id"])
            next_key[table] += n_rows
            yield table, {table.key: list(range(first, first + n_rows)), **columns}
        progress("seed", int(users.ids[-1]), config.n_users)
