"""The whole way on the simulated shop, judged by the tastes that it hides in no table."""

from pathlib import Path

import numpy as np

from selera.contracts.histories import TopN
from selera.contracts.ids import IdMap
from selera.database import open_engine, snapshot
from selera.etl import load_training_csv, run_etl
from selera.shop import ShopConfig, Truth, hidden_truth, seed_shop
from selera.training import TrainingConfig, fit_recommender

CONFIG = ShopConfig(n_users=600, n_products=400, seed=7)
LIST_LENGTH = 10


def test_lists_hit_the_true_top_categories_twice_as_often_as_popularity(tmp_path: Path) -> None:
    url, csv = f"sqlite:///{tmp_path}/shop.db", tmp_path / "data-training.csv"
    seed_shop(url, CONFIG, overwrite=False)
    engine = open_engine(url)
    try:
        with snapshot(engine) as frozen:
            run_etl(frozen, csv)
    finally:
        engine.dispose()
    interactions = load_training_csv(csv).interactions
    truth = hidden_truth(CONFIG)
    hits = []
    for algorithm in ("svd", "popularity"):
        model = fit_recommender(interactions, algorithm, TrainingConfig(), seed=1)
        lists = model.recommend(model.histories, LIST_LENGTH)
        hits.append(hit_share(truth, interactions.users, interactions.items, lists))
    by_svd, by_popularity = hits
    assert by_svd >= 2 * by_popularity


def hit_share(truth: Truth, users: IdMap, items: IdMap, lists: TopN) -> float:
    """Share of the listed products that lie in their user's true top categories."""
    categories = dict(zip(truth.product_ids.tolist(), truth.product_categories, strict=True))
    liked = dict(zip(truth.user_ids.tolist(), truth.top_categories.tolist(), strict=True))
    hits = [
        categories[items.id(item)] in liked[users.id(user)]
        for user in range(len(lists.items))
        for item, _ in lists.list(user)
    ]
    return float(np.mean(hits))
