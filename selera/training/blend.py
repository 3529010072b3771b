"""The blend that a shop gets by default: which rankers, and how much each of them has to say.

On an earlier state of the shop each component is fitted, with each of a few settings where there
are `VARIANTS`, and asked for what users chose next: the best of its settings is kept, and how fast
older items of a history should fade for it. Then the components are weighed against each other, by
the weights under which the choices stand highest (`weighing.py`). Those that have next to nothing
to say are dropped, the rest are fitted on all of the data.

Re-buying is weighed apart, on lists that may hold what a user had before: it says nothing about new
products. With too few held-out choices nothing is learnt and the weights are fixed: a weight learnt
from a hundred purchases is mostly noise. An SVD solver is always among the components.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ..contracts.histories import ItemSets
from ..contracts.protocols import Model, Progress, Scorer, silent
from ..models.blend import BlendModel
from ..models.recent import RecentFirst
from .evidence import Evidence, Holdout
from .list_metrics import list_metrics
from .pool import Pool, gather_pool
from .ranking import rank
from .weighing import learn_weights, pooled_ndcg

Trainer = Callable[[str, int, Evidence], Model]
"""Fits the ranker of this name with its settings of this number on the evidence."""

SVD_SOLVERS = ("ials", "puresvd", "gfcf")
REBUY = "rebuy"
FIXED_WEIGHTS = {"ease": 0.3, "vstan": 0.3, "popularity": 0.3, "puresvd": 0.1, REBUY: 0.1}
"""What the components of these names weigh where too little is known to learn it."""

_REBUY_WEIGHTS = (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
_FADING = (0.0, 0.5, 1.0)
_N = 10
_SOME_USERS = 1500


class BlendConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the blend.

    components : rankers to choose from, the one that answers "similar products" first
    n_candidates : best items of each component that compete for a user while weights are learnt
    least_targets : held-out choices below which the weights are fixed
    max_users : held-out users that weights are learnt from at most
    least_weight : share of the weights below which a component is dropped
    """

    components: tuple[str, ...] = (
        "itemknn",
        "rp3beta",
        "covisits",
        "ials",
        "puresvd",
        "gfcf",
        "ease",
        "vstan",
        "popularity",
        "rebuy",
    )
    n_candidates: Annotated[int, Meta(ge=10, le=10_000)] = 100
    least_targets: Annotated[int, Meta(ge=1)] = 500
    max_users: Annotated[int, Meta(ge=1)] = 5000
    least_weight: Annotated[float, Meta(gt=0.0, le=0.5)] = 0.02


@dataclass(frozen=True, slots=True)
class _Choice:
    """One component as it does best on the holdout."""

    name: str
    variant: int
    fading: float
    weight: float


def fit_blend(
    evidence: Evidence,
    config: BlendConfig,
    train: Trainer,
    n_variants: Callable[[str], int],
    *,
    progress: Progress = silent,
) -> BlendModel:
    """Choose components and weights on `evidence.holdout`, then fit the chosen on all evidence.

    n_variants : how many settings the ranker of a name has to choose from, at least 1
    """
    holdout = evidence.holdout
    n_targets = 0 if holdout is None else len(holdout.new.items)
    if holdout is None or n_targets < config.least_targets:
        choices, n_targets = _fixed(config.components), 0
    else:
        holdout = _drawn(holdout, config.max_users)
        n_targets = len(holdout.new.items)
        with threadpool_limits(1, user_api="blas"):  # the same bytes at any number of threads
            choices = _Trial(holdout, config, train, progress).choices(n_variants)
    components = []
    for done, choice in enumerate(choices):
        progress(f"blend: fitting {choice.name}", done, len(choices))
        model = train(choice.name, choice.variant, evidence)
        components.append(RecentFirst(model, choice.fading))
    return BlendModel(
        names=tuple(choice.name for choice in choices),
        components=tuple(components),
        weights=np.array([choice.weight for choice in choices]),
        n_targets=n_targets,
    )


def told(model: BlendModel) -> str:
    """What was chosen, for people: the heaviest first."""
    order = np.argsort(-model.weights, kind="stable")
    parts = ", ".join(f"{model.names[place]} {model.weights[place]:.2f}" for place in order)
    if model.n_targets == 0:
        return f"{parts}; fixed weights, too few held-out choices to learn them"
    return f"{parts}; chosen on {model.n_targets:,} held-out choices"


def _drawn(holdout: Holdout, most: int) -> Holdout:
    """The same with every k-th user only, where there are more than `most`."""

    def some(n: int) -> NDArray[np.int64]:
        return np.arange(0, n, max(1, -(-n // most)))

    new, returning = some(len(holdout.users)), some(len(holdout.returning_users))
    return replace(
        holdout,
        users=holdout.users[new],
        new=holdout.new.gather(new),
        returning_users=holdout.returning_users[returning],
        returning=holdout.returning.gather(returning),
    )


def _fixed(components: Sequence[str]) -> list[_Choice]:
    """Fixed weights; among the components are a ranker of new products and an SVD."""
    weights = {name: FIXED_WEIGHTS.get(name, 0.0) for name in components}
    others = [name for name in components if name != REBUY]
    if not any(weights[name] for name in others):
        weights |= dict.fromkeys(others, 1.0)
    solvers = [name for name in others if name in SVD_SOLVERS]
    if solvers and not any(weights[name] for name in solvers):
        weights[solvers[0]] = FIXED_WEIGHTS["puresvd"]
    total = sum(weights.values())
    return [_Choice(name, 0, 0.0, each / total) for name, each in weights.items() if each > 0]


@dataclass(frozen=True, slots=True)
class _Trial:
    """The choice among components, settings and weights on one holdout."""

    holdout: Holdout
    config: BlendConfig
    train: Trainer
    progress: Progress

    def choices(self, n_variants: Callable[[str], int]) -> list[_Choice]:
        """The components that have something to say, their weights summing to 1."""
        names = [name for name in self.config.components if name != REBUY]
        tried = []
        for done, name in enumerate(names):
            self.progress(f"blend: trying {name}", done, len(names))
            tried.append(self._best_settings(name, n_variants(name)))
        models = [model for _, model in tried]
        pool = self._pool(models, self.holdout.users, self.holdout.new, hides_seen=True)
        kept, weights = self._weigh(pool, names)
        choices = [
            replace(tried[place][0], weight=float(weight))
            for place, weight in zip(kept, weights, strict=True)
        ]
        if REBUY in self.config.components:
            choices += self._rebuy([models[place] for place in kept], weights)
        total = sum(choice.weight for choice in choices)
        return [replace(choice, weight=choice.weight / total) for choice in choices]

    def _best_settings(self, name: str, n_variants: int) -> tuple[_Choice, RecentFirst]:
        """The settings and the fading under which the ranker alone does best, and that ranker."""
        some = slice(None, None, -(-len(self.holdout.users) // _SOME_USERS))
        histories = self.holdout.earlier.histories.gather(self.holdout.users[some])
        targets = self.holdout.new.gather(np.arange(len(self.holdout.users))[some])
        fadings = _FADING if (histories.ages > 0).any() else (0.0,)
        found: list[tuple[float, _Choice, RecentFirst]] = []
        for variant in range(n_variants):
            model = self.train(name, variant, self.holdout.earlier)
            for fading in fadings:
                ranker = RecentFirst(model, fading)
                lists = rank(ranker, histories, _N).items
                value = float(list_metrics(lists, targets, (_N,))[f"ndcg@{_N}"].mean())
                found.append((value, _Choice(name, variant, fading, 0.0), ranker))
        _, choice, ranker = max(found, key=lambda each: each[0])
        return choice, ranker

    def _pool(
        self,
        models: Sequence[Scorer],
        users: NDArray[np.int64],
        targets: ItemSets,
        *,
        hides_seen: bool,
    ) -> Pool:
        histories = self.holdout.earlier.histories.gather(users)
        return gather_pool(
            models,
            histories,
            targets,
            hidden=np.full(len(histories.items), hides_seen),
            n_candidates=self.config.n_candidates,
        )

    def _weigh(self, pool: Pool, names: Sequence[str]) -> tuple[list[int], NDArray[np.float64]]:
        """Places of the components worth keeping, and their weights.

        The learnt weights, unless one component alone orders the candidates better. An SVD solver,
        the best of them, is always kept.
        """
        least = self.config.least_weight
        weights = learn_weights(pool)
        weights = np.where(weights < min(least, weights.max()), 0.0, weights)
        heard = np.flatnonzero(weights)
        weights[heard] = learn_weights(pool.with_rankers(heard.tolist()))
        singles = np.eye(len(names))
        alone = np.array([pooled_ndcg(pool, each, _N) for each in singles])
        if alone.max() > pooled_ndcg(pool, weights, _N):
            weights = singles[int(alone.argmax())].copy()
        solvers = [place for place, name in enumerate(names) if name in SVD_SOLVERS]
        if solvers and weights[solvers].sum() < least:
            weights[max(solvers, key=lambda place: float(alone[place]))] = least
        kept = np.flatnonzero(weights)
        return kept.tolist(), weights[kept]

    def _rebuy(self, models: Sequence[Scorer], weights: NDArray[np.float64]) -> list[_Choice]:
        """Re-buying with its weight beside the others, [] where lists are better without it."""
        rebuy = self.train(REBUY, 0, self.holdout.earlier)
        pool = self._pool(
            [*models, rebuy],
            self.holdout.returning_users,
            self.holdout.returning,
            hides_seen=False,
        )
        values = [pooled_ndcg(pool, np.append(weights, each), _N) for each in _REBUY_WEIGHTS]
        best = _REBUY_WEIGHTS[int(np.argmax(values))]
        return [_Choice(REBUY, 0, 0.0, best)] if best > 0 else []
