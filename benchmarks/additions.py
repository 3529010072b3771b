"""What is added to the behaviors of a shop: honest events, and floods of fakes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from selera.contracts.behaviors import BEHAVIORS
from selera.contracts.ids import IdMap
from selera.contracts.interactions import Interactions
from selera.training.splits import Split
from selera.training.targets import strongest_behavior

SHARES = (0.01, 0.05, 0.2, 0.6, 0.9)
"""Of fakes among the new behaviors."""
N_PRODUCTS = (1, 30, 300)

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Addition:
    """What comes to an honest part; rows beyond those of the shop are new users and products.

    row : of the table
    user_rows, item_rows : int64 (n,)
    flooded : rows of the products that fakes are of
    copied : places of past behaviors with the same kind and value; None: all of them are of the
        shop's strongest behavior, once or with five stars
    """

    row: str
    user_rows: Rows
    item_rows: Rows
    flooded: Rows
    copied: Rows | None = None


def honest_events(split: Split, rng: np.random.Generator) -> Iterator[Addition]:
    """Nothing, a sale, launches, and an import of users with their pasts."""
    past, new = split.train, split.test
    none, n = np.empty(0, dtype=np.int64), len(new)
    yield Addition("nothing but honest behaviors", none, none, none)
    popular = rng.choice(past.item_rows, min(50, past.n_items // 20))
    half = n // 2
    yield Addition("a sale", rng.choice(new.user_rows, half), rng.choice(popular, half), none)
    for n_launched in (1, 5):
        items = past.n_items + rng.integers(0, n_launched, n // 9)
        yield Addition("a launch", rng.choice(new.user_rows, n // 9), items, none)
    chosen = rng.choice(past.n_users, past.n_users // 3, replace=False)
    copied = np.flatnonzero(np.isin(past.user_rows, chosen))
    users = past.n_users + past.user_rows[copied].astype(np.int64)
    yield Addition("an import", users, past.item_rows[copied].astype(np.int64), none, copied)


def floods(split: Split, rng: np.random.Generator) -> Iterator[Addition]:
    """Fakes of the least popular products, by five users, established and invented ones."""
    past = split.train
    established = np.unique(past.user_rows)
    for share in SHARES:
        n = int(len(split.test) * share / (1 - share))
        for n_products in N_PRODUCTS:
            flooded = past.n_items - 1 - np.arange(min(n_products, past.n_items // 2))
            row = _row(share, n_products)
            few = rng.choice(established, 5)
            invented = past.n_users + np.arange(max(1, n // 4))
            for users, its_row in (
                (few, "any share, by five users"),
                (established, row),
                (invented, row),
            ):
                items = rng.choice(flooded, n)
                yield Addition(its_row, rng.choice(users, n), items, flooded)


def _row(share: float, n_products: int) -> str:
    if n_products == 1:
        return "any share, of one product"
    if share >= 0.6:
        return "60 % or 90 % fakes, of 30 or 300 products"
    of = str(n_products) if share == 0.2 else "30 or 300"
    return f"{100 * share:.0f} % fakes, of {of} products"


def joined(split: Split, addition: Addition, rng: np.random.Generator) -> Interactions:
    """Both parts and the addition, in no order; its times lie anywhere in the new part's."""
    past, new = split.train, split.test
    n = len(addition.user_rows)
    if addition.copied is None:
        behavior = strongest_behavior(past)
        behaviors = np.full(n, BEHAVIORS.index(behavior), dtype=np.uint8)
        values = np.full(n, 5 if behavior == "rating" else 1, dtype=np.float32)
    else:
        behaviors, values = past.behaviors[addition.copied], past.values[addition.copied]
    added = replace(
        past,
        users=_with_more(past.users, addition.user_rows),
        items=_with_more(past.items, addition.item_rows),
        user_rows=addition.user_rows.astype(np.int32),
        item_rows=addition.item_rows.astype(np.int32),
        behaviors=behaviors,
        values=values,
        timestamps=rng.integers(new.timestamps.min(), new.timestamps.max() + 1, n),
    )

    def column(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in (past, new, added)])

    return replace(
        added,
        user_rows=column("user_rows"),
        item_rows=column("item_rows"),
        behaviors=column("behaviors"),
        values=column("values"),
        timestamps=column("timestamps"),
    )


def ordered(data: Interactions) -> Interactions:
    """By user, product and time, as `Interactions` wants it."""
    order = np.lexsort((data.timestamps, data.item_rows, data.user_rows))
    return replace(
        data,
        user_rows=data.user_rows[order],
        item_rows=data.item_rows[order],
        behaviors=data.behaviors[order],
        values=data.values[order],
        timestamps=data.timestamps[order],
    )


def _with_more(ids: IdMap, rows: Rows) -> IdMap:
    """The ids, and made ones up to the last of `rows`."""
    n_more = int(rows.max(initial=-1)) + 1 - len(ids)
    if n_more <= 0:
        return ids
    known = ids.ids(np.arange(len(ids)))
    if ids.kind == "int":
        highest = max(map(int, known))
        return IdMap.from_ids([*map(int, known), *range(highest + 1, highest + 1 + n_more)])
    return IdMap.from_ids([*map(str, known), *(f"added {place}" for place in range(n_more))])
