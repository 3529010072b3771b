"""From what a model reached on each fold to its row in the table of results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..training.settings import TrainingConfig
from .folds import Fold
from .metrics import Interval, bootstrap_interval, mae, rating_gain, rating_summary, rmse, summary
from .playing import Lists, Stars
from .results import ModelResult
from .tuning import Tuned

_BOUNDS = {
    "users with 1 to 10": (0, 10),
    "users with 11 to 50": (10, 50),
    "users with more": (50, 0),
}
"""Slices by how many pairs a user has in train: above the first bound, up to the second."""

Sizes = NDArray[np.int64]


@dataclass(slots=True)
class Run:
    """One model on all folds so far, with the settings that were chosen on each."""

    model: str
    algorithm: str
    parts: list[Stars | Lists] = field(default_factory=list)
    tuned: list[Tuned | None] = field(default_factory=list)
    configs: list[TrainingConfig] = field(default_factory=list)
    peak_memory_mib: float = 0.0


def star_row(
    run: Run, baseline: Run, folds: Sequence[Fold], primary: str, seed: int
) -> ModelResult:
    """RMSE and MAE: the mean over the folds, intervals from resamples of the users."""
    parts = [part for part in run.parts if isinstance(part, Stars)]
    others = [part for part in baseline.parts if isinstance(part, Stars)]
    users, actual, predicted = (_joined(parts, name) for name in ("users", "actual", "predicted"))
    pooled = rating_summary(predicted, actual, users, seed=seed)
    means = {
        "rmse": float(np.mean([rmse(part.predicted, part.actual) for part in parts])),
        "mae": float(np.mean([mae(part.predicted, part.actual) for part in parts])),
    }
    gain = None
    if run is not baseline:
        gain = rating_gain(predicted, _joined(others, "predicted"), actual, users, seed=seed)
    sizes = [_sizes(fold)[part.users] for part, fold in zip(parts, folds, strict=True)]
    return _row(
        run,
        metrics={
            name: Interval(mean, pooled[name].low, pooled[name].high)
            for name, mean in means.items()
        },
        slices={
            name: rating_summary(predicted[chosen], actual[chosen], users[chosen], seed=seed)
            for name, chosen in _slices(np.concatenate(sizes)).items()
        },
        gain=gain,
    )


def list_row(
    run: Run, baseline: Run, folds: Sequence[Fold], primary: str, seed: int
) -> ModelResult:
    """The metrics of the lists of one fold; intervals from resamples of the users."""
    (part,) = [part for part in run.parts if isinstance(part, Lists)]
    (other,) = [part for part in baseline.parts if isinstance(part, Lists)]
    gain = None
    if run is not baseline:
        gain = bootstrap_interval(part.metrics[primary] - other.metrics[primary], seed=seed)
    return _row(
        run,
        metrics=summary(part.metrics, seed=seed),
        slices={
            name: summary({key: each[chosen] for key, each in part.metrics.items()}, seed=seed)
            for name, chosen in _slices(_sizes(folds[0])[part.users]).items()
        },
        gain=gain,
    )


def _row(
    run: Run,
    *,
    metrics: dict[str, Interval],
    slices: dict[str, dict[str, Interval]],
    gain: Interval | None,
) -> ModelResult:
    return ModelResult(
        model=run.model,
        settings=_settings(run),
        metrics=metrics,
        slices=slices,
        gain=gain,
        notes=_told(run),
        fit_seconds=round(sum(part.fit_seconds for part in run.parts), 3),
        score_seconds=round(sum(part.score_seconds for part in run.parts), 3),
        peak_memory_mib=round(run.peak_memory_mib, 1),
    )


def _settings(run: Run) -> dict[str, Any]:
    """The section of the algorithm; by fold where there are several and they differ."""
    found = [
        msgspec.to_builtins(section)
        for config in run.configs
        if (section := getattr(config, run.algorithm, None)) is not None
    ]
    if not found:
        return {}
    if all(each == found[0] for each in found):
        return {run.algorithm: found[0]}
    return {f"{run.algorithm}, fold {place}": each for place, each in enumerate(found, 1)}


def _told(run: Run) -> list[str]:
    """How the settings were chosen."""
    chosen = [note for part in run.parts if isinstance(part, Lists) for note in part.notes]
    if chosen:
        return chosen
    tuned = [each for each in run.tuned if each is not None]
    if not tuned:
        return ["settings as they are, not tuned"]
    first, *rest = tuned
    told = (
        f"settings chosen on validation in {first.n_trials} trials, {first.seconds:.0f} s: "
        f"{first.default:.4f} -> {first.value:.4f}"
    )
    return [f"{told} (fold 1; {len(rest)} other folds likewise)" if rest else told]


def _slices(sizes: Sizes) -> dict[str, NDArray[np.bool_]]:
    """Which entries belong to each part; parts without any are left out."""
    found = {
        name: (sizes > low) & ((sizes <= high) | (high == 0))
        for name, (low, high) in _BOUNDS.items()
    }
    found["users unknown to train"] = sizes == 0
    return {name: chosen for name, chosen in found.items() if chosen.any()}


def _sizes(fold: Fold) -> Sizes:
    """Pairs in train of each user row."""
    return np.bincount(fold.train.user_rows, minlength=fold.n_users)


def _joined(parts: Sequence[Stars], name: str) -> NDArray[Any]:
    return np.concatenate([getattr(part, name) for part in parts])
