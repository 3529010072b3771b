"""The simulated shop as columns of the six tables, plain values, ready to be inserted."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.random import Generator

from ..contracts.tables import BUY, RATING, REVIEW, VISIT, Table
from .config import ShopConfig
from .funnel import Acts, Funnel
from .phrases import TEXTS_PER_STAR, review_texts
from .words import BRANDS, CATEGORIES, CULTURES, SERIES
from .world import Integers, Products, Users, end_second

Columns = dict[str, list[Any]]


def time_texts(seconds: Integers) -> list[str]:
    """UTC seconds as `YYYY-MM-DD HH:MM:SS`."""
    texts = np.datetime_as_string(seconds.astype("datetime64[s]"))
    if len(texts):
        texts.view(np.uint32).reshape(len(texts), -1)[:, 10] = ord(" ")
    result: list[str] = texts.tolist()
    return result


def product_columns(config: ShopConfig, products: Products) -> Columns:
    """The catalogue's table."""
    rng = np.random.default_rng([config.seed, 4])
    n = len(products)
    ids = np.arange(1, n + 1)
    words = [CATEGORIES[category] for category in products.categories]
    brands = [BRANDS[brand] for brand in products.brands]
    picks = rng.random((n, 3)).tolist()
    names = [
        f"{brand} {_pick(SERIES, series)} {_pick(category.nouns, noun)}"
        for (brand, _), category, (series, noun, _) in zip(brands, words, picks, strict=True)
    ]
    stock = np.where(rng.random(n) < 0.05, 0, rng.integers(1, 400, size=n))
    return {
        "product_id": ids.tolist(),
        "product_name": _numbered(names),
        "category": [category.name for category in words],
        "tag": [_pick(category.tags, pick[2]) for category, pick in zip(words, picks, strict=True)],
        "source_country": [country for _, country in brands],
        "price": products.prices.tolist(),
        "brand": [brand for brand, _ in brands],
        "currency": ["IDR"] * n,
        "stock": stock.tolist(),
        "image_url": [f"https://shop.example/images/{id}.webp" for id in ids],
        "created_at": time_texts(products.created),
        "updated_at": [time_texts(np.array([end_second(config) - 1]))[0]] * n,
    }


def user_columns(config: ShopConfig, users: Users, chunk: int) -> Columns:
    """The profiles of one chunk; a few do not tell their gender or age."""
    rng = np.random.default_rng([config.seed, 5, chunk])
    n = len(users)
    names, genders, places = [], [], []
    for culture_position, picks in zip(users.cultures, rng.random((n, 5)).tolist(), strict=True):
        culture = CULTURES[culture_position]
        is_female = picks[0] < 0.52
        given = _pick(culture.female if is_female else culture.male, picks[1])
        family = _pick(culture.family, picks[2])
        names.append(f"{family} {given}" if culture.language == "ja" else f"{given} {family}")
        genders.append(None if picks[4] < 0.03 else "female" if is_female else "male")
        places.append(_pick(culture.places, picks[3]))
    ages = np.clip(rng.normal(34, 11, size=n), 16, 82).astype(int).tolist()
    joined = time_texts(users.joined)
    return {
        "user_id": users.ids.tolist(),
        "name": names,
        "gender": genders,
        "age": [
            None if hidden else age for age, hidden in zip(ages, rng.random(n) < 0.04, strict=True)
        ],
        "location": places,
        "created_at": joined,
        "updated_at": joined,
    }


def behavior_columns(
    config: ShopConfig, products: Products, users: Users, funnel: Funnel, chunk: int
) -> dict[Table, Columns]:
    """The four behavior tables of one chunk, keys left out."""
    rng = np.random.default_rng([config.seed, 6, chunk])
    visits, buys, ratings, reviews = (
        _who_and_what(users, acts)
        for acts in (funnel.visits, funnel.buys, funnel.ratings, funnel.reviews)
    )
    paid = products.prices[funnel.buys.products] * funnel.buys.values
    is_discounted = rng.random(len(paid)) < 0.15
    return {
        VISIT: visits
        | {
            "visit_count": funnel.visits.values.tolist(),
            "visit_date": time_texts(funnel.visits.times),
        },
        BUY: buys
        | {
            "transaction_value": np.where(is_discounted, np.rint(paid * 0.9), paid).tolist(),
            "transaction_date": time_texts(funnel.buys.times),
            "quantity": funnel.buys.values.tolist(),
            "currency": ["IDR"] * len(paid),
        },
        RATING: ratings
        | {
            "rating": funnel.ratings.values.astype(float).tolist(),
            "rating_date": time_texts(funnel.ratings.times),
        },
        REVIEW: reviews
        | {
            "review_text": _review_column(rng, users, funnel.reviews),
            "review_date": time_texts(funnel.reviews.times),
            "rating": funnel.reviews.values.astype(float).tolist(),
        },
    }


def _who_and_what(users: Users, acts: Acts) -> Columns:
    return {
        "user_id": users.ids[acts.users].tolist(),
        "product_id": (acts.products + 1).tolist(),
    }


def _review_column(rng: Generator, users: Users, reviews: Acts) -> list[str]:
    texts = [review_texts(culture.language) for culture in CULTURES]
    places = (reviews.values - 1) * TEXTS_PER_STAR + rng.integers(TEXTS_PER_STAR, size=len(reviews))
    cultures = users.cultures[reviews.users]
    return [
        texts[culture][place]
        for culture, place in zip(cultures.tolist(), places.tolist(), strict=True)
    ]


def _pick(words: tuple[str, ...] | list[str], share: float) -> str:
    return words[int(share * len(words))]


def _numbered(names: list[str]) -> list[str]:
    """The names, those that come again with a number: no two products are called the same."""
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name} No. {seen[name]}")
    return result
