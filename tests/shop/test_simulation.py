"""The simulated shop: the same for a seed, real in time, learnable, a bit dirty."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from selera.contracts.behaviors import NO_TIME
from selera.contracts.tables import BUY, PRODUCT, RATING, REVIEW, TABLES, USER_PROFILE, VISIT, Table
from selera.database.values import parse_time
from selera.shop import ShopConfig, hidden_truth
from selera.shop.phrases import TEXTS_PER_STAR, review_texts
from selera.shop.seeding import simulate
from selera.shop.storing import Batch
from selera.shop.words import BRANDS, CATEGORIES, CULTURES
from selera.shop.world import USERS_PER_CHUNK, draw_users

SMALL = ShopConfig(n_users=300, n_products=120, seed=7)
CLEAN = ShopConfig(n_users=300, n_products=120, seed=7, dirty_share=0.0)

Columns = dict[str, list[Any]]


def _tables(batches: Iterable[Batch]) -> dict[Table, Columns]:
    tables: dict[Table, Columns] = defaultdict(lambda: defaultdict(list))
    for table, columns in batches:
        for name, values in columns.items():
            tables[table][name] += values
    return tables


@pytest.fixture(scope="module")
def small() -> dict[Table, Columns]:
    return _tables(simulate(SMALL))


@pytest.fixture(scope="module")
def clean() -> dict[Table, Columns]:
    return _tables(simulate(CLEAN))


def test_the_same_seed_makes_the_same_shop_and_another_another() -> None:
    config = ShopConfig(n_users=40, n_products=30)
    first = list(simulate(config))
    assert list(simulate(config)) == first
    assert list(simulate(ShopConfig(n_users=40, n_products=30, seed=1))) != first


def test_every_table_has_every_column_of_the_contract(small: dict[Table, Columns]) -> None:
    for table in TABLES:
        assert small[table].keys() == {column.name for column in table.columns}
        assert len({len(values) for values in small[table].values()}) == 1


def test_each_user_has_about_as_many_behaviors_as_asked_for(clean: dict[Table, Columns]) -> None:
    n_behaviors = sum(len(clean[table]["user_id"]) for table in (VISIT, BUY, RATING, REVIEW))
    assert n_behaviors / CLEAN.n_users == pytest.approx(CLEAN.behaviors_per_user, rel=0.1)
    counts = [len(clean[table]["user_id"]) for table in (VISIT, BUY, RATING, REVIEW)]
    assert counts == sorted(counts, reverse=True)


def test_keys_are_unique_and_users_are_drawn_in_chunks() -> None:
    config = ShopConfig(n_users=2 * USERS_PER_CHUNK + 1, n_products=50, behaviors_per_user=2)
    told: list[tuple[int, int | None]] = []
    batches = list(simulate(config, lambda _, done, total: told.append((done, total))))
    assert [done for done, _ in told] == [0, USERS_PER_CHUNK, 2 * USERS_PER_CHUNK, config.n_users]
    assert max(len(columns["user_id"]) for table, columns in batches if table is USER_PROFILE) == (
        USERS_PER_CHUNK
    )
    tables = _tables(batches)
    assert tables[USER_PROFILE]["user_id"] == list(range(1, config.n_users + 1))
    for table in (VISIT, BUY, RATING, REVIEW):
        keys = tables[table][table.key]
        assert keys == list(range(1, len(keys) + 1))


def test_behaviors_lie_in_the_configured_days(clean: dict[Table, Columns]) -> None:
    for table, name in ((VISIT, "visit_date"), (BUY, "transaction_date"), (RATING, "rating_date")):
        assert min(clean[table][name]) >= "2024-12-29"
        assert "2026-06" <= max(clean[table][name]) < "2026-07"


def test_the_funnel_goes_from_visit_to_purchase_to_rating_to_review(
    clean: dict[Table, Columns],
) -> None:
    visited = _first_times(clean, VISIT, "visit_date")
    bought = _first_times(clean, BUY, "transaction_date")
    rated = _first_times(clean, RATING, "rating_date")
    reviewed = _first_times(clean, REVIEW, "review_date")
    for later, earlier in ((bought, visited), (rated, bought), (reviewed, rated)):
        assert later.keys() <= earlier.keys()
        assert all(earlier[pair] < moment for pair, moment in later.items())
    assert len(rated) == len(clean[RATING]["user_id"]), "a product is rated once"


def _first_times(
    tables: dict[Table, Columns], table: Table, column: str
) -> dict[tuple[int, int], str]:
    first: dict[tuple[int, int], str] = {}
    columns = tables[table]
    for user, product, moment in zip(
        columns["user_id"], columns["product_id"], columns[column], strict=True
    ):
        pair = (user, product)
        first[pair] = min(first.get(pair, moment), moment)
    return first


def test_nothing_is_visited_before_it_is_sold_or_its_visitor_is_there(
    clean: dict[Table, Columns],
) -> None:
    sold = dict(zip(clean[PRODUCT]["product_id"], clean[PRODUCT]["created_at"], strict=True))
    joined = dict(
        zip(clean[USER_PROFILE]["user_id"], clean[USER_PROFILE]["created_at"], strict=True)
    )
    for (user, product), moment in _first_times(clean, VISIT, "visit_date").items():
        assert sold[product] <= moment
        assert joined[user] <= moment


def test_consumables_are_bought_again_and_durables_hardly(clean: dict[Table, Columns]) -> None:
    cycle = {category.name: category.cycle_days for category in CATEGORIES}
    category = dict(zip(clean[PRODUCT]["product_id"], clean[PRODUCT]["category"], strict=True))
    buys = Counter(zip(clean[BUY]["user_id"], clean[BUY]["product_id"], strict=True))
    again: dict[bool, list[int]] = {True: [], False: []}
    for (_, product), times in buys.items():
        again[cycle[category[product]] > 0].append(times)
    assert np.mean(again[True]) > 1.5 * np.mean(again[False])


def test_popularity_has_a_long_tail(clean: dict[Table, Columns]) -> None:
    visits = sorted(Counter(clean[VISIT]["product_id"]).values(), reverse=True)
    tenth = len(clean[PRODUCT]["product_id"]) // 10
    assert sum(visits[:tenth]) > 0.25 * sum(visits)


def test_new_users_and_new_products_have_little_history(clean: dict[Table, Columns]) -> None:
    for table, key in ((USER_PROFILE, "user_id"), (PRODUCT, "product_id")):
        counts = Counter(clean[VISIT][key])
        newest = {
            id
            for id, moment in zip(clean[table][key], clean[table]["created_at"], strict=True)
            if moment > "2026-05-10"
        }
        others = set(clean[table][key]) - newest
        assert newest
        assert np.mean([counts[id] for id in newest]) < 0.5 * np.mean([counts[id] for id in others])


def test_what_users_look_at_shows_what_they_like(clean: dict[Table, Columns]) -> None:
    truth = hidden_truth(CLEAN)
    names = [truth.category_names[position] for position in truth.product_categories]
    assert clean[PRODUCT]["category"] == names
    seen: dict[int, Counter[int]] = defaultdict(Counter)
    for user, product in zip(clean[VISIT]["user_id"], clean[VISIT]["product_id"], strict=True):
        seen[user][int(truth.product_categories[product - 1])] += 1
    active = {user: counts for user, counts in seen.items() if counts.total() >= 20}
    hits = [
        counts.most_common(1)[0][0] == truth.top_categories[user - 1, 0]
        for user, counts in active.items()
    ]
    assert len(active) > 150
    assert np.mean(hits) > 0.9
    assert truth.user_ids.tolist() == clean[USER_PROFILE]["user_id"]
    assert truth.product_ids.tolist() == clean[PRODUCT]["product_id"]


def test_reviews_say_in_words_what_their_stars_say(clean: dict[Table, Columns]) -> None:
    texts_by_star = {
        star: {
            text
            for culture in CULTURES
            for text in review_texts(culture.language)[
                (star - 1) * TEXTS_PER_STAR : star * TEXTS_PER_STAR
            ]
        }
        for star in range(1, 6)
    }
    reviews = clean[REVIEW]
    assert all(
        text in texts_by_star[int(stars)]
        for text, stars in zip(reviews["review_text"], reviews["rating"], strict=True)
    )
    assert len(set(reviews["rating"])) == 5


def test_product_names_are_unique_and_brands_have_a_country(clean: dict[Table, Columns]) -> None:
    products = clean[PRODUCT]
    assert len(set(products["product_name"])) == len(products["product_name"])
    pairs = set(zip(products["brand"], products["source_country"], strict=True))
    assert pairs <= set(BRANDS)
    assert all(price >= 500 and price % 500 == 0 for price in products["price"])


def test_a_few_rows_are_dirty_in_every_way_and_the_rest_are_as_they_were() -> None:
    share = 0.05
    dirty = _tables(simulate(ShopConfig(n_users=300, n_products=120, seed=7, dirty_share=share)))
    clean = _tables(simulate(CLEAN))
    n_changed = n_rows = 0
    for table in (VISIT, BUY, RATING, REVIEW):
        for name, values in clean[table].items():
            changes = [a != b for a, b in zip(dirty[table][name], values, strict=True)]
            n_changed += sum(changes)
        n_rows += len(values)
    assert n_changed / n_rows == pytest.approx(share, rel=0.1)
    assert min(dirty[VISIT]["visit_count"]) < 0
    assert min(dirty[BUY]["transaction_value"]) < 0
    assert max(dirty[RATING]["rating"]) > 5
    assert None in dirty[REVIEW]["user_id"]
    assert set(dirty[BUY]["product_id"]) - set(dirty[PRODUCT]["product_id"])
    assert any(parse_time(moment) is None for moment in dirty[REVIEW]["review_date"])
    assert all(parse_time(moment) not in (None, NO_TIME) for moment in clean[REVIEW]["review_date"])


@pytest.mark.parametrize(("n_users", "n_products"), [(1, 1), (1, 2), (3, 21), (30, 1)])
def test_the_smallest_shops_are_shops(n_users: int, n_products: int) -> None:
    config = ShopConfig(n_users=n_users, n_products=n_products)
    tables = _tables(simulate(config))
    assert len(tables[USER_PROFILE]["user_id"]) == n_users
    assert len(tables[PRODUCT]["product_id"]) == n_products
    assert hidden_truth(config).top_categories.shape == (n_users, min(3, n_products))


def test_a_shop_in_which_nobody_does_anything_is_empty() -> None:
    tables = _tables(simulate(ShopConfig(n_users=5, n_products=5, behaviors_per_user=0)))
    assert tables[VISIT]["user_id"] == tables[BUY]["user_id"] == []


def test_users_of_one_culture_like_more_of_the_same_categories_than_others() -> None:
    users = draw_users(ShopConfig(n_users=2_000, n_products=120, seed=7), 0, len(CATEGORIES))
    likes = np.zeros((len(users), len(CATEGORIES)))
    np.put_along_axis(likes, users.top_categories, 1.0, axis=1)
    shared = likes @ likes.T
    same = users.cultures[:, None] == users.cultures
    others = ~np.eye(len(users), dtype=np.bool_)
    assert shared[same & others].mean() > 1.1 * shared[~same].mean()
