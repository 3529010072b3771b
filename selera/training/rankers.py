"""The algorithms that order items, by name."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from ..contracts.errors import ConfigError
from ..contracts.protocols import Model, Progress, silent
from .blend import REBUY, fit_blend
from .covisits import fit_covisits
from .ease import fit_ease
from .evidence import Evidence
from .gfcf import fit_gfcf
from .ials import fit_ials
from .itemknn import fit_itemknn
from .popularity import fit_popularity
from .puresvd import fit_puresvd
from .rebuy import fit_rebuy
from .rp3beta import fit_rp3beta
from .settings import TrainingConfig
from .turbocf import fit_turbocf
from .variants import variants_of
from .vstan import fit_vstan

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


def _rp3beta(evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress) -> Model:
    return fit_rp3beta(evidence.histories, evidence.n_items, config.rp3beta)


def _itemknn(evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress) -> Model:
    return fit_itemknn(evidence.histories, evidence.n_items, config.itemknn)


def _turbocf(evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress) -> Model:
    return fit_turbocf(evidence.histories, evidence.n_items, config.turbocf)


def _covisits(evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress) -> Model:
    return fit_covisits(evidence.histories, evidence.n_items, config.covisits)


def _gfcf(evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress) -> Model:
    """GF-CF, its factors bounded as PureSVD's are: a filter that lets all pass filters nothing."""
    most = max(1, min(len(evidence.histories), evidence.n_items) // 4)
    fitting = replace(config.gfcf, n_factors=min(config.gfcf.n_factors, most))
    return fit_gfcf(evidence.histories, evidence.n_items, fitting, seed=seed, progress=progress)


def _ials(evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress) -> Model:
    """Implicit ALS, its factors bounded as PureSVD's are."""
    most = max(1, min(len(evidence.histories), evidence.n_items) // 4)
    fitting = replace(config.ials, n_factors=min(config.ials.n_factors, most))
    return fit_ials(
        evidence.histories,
        evidence.n_items,
        fitting,
        seed=seed,
        scale=evidence.rating_scale,
        progress=progress,
    ).ranker()


def _ease(evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress) -> Model:
    return fit_ease(evidence.histories, evidence.n_items, config.ease, progress=progress)


def _popularity(evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress) -> Model:
    return fit_popularity(evidence.histories, evidence.n_items, config.popularity)


def _vstan(evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress) -> Model:
    return fit_vstan(evidence.histories, evidence.n_items, config.vstan)


def _rebuy(evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress) -> Model:
    half_life = config.signals.buy_half_life
    return fit_rebuy(evidence.interactions, evidence.n_items, config.rebuy, half_life=half_life)


def require_components(config: TrainingConfig) -> None:
    """Raise ConfigError where the components are none, unknown, twice named, or rebuy alone."""
    known = sorted(set(RANKERS) - {"blend"})
    named = config.blend.components
    if set(named) <= {REBUY} or not set(named) <= set(known) or len(set(named)) < len(named):
        raise ConfigError(
            f"training.blend.components must be some of {', '.join(known)}, each once and "
            f"not {REBUY} alone; got {', '.join(named) or 'none'}"
        )


def _blend(evidence: Evidence, config: TrainingConfig, seed: int, progress: Progress) -> Model:
    """Of the rankers that `training.blend.components` names, see `require_components`."""
    require_components(config)

    def variants(name: str) -> list[TrainingConfig]:
        n_users, n_items = len(evidence.histories), evidence.n_items
        n_pairs = len(evidence.histories.items)
        return variants_of(name, config, n_users=n_users, n_items=n_items, n_pairs=n_pairs)

    def train(name: str, variant: int, part: Evidence) -> Model:
        return RANKERS[name](part, variants(name)[variant], seed, silent)

    return fit_blend(
        evidence, config.blend, train, lambda name: len(variants(name)), progress=progress
    )


RANKERS: dict[str, Ranker] = {
    "puresvd": _puresvd,
    "rp3beta": _rp3beta,
    "itemknn": _itemknn,
    "covisits": _covisits,
    "gfcf": _gfcf,
    "turbocf": _turbocf,
    "ease": _ease,
    "ials": _ials,
    "vstan": _vstan,
    "rebuy": _rebuy,
    "popularity": _popularity,
    "blend": _blend,
}
"""Every ranker; a recipe names one of them."""
