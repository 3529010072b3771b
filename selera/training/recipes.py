"""From interactions to a recommender: what ranks and what predicts stars, by the recipe's name."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

import msgspec

from .. import __version__
from ..contracts.errors import ConfigError, NothingToLearn
from ..contracts.interactions import Interactions
from ..contracts.protocols import Progress, Rater, silent
from ..models.recommender import Recommender
from ..models.signals import histories_of, reference_time
from .evidence import Evidence
from .popularity import fit_popularity
from .rankers import RANKERS
from .raters import RATERS, has_ratings
from .settings import TrainingConfig


class Recipe(msgspec.Struct, frozen=True):
    """What makes the lists and what predicts the stars: names in `RANKERS` and `RATERS`."""

    ranker: str
    rater: str = "svd"


RECIPES = {
    "svd": Recipe("puresvd"),
    "puresvd": Recipe("puresvd"),
    "popularity": Recipe("popularity"),
    "bias": Recipe("popularity", "bias"),
}
"""What `--model` can name."""


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
    evidence = Evidence(
        histories=histories,
        n_items=interactions.n_items,
        rating_scale=interactions.rating_scale,
        user_features=interactions.user_features,
        item_features=interactions.item_features,
    )
    recipe = RECIPES[algorithm]
    return Recommender(
        items=interactions.items,
        users=interactions.users,
        ranker=RANKERS[recipe.ranker](evidence, config, seed, progress),
        rater=_fit_rater(recipe.rater, evidence, config, seed, progress),
        popularity=fit_popularity(histories, evidence.n_items),
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
                "n_items": evidence.n_items,
            },
            "libraries": _libraries(),
        },
        run={},
    )


def _fit_rater(
    name: str, evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress
) -> Rater | None:
    """The rater of everybody; None where nobody rated anything."""
    if evidence.rating_scale is None or not has_ratings(evidence.histories):
        return None
    return RATERS[name](evidence, config, seed, progress).rater()


def _libraries() -> dict[str, str]:
    names = ("numpy", "scipy", "numba")
    ours = {"selera": __version__, "python": platform.python_version()}
    return ours | {name: version(name) for name in names}
