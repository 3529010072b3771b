"""A model file as large as that of a very large shop, of random arrays: nothing is learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from selera.artifact import write_artifact
from selera.contracts.histories import Histories
from selera.contracts.ids import IdMap
from selera.contracts.interactions import RatingScale
from selera.models import Recommender
from selera.models.factor import FactorModel
from selera.models.popularity import PopularityModel
from selera.models.signals import SignalConfig
from tests.serving.served_shop import FIRST_PRODUCT

BEHAVIORS_PER_USER = 5


def write_large_model(
    path: Path, *, n_items: int, n_factors: int, n_users: int, text_ids: bool = False
) -> None:
    """Write a factor model of these sizes, `8 * n_items * n_factors` bytes and a little more."""
    rng = np.random.default_rng(5)
    factors = rng.standard_normal((n_items, n_factors), dtype=np.float32)
    popularity = rng.random(n_items, dtype=np.float32)
    first = FIRST_PRODUCT
    ids = range(first, first + n_items)
    recommender = Recommender(
        items=IdMap.from_ids([f"product-{id}" for id in ids] if text_ids else ids),
        users=IdMap.from_ids(range(1, n_users + 1)),
        ranker=FactorModel(factors, factors[::-1]),
        rater=None,
        popularity=PopularityModel(popularity),
        rating_scale=RatingScale(1.0, 5.0),
        signals=SignalConfig(),
        histories=_histories(n_users, n_items, rng),
        reference_time=1_704_000_000,
        facts={
            "algorithm": "puresvd",
            "settings": {},
            "metrics": {},
            "data": {"sha256": "ab" * 32},
        },
        run={},
    )
    metadata, arrays = recommender.to_parts()
    run = {"version": "large", "trained_at": "2024-01-06T00:00:00Z", "seconds": 0.5}
    write_artifact(path, metadata, arrays, run=run)


def _histories(n_users: int, n_items: int, rng: np.random.Generator) -> Histories:
    n_entries = n_users * BEHAVIORS_PER_USER
    indptr = np.arange(n_users + 1, dtype=np.int64) * BEHAVIORS_PER_USER
    return Histories.plain(indptr, rng.integers(0, n_items, n_entries, dtype=np.int32))
