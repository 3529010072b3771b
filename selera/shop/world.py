"""The hidden truth of the sample shop: its products, and what each user likes.

Products lie sorted by category. A product's popularity falls like a Zipf law; products that were
added late and users who came late have little history. A user likes three categories most, some
brands more than others (by the angle between two short vectors), and one level of price. Which
categories these are depends mildly on where the user comes from, so that profiles tell a little.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .config import ShopConfig
from .words import BRANDS, CATEGORIES, CULTURES

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

USERS_PER_CHUNK = 5_000
N_TOP_CATEGORIES = 3

_TOP_SHARES = np.array([0.46, 0.24, 0.12])
_BRANDS_PER_CATEGORY = 5
_BRAND_FACTORS = 3
_ZIPF_EXPONENT = 0.9
_CULTURE_SPREAD = 0.8
"""How far cultures differ in what they like: standard deviation of a logarithm."""
_NEW_SHARE = 0.08
_NEW_DAYS = 60
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Products:
    """The catalogue; arrays of length n_products, product id = position + 1.

    categories : positions in `CATEGORIES`, ascending; brands : positions in `BRANDS`
    price_levels : how dear within its category, standard deviations of the logarithm
    prices : IDR; popularity : weights that sum to 1; quality : stars above or below the usual
    created : UTC seconds from which a product is on sale
    """

    categories: Integers
    brands: Integers
    price_levels: Floats
    prices: Floats
    popularity: Floats
    quality: Floats
    created: Integers

    def __len__(self) -> int:
        return len(self.categories)

    @property
    def n_categories(self) -> int:
        """Number of categories that are in use: those from the first on."""
        return int(self.categories[-1]) + 1


@dataclass(frozen=True, slots=True)
class Users:
    """Some users; arrays of length n.

    ids : from 1; cultures : positions in `CULTURES`; joined : UTC seconds
    category_shares : (n, n_categories), how often the user looks into a category, rows sum to 1
    top_categories : (n, up to 3), dearest first
    brand_tastes : (n, 3); price_tastes : (n,), the liked price level; biases : (n,), stars
    activity : (n,), how many visits the user makes, on average 1
    """

    ids: Integers
    cultures: Integers
    joined: Integers
    category_shares: Floats
    top_categories: Integers
    brand_tastes: Floats
    price_tastes: Floats
    biases: Floats
    activity: Floats

    def __len__(self) -> int:
        return len(self.ids)


def end_second(config: ShopConfig) -> int:
    """UTC seconds of the midnight after the last day."""
    return int(np.datetime64(config.last_day, "s").astype(np.int64)) + _DAY_S


def draw_products(config: ShopConfig) -> Products:
    """Draw the catalogue."""
    rng = np.random.default_rng([config.seed, 0])
    n = config.n_products
    n_categories = min(len(CATEGORIES), n)
    # Each category has a product at least; the others spread by shares that differ mildly.
    shares = rng.dirichlet(np.full(n_categories, 12.0))
    spread = rng.choice(n_categories, size=n - n_categories, p=shares)
    categories = np.sort(np.concatenate([np.arange(n_categories), spread]))
    brands_of = np.stack(
        [rng.choice(len(BRANDS), _BRANDS_PER_CATEGORY, replace=False) for _ in range(n_categories)]
    )
    brands = brands_of[categories, rng.integers(_BRANDS_PER_CATEGORY, size=n)]
    price_levels = rng.normal(size=n)
    medians = np.array([category.price for category in CATEGORIES])
    prices = medians[categories] * np.exp(0.45 * price_levels)
    popularity = (rng.permutation(n) + 3.0) ** -_ZIPF_EXPONENT
    is_new = rng.random(n) < _NEW_SHARE
    age_days = np.where(
        is_new,
        rng.uniform(1, _NEW_DAYS, size=n),
        config.n_days + rng.uniform(1, 400, size=n),
    )
    return Products(
        categories=categories,
        brands=brands,
        price_levels=price_levels,
        prices=np.maximum(500.0, np.round(prices / 500.0) * 500.0),
        popularity=popularity / popularity.sum(),
        quality=rng.normal(0.0, 0.35, size=n),
        created=(end_second(config) - age_days * _DAY_S).astype(np.int64),
    )


def brand_factors(config: ShopConfig) -> Floats:
    """What the brands stand for, (n_brands, 3), unit length."""
    drawn = np.random.default_rng([config.seed, 1]).normal(size=(len(BRANDS), _BRAND_FACTORS))
    unit: Floats = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit


def culture_tilts(config: ShopConfig, n_categories: int) -> Floats:
    """How much more than others a culture likes a category, (n_cultures, n_categories)."""
    rng = np.random.default_rng([config.seed, 8])
    return np.exp(rng.normal(0.0, _CULTURE_SPREAD, size=(len(CULTURES), n_categories)))


def n_chunks(config: ShopConfig) -> int:
    """In how many parts the users are drawn; each part depends on the seed and its number only."""
    return -(-config.n_users // USERS_PER_CHUNK)


def draw_users(config: ShopConfig, chunk: int, n_categories: int) -> Users:
    """Draw the users of one chunk."""
    rng = np.random.default_rng([config.seed, 2, chunk])
    first = chunk * USERS_PER_CHUNK
    n = min(USERS_PER_CHUNK, config.n_users - first)
    n_top = min(N_TOP_CATEGORIES, n_categories)
    culture_shares = np.array([culture.share for culture in CULTURES])
    cultures = rng.choice(len(CULTURES), size=n, p=culture_shares / culture_shares.sum())
    # The least of exponential times is that of a category in proportion to its tilt.
    waits = rng.exponential(size=(n, n_categories)) / culture_tilts(config, n_categories)[cultures]
    top_categories = np.argsort(waits, axis=1)[:, :n_top]
    shares = rng.dirichlet(np.full(n_categories, 0.6), size=n) * (1.0 - _TOP_SHARES[:n_top].sum())
    np.put_along_axis(
        shares,
        top_categories,
        np.take_along_axis(shares, top_categories, axis=1) + _TOP_SHARES[:n_top],
        axis=1,
    )
    is_new = rng.random(n) < _NEW_SHARE
    days_here = np.where(
        is_new, rng.uniform(1, _NEW_DAYS, n), rng.uniform(_NEW_DAYS, config.n_days, n)
    )
    activity = rng.lognormal(0.0, 0.6, n) * np.where(is_new, 0.15, 1.0)
    return Users(
        ids=np.arange(first + 1, first + n + 1),
        cultures=cultures,
        joined=(end_second(config) - days_here * _DAY_S).astype(np.int64),
        category_shares=shares / shares.sum(axis=1, keepdims=True),
        top_categories=top_categories,
        brand_tastes=rng.normal(size=(n, _BRAND_FACTORS)),
        price_tastes=rng.normal(size=n),
        biases=rng.normal(0.0, 0.4, size=n),
        activity=activity / (np.exp(0.18) * (1.0 - _NEW_SHARE + 0.15 * _NEW_SHARE)),
    )
