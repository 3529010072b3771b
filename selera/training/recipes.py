"""From interactions to a recommender: what ranks and what predicts stars, by the recipe's name."""

from __future__ import annotations

import platform
from dataclasses import replace
from importlib.metadata import version
from typing import Any

import msgspec

from .. import __version__
from ..contracts.errors import ConfigError, NothingToLearn
from ..contracts.interactions import Interactions
from ..contracts.protocols import Progress, Rater, silent
from ..models.blend import BlendModel
from ..models.recommender import Recommender
from ..models.signals import histories_of, reference_time
from .blend import told
from .cold_start import fit_cold_start
from .evidence import Evidence, evidence_of
from .holdout import hold_out
from .popularity import fit_popularity
from .rankers import RANKERS, require_components
from .raters import RATERS, has_ratings
from .retrieval import with_index
from .review_stars import read_reviews
from .settings import TrainingConfig


class Recipe(msgspec.Struct, frozen=True):
    """What makes the lists and what predicts the stars: names in `RANKERS` and `RATERS`."""

    ranker: str
    rater: str = "svd"


RECIPES = {
    "blend": Recipe("blend"),
    "svd": Recipe("puresvd"),
    "svdpp": Recipe("puresvd", "svdpp"),
    "bayes": Recipe("puresvd", "bayes"),
    "puresvd": Recipe("puresvd"),
    "ials": Recipe("ials"),
    "rp3beta": Recipe("rp3beta"),
    "itemknn": Recipe("itemknn"),
    "covisits": Recipe("covisits"),
    "gfcf": Recipe("gfcf"),
    "turbocf": Recipe("turbocf"),
    "ease": Recipe("ease"),
    "vstan": Recipe("vstan"),
    "rebuy": Recipe("rebuy"),
    "popularity": Recipe("popularity"),
    "bias": Recipe("popularity", "bias"),
}
"""What `--model` can name."""


def require_recipe(algorithm: str, config: TrainingConfig) -> None:
    """Raise ConfigError for a recipe that there is not, or a blend of what there is not."""
    if recipe_of(algorithm).ranker == "blend":
        require_components(config)


def recipe_of(algorithm: str) -> Recipe:
    """The recipe of this name. Raises ConfigError, listing the known ones, where there is none."""
    if algorithm not in RECIPES:
        raise ConfigError(f"there is no model {algorithm!r}; choose one of: {', '.join(RECIPES)}")
    return RECIPES[algorithm]


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
    Raises ConfigError as `recipe_of`, NothingToLearn where nobody did anything
    that says liking.
    """
    recipe = recipe_of(algorithm)
    now = reference_time(interactions) if now is None else now
    raw = interactions
    interactions, review_text, read = read_reviews(raw, config.review_text, seed=seed)
    histories = histories_of(interactions, now=now, config=config.signals)
    if not histories.weights.any():
        raise NothingToLearn(
            f"none of the {len(interactions)} behaviors says that a user likes a product: a visit, "
            "a purchase or a good rating is needed, and a weight above 0 in [training.signals]"
        )
    evidence = replace(
        evidence_of(interactions, histories),
        holdout=hold_out(raw, config, seed=seed) if recipe.ranker == "blend" else None,
    )
    ranker = RANKERS[recipe.ranker](evidence, config, seed, progress)
    return Recommender(
        items=interactions.items,
        users=interactions.users,
        ranker=with_index(ranker, seed=seed),
        rater=_fit_rater(recipe.rater, evidence, config, seed, progress),
        popularity=fit_popularity(histories, evidence.n_items, config.popularity),
        rating_scale=interactions.rating_scale,
        signals=config.signals,
        histories=histories,
        reference_time=now,
        facts={
            "algorithm": algorithm,
            "seed": seed,
            "hyperparameters": msgspec.json.decode(msgspec.json.encode(config)),
            "metrics": metrics or {},
            "notes": [told(ranker)] if isinstance(ranker, BlendModel) else [],
            "data": {
                "sha256": data_sha256,
                "n_behaviors": len(interactions),
                "n_users": interactions.n_users,
                "n_items": evidence.n_items,
            },
            "review_text": read,
            "libraries": _libraries(),
        },
        run={},
        cold_start=fit_cold_start(evidence, config),
        review_text=review_text,
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
