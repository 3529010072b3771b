"""From interactions to a recommender: which trainers a named recipe puts together."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import msgspec
import numpy as np
from msgspec.structs import replace

from .. import __version__
from ..contracts.errors import ConfigError, NothingToLearn
from ..contracts.histories import Histories
from ..contracts.interactions import Interactions
from ..contracts.protocols import Model, Progress, silent
from ..models.rating import RatingModel
from ..models.recommender import Recommender
from ..models.signals import SignalConfig, histories_of, reference_time
from .popularity import fit_popularity
from .puresvd import PureSvdConfig, fit_puresvd
from .svd import SvdConfig, fit_svd


class TrainingConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that training can be told, a struct for each part."""

    signals: SignalConfig = SignalConfig()
    svd: SvdConfig = SvdConfig()
    puresvd: PureSvdConfig = PureSvdConfig()


Ranker = Callable[[Histories, int, TrainingConfig, int, Progress], Model]


def _puresvd(
    histories: Histories, n_items: int, config: TrainingConfig, seed: int, progress: Progress
) -> Model:
    """PureSVD with at most a quarter as many factors as there are items or users.

    With as many factors as items the projection is the identity, which gives back what a user has
    and says nothing of the rest.
    """
    most = max(1, min(len(histories), n_items) // 4)
    fitting = replace(config.puresvd, n_factors=min(config.puresvd.n_factors, most))
    return fit_puresvd(histories, n_items, fitting, seed=seed, progress=progress)


def _popularity(
    histories: Histories, n_items: int, config: TrainingConfig, seed: int, progress: Progress
) -> Model:
    return fit_popularity(histories, n_items)


RECIPES: dict[str, Ranker] = {"svd": _puresvd, "popularity": _popularity}
"""What `--model` can name: how each recipe ranks. Stars always come from the explicit SVD."""


def fit_recommender(
    interactions: Interactions,
    algorithm: str,
    config: TrainingConfig,
    *,
    seed: int,
    data_sha256: str = "",
    now: int | None = None,
    metrics: dict[str, Any] | None = None,
    progress: Progress = silent,
) -> Recommender:
    """Fit the recipe named `algorithm` on all of the interactions.

    `now`, in UTC seconds, is the time from which ages count; `reference_time` unless given.
    Raises ConfigError for a name that is not in `RECIPES`, NothingToLearn where nobody did anything
    that says liking.
    """
    if algorithm not in RECIPES:
        raise ConfigError(f"there is no model {algorithm!r}; choose one of: {', '.join(RECIPES)}")
    now = reference_time(interactions) if now is None else now
    histories = histories_of(interactions, now=now, config=config.signals)
    if not histories.weights.any():
        raise NothingToLearn(
            f"none of the {len(interactions)} behaviors says that a user likes a product: a visit, "
            "a purchase or a good rating is needed, and a weight above 0 in [training.signals]"
        )
    n_items = interactions.n_items
    return Recommender(
        items=interactions.items,
        users=interactions.users,
        ranker=RECIPES[algorithm](histories, n_items, config, seed, progress),
        rater=_fit_rater(histories, interactions, config.svd, seed, progress),
        popularity=fit_popularity(histories, n_items),
        rating_scale=interactions.rating_scale,
        signals=config.signals,
        histories=histories,
        reference_time=now,
        facts={
            "algorithm": algorithm,
            "seed": seed,
            "hyperparameters": msgspec.to_builtins(config),
            "metrics": metrics or {},
            "data": {
                "sha256": data_sha256,
                "n_behaviors": len(interactions),
                "n_users": interactions.n_users,
                "n_items": n_items,
            },
            "libraries": _libraries(),
        },
        run={},
    )


def _fit_rater(
    histories: Histories,
    interactions: Interactions,
    config: SvdConfig,
    seed: int,
    progress: Progress,
) -> RatingModel | None:
    """The explicit SVD on the latest stars of each pair; None where there are none."""
    rated = ~np.isnan(histories.ratings)
    if interactions.rating_scale is None or not rated.any():
        return None
    factors = fit_svd(
        histories.rows[rated].astype(np.int32),
        histories.items[rated],
        histories.ratings[rated],
        interactions.n_users,
        interactions.n_items,
        config,
        scale=interactions.rating_scale,
        seed=seed,
        progress=progress,
    )
    return factors.rating_model(config, interactions.rating_scale)


def _libraries() -> dict[str, str]:
    names = ("numpy", "scipy", "numba")
    ours = {"selera": __version__, "python": platform.python_version()}
    return ours | {name: version(name) for name in names}
