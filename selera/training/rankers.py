"""The algorithms that order items, by name."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from ..contracts.protocols import Model, Progress
from .evidence import Evidence
from .popularity import fit_popularity
from .puresvd import fit_puresvd
from .settings import TrainingConfig

Ranker = Callable[[Evidence, TrainingConfig, int, Progress], Model]
"""Learns from evidence with settings, a seed, and somebody to tell how far it is."""


def _puresvd(evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress) -> Model:
    """PureSVD with at most a quarter as many factors as there are items or users.

    With as many factors as items the projection is the identity, which gives back what a user has
    and says nothing of the rest.
    """
    most = max(1, min(len(evidence.histories), evidence.n_items) // 4)
    fitting = replace(config.puresvd, n_factors=min(config.puresvd.n_factors, most))
    return fit_puresvd(evidence.histories, evidence.n_items, fitting, seed=seed, progress=progress)


def _popularity(evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress) -> Model:
    return fit_popularity(evidence.histories, evidence.n_items)


RANKERS: dict[str, Ranker] = {
    "puresvd": _puresvd,
    "popularity": _popularity,
}
"""Every ranker; a recipe names one of them."""
