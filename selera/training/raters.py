"""The algorithms that predict stars, by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..contracts.histories import Histories
from ..contracts.interactions import RatingScale
from ..contracts.protocols import Progress
from .bayes import fit_bayes
from .bias import fit_bias
from .evidence import Evidence, FittedStars, FoldedStars
from .settings import TrainingConfig
from .svd import fit_svd
from .svdpp import fit_svdpp

StarsTrainer = Callable[[Evidence, TrainingConfig, int, Progress], FittedStars]
"""Learns stars from evidence that holds at least one rating."""


def has_ratings(histories: Histories) -> bool:
    """Whether anybody gave stars."""
    return not bool(np.isnan(histories.ratings).all())


def _svd(evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress) -> FittedStars:
    """The explicit SVD on the latest stars of each pair."""
    histories = evidence.histories
    rated = ~np.isnan(histories.ratings)
    return fit_svd(
        histories.rows[rated].astype(np.int32),
        histories.items[rated],
        histories.ratings[rated],
        len(histories),
        evidence.n_items,
        config.svd,
        scale=scale_of(evidence),
        seed=seed,
        progress=progress,
    )


def _svdpp(
    evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress
) -> FittedStars:
    """SVD++ on the latest stars of each pair and on all items of each history."""
    return fit_svdpp(
        evidence.histories,
        evidence.n_items,
        config.svdpp,
        scale=scale_of(evidence),
        seed=seed,
        progress=progress,
    )


def _bias(evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress) -> FittedStars:
    model = fit_bias(evidence.histories, evidence.n_items, scale_of(evidence))
    return FoldedStars(model, evidence.histories)


def _bayes(
    evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress
) -> FittedStars:
    """The Bayesian factorization machine."""
    scale = scale_of(evidence)
    return fit_bayes(evidence, config.bayes, scale=scale, seed=seed, progress=progress)


def scale_of(evidence: Evidence) -> RatingScale:
    """The rating scale of evidence that holds ratings."""
    assert evidence.rating_scale is not None
    return evidence.rating_scale


RATERS: dict[str, StarsTrainer] = {"svd": _svd, "svdpp": _svdpp, "bias": _bias, "bayes": _bayes}
"""Every trainer of stars; a recipe names one of them."""
