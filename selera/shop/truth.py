"""What the simulated users really like. It stands in no table: tests compare lists with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .config import ShopConfig
from .words import CATEGORIES
from .world import Integers, draw_products, draw_users, n_chunks


@dataclass(frozen=True, slots=True)
class Truth:
    """The hidden tastes of the sample shop.

    user_ids : int64 (n_users,)
    top_categories : int64 (n_users, up to 3), positions in `category_names`, dearest first
    product_ids : int64 (n_products,)
    product_categories : int64 (n_products,), positions in `category_names`
    """

    category_names: tuple[str, ...]
    user_ids: Integers
    top_categories: Integers
    product_ids: Integers
    product_categories: Integers


def hidden_truth(config: ShopConfig) -> Truth:
    """The tastes that `seed_shop` uses for this configuration."""
    products = draw_products(config)
    chunks = [draw_users(config, chunk, products.n_categories) for chunk in range(n_chunks(config))]
    return Truth(
        category_names=tuple(category.name for category in CATEGORIES),
        user_ids=np.concatenate([users.ids for users in chunks]),
        top_categories=np.concatenate([users.top_categories for users in chunks]),
        product_ids=np.arange(1, len(products) + 1),
        product_categories=products.categories,
    )
