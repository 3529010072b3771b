"""RetailRocket: which product will each visitor buy next? Every model, and each behavior left out.

The set holds out one later purchase of each user, never of a product that the user had touched.
Models learn from all visits, carts and purchases before it (carts are stored as visits) and rank
the whole catalogue for the user, without what the user has had. Nothing is tuned on these
purchases: settings are the defaults, the blend chooses on the last tenth of what it learns from.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from selera.contracts.behaviors import BUY_CODE, VISIT_CODE
from selera.contracts.histories import ItemSets
from selera.contracts.interactions import Interactions
from selera.evaluation.judging import JudgedLists, judge_lists
from selera.evaluation.metrics import bootstrap_interval, summary
from selera.training import TrainingConfig, fit_recommender
from selera.training.targets import Targets

from .environment import DATA, environment, save
from .shops import imported

NAME = "retailrocket"
SEED = 42
NS = (10, 20)
MODELS = (
    "popularity",
    "svd",
    "ials",
    "gfcf",
    "turbocf",
    "ease",
    "itemknn",
    "rp3beta",
    "covisits",
    "vstan",
    "blend",
)


def run() -> Path:
    """Fit every model on all behaviors, and the blend with one kind of them left out."""
    measured_in = environment()
    shop = imported("retailrocket")
    targets, n_unknown = held_out(shop)
    judged = {model: judge(shop, targets, model) for model in MODELS}
    best = max((name for name in MODELS if name != "blend"), key=lambda name: ndcg(judged[name]))
    visits = shop.behaviors == VISIT_CODE
    without = {
        "without visits and carts": shop.where(~visits),
        "without purchases": shop.where(shop.behaviors != BUY_CODE),
    }
    result: dict[str, Any] = {
        "seed": SEED,
        "n_users": len(targets.users),
        "n_unknown_products": n_unknown,
        "models": {name: row(each) for name, each in judged.items()},
        "blend less the best single model": {
            "best": best,
            "ndcg@10": gain(judged["blend"], judged[best]),
        },
        "blend less popularity": {"ndcg@10": gain(judged["blend"], judged["popularity"])},
        "ablation of the blend": {
            name: row(judge(part, targets, "blend")) for name, part in without.items()
        },
    }
    return save(NAME, f"python -m benchmarks {NAME}", result, measured_in)


def held_out(shop: Interactions) -> tuple[Targets, int]:
    """The later purchases of products that the shop knows, and how many it does not."""
    with (DATA / "retailrocket" / "test_buy.csv").open() as file:
        rows = [(int(row["user"]), int(row["item"])) for row in csv.DictReader(file)]
    known = [
        (shop.users.row(user), shop.items.row(item)) for user, item in rows if item in shop.items
    ]
    known.sort()
    users, items = (np.array(column) for column in zip(*known, strict=True))
    sets = ItemSets(np.arange(len(users) + 1), items.astype(np.int32))
    return Targets(users, sets, len(rows) - len(known)), len(rows) - len(known)


def judge(shop: Interactions, targets: Targets, model: str) -> JudgedLists:
    """The lists of one model, products that the user has touched left out."""
    recommender = fit_recommender(shop, model, TrainingConfig(), seed=SEED)
    print(model, recommender.facts["notes"], flush=True)
    return judge_lists(recommender, targets, "new", NS)


def row(judged: JudgedLists) -> dict[str, Any]:
    """Means with their intervals."""
    found = summary(judged.metrics, seed=SEED)
    return {
        name: [
            round(each.mean, 4),
            each.low and round(each.low, 4),
            each.high and round(each.high, 4),
        ]
        for name, each in found.items()
    }


def ndcg(judged: JudgedLists) -> float:
    return float(judged.metrics["ndcg@10"].mean())


def gain(one: JudgedLists, other: JudgedLists) -> list[float | None]:
    """The paired difference with its interval."""
    found = bootstrap_interval(one.metrics["ndcg@10"] - other.metrics["ndcg@10"], seed=SEED)
    return [
        round(found.mean, 4),
        found.low and round(found.low, 4),
        found.high and round(found.high, 4),
    ]
