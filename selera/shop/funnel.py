"""From tastes to behaviors: a user visits, some visits become purchases, some purchases are rated,
some ratings get a review, and what is used up is bought again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from .config import ShopConfig
from .words import CATEGORIES
from .world import Floats, Integers, Products, Users, brand_factors, end_second

N_CANDIDATES = 6
VISIT_SHARE = 0.626
"""Visits drawn per behavior that comes of them, as the funnel turns out on average."""

_DAY_S = 86_400
_HOUR_SHARES = np.array(
    [1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 7, 8, 7, 6, 6, 6, 7, 8, 10, 11, 10, 6, 3], dtype=float
)
_MAX_REPEATS = 12


@dataclass(frozen=True, slots=True)
class Acts:
    """Behaviors of one kind; arrays of length n, in order of time.

    users : positions in the chunk; products : positions in the catalogue; times : UTC seconds
    values : visit counts, quantities or stars
    """

    users: Integers
    products: Integers
    times: Integers
    values: Integers

    def __len__(self) -> int:
        return len(self.users)

    def take(self, chosen: NDArray[np.bool_] | Integers) -> Acts:
        """The acts at these positions, or where a mask is true."""
        return Acts(
            self.users[chosen], self.products[chosen], self.times[chosen], self.values[chosen]
        )

    def sorted(self) -> Acts:
        """The same acts in order of time."""
        return self.take(np.lexsort((self.products, self.users, self.times)))


@dataclass(frozen=True, slots=True)
class Funnel:
    """Everything that the users of one chunk did."""

    visits: Acts
    buys: Acts
    ratings: Acts
    reviews: Acts


def draw_funnel(config: ShopConfig, products: Products, users: Users, chunk: int) -> Funnel:
    """Draw the behaviors of one chunk of users."""
    rng = np.random.default_rng([config.seed, 3, chunk])
    factors, end = brand_factors(config), end_second(config)
    visits, likings = _draw_visits(rng, config, products, users, factors)
    first_buys, first_likings = _draw_buys(rng, visits, likings, end)
    ratings = _draw_ratings(rng, products, users, first_buys, first_likings, end)
    repeats = _draw_repeats(rng, products, first_buys, end)
    reviews = _draw_reviews(rng, ratings, end)
    buys = Acts(
        *(np.concatenate(pair) for pair in zip(_arrays(first_buys), _arrays(repeats), strict=True))
    )
    return Funnel(visits.sorted(), buys.sorted(), ratings.sorted(), reviews.sorted())


def liking(
    products: Products, users: Users, factors: Floats, user: Integers, product: Integers
) -> Floats:
    """How much each user likes each product within its category: brand and price level."""
    brand = np.einsum("...f,...f->...", users.brand_tastes[user], factors[products.brands[product]])
    distance = products.price_levels[product] - users.price_tastes[user]
    result: Floats = brand - 0.35 * np.minimum(distance**2, 6.0)
    return result


def _draw_visits(
    rng: Generator, config: ShopConfig, products: Products, users: Users, factors: Floats
) -> tuple[Acts, Floats]:
    """Each visit sees some products of one category, by popularity, and opens the best liked."""
    mean = config.behaviors_per_user * VISIT_SHARE
    user = np.repeat(np.arange(len(users)), rng.poisson(users.activity * mean))
    times = _draw_times(rng, users.joined[user], end_second(config))
    candidates = _draw_candidates(rng, products, users.category_shares, user)  # (n, N_CANDIDATES)
    likings = liking(products, users, factors, user[:, None], candidates)
    on_sale = products.created[candidates] <= times[:, None]
    noisy = np.where(on_sale, likings + rng.gumbel(size=likings.shape), -np.inf)
    chosen = noisy.argmax(axis=1)
    rows = np.arange(len(user))
    visits = Acts(user, candidates[rows, chosen], times, rng.geometric(0.7, size=len(user)))
    is_possible = on_sale[rows, chosen]
    return visits.take(is_possible), likings[rows, chosen][is_possible]


def _draw_times(rng: Generator, joined: Integers, end: int) -> Integers:
    """Some day since a user has been here, at an hour at which people shop."""
    days = (joined + (end - joined) * rng.random(len(joined))).astype(np.int64) // _DAY_S
    hours = rng.choice(24, size=len(joined), p=_HOUR_SHARES / _HOUR_SHARES.sum())
    times = days * _DAY_S + hours * 3_600 + rng.integers(3_600, size=len(joined))
    result: Integers = np.maximum(times, joined + rng.integers(30, 7_200, size=len(joined)))
    return result


def _draw_candidates(
    rng: Generator, products: Products, category_shares: Floats, user: Integers
) -> Integers:
    """Products of a category that the user cares for, drawn by popularity, (n, N_CANDIDATES)."""
    edges = np.cumsum(category_shares, axis=1)[user]
    category = (edges[:, :-1] < rng.random((len(user), 1))).sum(axis=1)
    ends = np.searchsorted(products.categories, np.arange(products.n_categories), side="right")
    starts = np.concatenate([[0], ends[:-1]])
    heights = np.concatenate([[0.0], np.cumsum(products.popularity)])
    low, high = heights[starts[category]], heights[ends[category]]
    drawn = low[:, None] + (high - low)[:, None] * rng.random((len(user), N_CANDIDATES))
    found = np.searchsorted(heights, drawn, side="right") - 1
    candidates: Integers = np.clip(found, starts[category][:, None], ends[category][:, None] - 1)
    return candidates


def _draw_buys(rng: Generator, visits: Acts, likings: Floats, end: int) -> tuple[Acts, Floats]:
    """What a user likes is bought more often, minutes after the visit."""
    times = visits.times + rng.integers(120, 5_400, size=len(visits))
    is_bought = (rng.random(len(visits)) < 1.0 / (1.0 + np.exp(1.0 - 0.8 * likings))) & (
        times < end
    )
    quantities = rng.geometric(0.75, size=len(visits))
    buys = Acts(visits.users, visits.products, times, quantities).take(is_bought)
    return buys, likings[is_bought]


def _draw_repeats(rng: Generator, products: Products, buys: Acts, end: int) -> Acts:
    """Half of those who bought a consumable buy it again and again, about once per cycle."""
    cycles = np.array([category.cycle_days for category in CATEGORIES]) * _DAY_S
    cycle = cycles[products.categories[buys.products]]
    chosen = _firsts(buys) & (cycle > 0) & (rng.random(len(buys)) < 0.5)
    regulars, cycle = buys.take(chosen), cycle[chosen]
    shape = (len(regulars), _MAX_REPEATS)
    gaps = cycle[:, None] * rng.uniform(0.75, 1.25, size=shape)
    times = regulars.times[:, None] + np.cumsum(gaps, axis=1).astype(np.int64)
    goes_on = np.cumprod(rng.random(shape) < 0.8, axis=1).astype(bool) & (times < end)
    row, _ = np.nonzero(goes_on)
    return Acts(regulars.users[row], regulars.products[row], times[goes_on], regulars.values[row])


def _draw_ratings(
    rng: Generator, products: Products, users: Users, buys: Acts, likings: Floats, end: int
) -> Acts:
    """Some first purchases are rated, days later, between one and five stars."""
    times = buys.times + rng.integers(2 * _DAY_S, 14 * _DAY_S, size=len(buys))
    chosen = _firsts(buys) & (rng.random(len(buys)) < 0.8) & (times < end)
    stars = (
        3.7
        + 0.6 * likings
        + products.quality[buys.products]
        + users.biases[buys.users]
        + rng.normal(0.0, 0.6, size=len(buys))
    )
    values = np.clip(np.rint(stars), 1, 5).astype(np.int64)
    return Acts(buys.users, buys.products, times, values).take(chosen)


def _draw_reviews(rng: Generator, ratings: Acts, end: int) -> Acts:
    """Some ratings get a text, within two days, the more likely the stronger the feeling."""
    times = ratings.times + rng.integers(30, 2 * _DAY_S, size=len(ratings))
    likely = np.where(np.abs(ratings.values - 3) == 2, 0.5, 0.35)
    chosen = (rng.random(len(ratings)) < likely) & (times < end)
    return Acts(ratings.users, ratings.products, times, ratings.values).take(chosen)


def _firsts(buys: Acts) -> NDArray[np.bool_]:
    """Whether a purchase is the user's first of its product."""
    order = np.lexsort((buys.times, buys.products, buys.users))
    user, product = buys.users[order], buys.products[order]
    is_first = np.ones(len(buys), dtype=np.bool_)
    is_first[order[1:]] = (user[1:] != user[:-1]) | (product[1:] != product[:-1])
    return is_first


def _arrays(acts: Acts) -> tuple[Integers, Integers, Integers, Integers]:
    return acts.users, acts.products, acts.times, acts.values
