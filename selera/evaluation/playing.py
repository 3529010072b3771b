"""Play one fold with one model: fit on train, predict or rank the test, judge."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..contracts.errors import DataError
from ..contracts.histories import NO_ITEM, ItemSets
from ..contracts.interactions import RatingScale
from ..contracts.protocols import Model, Progress, silent
from ..models.blend import BlendModel
from ..training.algebra import KERNELS
from ..training.blend import told
from ..training.evidence import Evidence, Holdout
from ..training.list_metrics import list_metrics
from ..training.rankers import RANKERS
from ..training.ranking import rank
from ..training.raters import RATERS
from ..training.settings import TrainingConfig
from .folds import N_NEGATIVES, Fold

_BATCH = 256


@dataclass(frozen=True, slots=True)
class Stars:
    """Per rating of test: who gave it, the truth, the prediction; int64, float32 (n,)."""

    users: NDArray[np.int64]
    actual: NDArray[np.float32]
    predicted: NDArray[np.float32]
    fit_seconds: float
    score_seconds: float


@dataclass(frozen=True, slots=True)
class Lists:
    """The metrics of each user of test, float64 (m,) each; users : int64 (m,)."""

    users: NDArray[np.int64]
    metrics: Mapping[str, NDArray[np.float64]]
    fit_seconds: float
    score_seconds: float
    notes: tuple[str, ...] = ()


def play_stars(
    fold: Fold, rater: str, config: TrainingConfig, *, seed: int, progress: Progress = silent
) -> Stars:
    """Fit the rater on train and predict every rating of test."""
    started = time.perf_counter()
    fitted = RATERS[rater](_star_evidence(fold), config, seed, progress)
    fit_seconds = time.perf_counter() - started
    test = fold.test
    ages = test.ages if fold.order == "times" else None
    predicted = fitted.predict(test.user_rows, test.item_rows, ages)
    return Stars(
        users=test.user_rows.astype(np.int64),
        actual=test.ratings,
        predicted=predicted,
        fit_seconds=fit_seconds,
        score_seconds=time.perf_counter() - started - fit_seconds,
    )


def play_lists(
    fold: Fold,
    ranker: str,
    config: TrainingConfig,
    *,
    seed: int,
    ns: tuple[int, ...],
    with_ages: bool,
    validation: Fold | None = None,
    max_users: int | None = None,
    progress: Progress = silent,
) -> Lists:
    """Fit the ranker on train, and rank for the users of test, for `max_users` of them at most.

    validation : carved from train, for rankers that choose among settings themselves
    """
    evidence = list_evidence(fold, with_ages=with_ages, n_items=fold.n_known_items)
    if validation is not None:
        evidence = _with_holdout(evidence, validation, with_ages=with_ages)
    started = time.perf_counter()
    model = RANKERS[ranker](evidence, config, seed, progress)
    fit_seconds = time.perf_counter() - started
    users, targets = fold.targets()
    if max_users is not None and len(users) > max_users:
        chosen = np.sort(np.random.default_rng(seed).permutation(len(users))[:max_users])
        users, targets = users[chosen], targets.gather(chosen)
    if fold.negatives is None:
        histories = evidence.histories.gather(users)
        lists = rank(model, histories, max(ns)).items
    else:
        lists = _rank_among(model, evidence, fold, users, max(ns), seed)
    return Lists(
        users=users,
        metrics=list_metrics(lists, targets, ns),
        fit_seconds=fit_seconds,
        score_seconds=time.perf_counter() - started - fit_seconds,
        notes=_notes(model),
    )


def list_evidence(fold: Fold, *, with_ages: bool, n_items: int) -> Evidence:
    """The pairs of train, each of weight 1, without their stars."""
    known = np.arange(n_items)
    return Evidence(
        histories=fold.train.histories(fold.n_users, with_ages=with_ages),
        n_items=n_items,
        user_features=fold.user_features,
        item_features=fold.item_features and fold.item_features.gather(known),
    )


def _star_evidence(fold: Fold) -> Evidence:
    train = fold.train
    if np.isnan(train.ratings).any() or np.isnan(fold.test.ratings).any():
        raise DataError("This protocol predicts stars, but some lines give none: add the ratings.")
    low, high = float(train.ratings.min()), float(train.ratings.max())
    if low == high:
        raise DataError(f"Every rating of train is {low:g}: there is nothing to learn from them.")
    return Evidence(
        histories=train.histories(fold.n_users, with_ages=fold.order == "times", with_ratings=True),
        n_items=fold.n_items,
        rating_scale=RatingScale(low, high),
        user_features=fold.user_features,
        item_features=fold.item_features,
    )


def _with_holdout(evidence: Evidence, validation: Fold, *, with_ages: bool) -> Evidence:
    """The evidence with its validation part; held-out items that nobody had before are left out."""
    earlier = list_evidence(validation, with_ages=with_ages, n_items=evidence.n_items)
    known = np.bincount(validation.train.item_rows, minlength=validation.n_items) > 0
    users, targets = _known(validation, known)
    if not len(users):
        return evidence
    holdout = Holdout(
        earlier=earlier, users=users, new=targets, returning_users=users, returning=targets
    )
    return Evidence(
        histories=evidence.histories,
        n_items=evidence.n_items,
        user_features=evidence.user_features,
        item_features=evidence.item_features,
        holdout=holdout,
    )


def _known(fold: Fold, known: NDArray[np.bool_]) -> tuple[NDArray[np.int64], ItemSets]:
    kept = fold.test.where(known[fold.test.item_rows])
    users, starts = np.unique(kept.user_rows.astype(np.int64), return_index=True)
    return users, ItemSets(np.append(starts, len(kept)), kept.item_rows)


def _rank_among(
    model: Model, evidence: Evidence, fold: Fold, users: NDArray[np.int64], n: int, seed: int
) -> NDArray[np.int32]:
    """Lists that hold the item of test at its place among its negatives, int32 (m, n).

    Equal scores stand in random order. An item that train does not know gets the last place.
    """
    assert fold.negatives is not None
    rng = np.random.default_rng(seed)
    asked = np.isin(fold.test.user_rows, users)
    wanted, negatives = fold.test.item_rows[asked], fold.negatives[asked]
    lists = np.full((len(users), n), NO_ITEM, dtype=np.int32)
    for start in range(0, len(users), _BATCH):
        batch = slice(start, min(start + _BATCH, len(users)))
        scores = model.score(evidence.histories.gather(users[batch]), algebra=KERNELS)
        row = np.arange(len(scores))
        others = scores[row[:, None], negatives[batch]]
        is_known = wanted[batch] < scores.shape[1]
        own = scores[row, np.where(is_known, wanted[batch], 0)]
        ties = (others == own[:, None]).sum(axis=1)
        places = (others > own[:, None]).sum(axis=1) + rng.integers(0, ties + 1)
        places = np.where(is_known, places, N_NEGATIVES)
        inside = places < n
        lists[start + row[inside], places[inside]] = wanted[batch][inside]
    return lists


def _notes(model: Model) -> tuple[str, ...]:
    """What a model that chooses for itself chose."""
    return (told(model),) if isinstance(model, BlendModel) else ()
