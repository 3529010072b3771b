"""From what each split says to one row per model: means over users, intervals, gains, slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ..contracts.histories import ItemSets
from ..training.list_metrics import list_metrics
from ..training.targets import Targets, View
from .config import EvaluationConfig
from .environment import environment
from .judging import JudgedLists, JudgedStars
from .metrics import (
    DEFINITIONS,
    Interval,
    PerUser,
    bootstrap_interval,
    coverage,
    gini,
    rating_summary,
    summary,
)
from .results import Evaluation, ModelResult

YARDSTICKS = "bias"
"""The recipe that fits both yardsticks at once: popularity's lists and the stars of biases."""

BASELINE = "popularity"
_ESTABLISHED = 10

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judged:
    """What one split says of one recipe.

    lists : by view, only those in which somebody could be judged
    new_items : lists of products without history alone; None where none could be judged
    n_users_of_items : int64 (n_items,), training users who have each item
    diversity : mean over some users of how unlike each other the items of a list are
    """

    algorithm: str
    lists: Mapping[View, JudgedLists]
    targets: Mapping[View, Targets]
    new_items: JudgedLists | None
    stars: JudgedStars | None
    n_users_of_items: NDArray[np.int64]
    diversity: float
    settings: Mapping[str, Any]
    notes: Sequence[str]
    fit_seconds: float
    score_seconds: float
    peak_memory_mib: float


def summed(
    judged: Sequence[Judged], config: EvaluationConfig, facts: dict[str, Any], *, seed: int
) -> Evaluation:
    """One evaluation of all recipes; the rows of the yardsticks stand last."""
    primary = f"ndcg@{config.n}"
    yardsticks = [each for each in judged if each.algorithm == YARDSTICKS]
    baseline = _pool(_lists(yardsticks, "new")).metrics.get(primary)
    rows = [
        _row(name, [each for each in judged if each.algorithm == name], primary, baseline, seed)
        for name in dict.fromkeys(each.algorithm for each in judged)
        if name != YARDSTICKS
    ]
    rows += _yardstick_rows(_row(BASELINE, yardsticks, primary, None, seed))
    return Evaluation(
        protocol=facts["split"],
        description=_description(facts),
        primary=primary,
        baseline=BASELINE,
        facts=facts | _counts(yardsticks),
        definitions={
            name: DEFINITIONS[name.partition("@")[0]] for row in rows for name in row.metrics
        },
        results=rows,
        command="",
        environment=environment(),
    )


@dataclass(frozen=True, slots=True)
class _Pool:
    """Users of all splits, each once, and their metrics."""

    users: NDArray[np.int64]
    metrics: PerUser


def _pool(lists: Sequence[JudgedLists]) -> _Pool:
    """The metrics of each user, the mean where several splits judged the same one."""
    lists = [each for each in lists if len(each.users)]
    if not lists:
        return _Pool(np.empty(0, np.int64), {})
    users, place = np.unique(np.concatenate([each.users for each in lists]), return_inverse=True)
    counts = np.bincount(place)
    metrics = {
        name: np.bincount(place, weights=np.concatenate([each.metrics[name] for each in lists]))
        / counts
        for name in lists[0].metrics
    }
    return _Pool(users, metrics)


def _lists(parts: Sequence[Judged], view: View) -> list[JudgedLists]:
    return [part.lists[view] for part in parts if view in part.lists]


def _row(
    name: str, parts: Sequence[Judged], primary: str, baseline: Values | None, seed: int
) -> ModelResult:
    """One recipe's row."""
    pool = _pool(_lists(parts, "new"))
    metrics = summary(pool.metrics, seed=seed) if pool.metrics else {}
    gain = None
    if baseline is not None:
        gain = bootstrap_interval(pool.metrics[primary] - baseline, seed=seed)
    return ModelResult(
        model=name,
        settings=dict(parts[0].settings),
        metrics=metrics | _catalogue(parts, primary) | _stars(parts, seed),
        slices=_slices(parts, seed),
        gain=gain,
        notes=list(parts[0].notes),
        fit_seconds=round(sum(part.fit_seconds for part in parts), 3),
        score_seconds=round(sum(part.score_seconds for part in parts), 3),
        peak_memory_mib=round(max(part.peak_memory_mib for part in parts), 1),
    )


def _yardstick_rows(both: ModelResult) -> list[ModelResult]:
    """Popularity's row of lists, and the row of stars by biases, as far as they were judged."""
    stars = {name: each for name, each in both.metrics.items() if name in ("rmse", "mae")}
    lists = {name: each for name, each in both.metrics.items() if name not in stars}
    popularity = replace(both, metrics=lists, settings={})
    bias = replace(both, model="bias", metrics=stars, slices={}, settings={})
    return [row for row in (popularity, bias) if row.metrics]


def _catalogue(parts: Sequence[Judged], primary: str) -> dict[str, Interval]:
    """What the lists of a split are like together, the mean of the splits: no user's own."""
    n = int(primary.partition("@")[2])
    judged = [part for part in parts if "new" in part.lists]
    if not judged:
        return {}
    lists = [part.lists["new"].lists[:, :n] for part in judged]
    available = [int(np.count_nonzero(part.n_users_of_items)) for part in judged]
    found = {
        f"coverage@{n}": [coverage(*each) for each in zip(lists, available, strict=True)],
        f"gini@{n}": [gini(*each) for each in zip(lists, available, strict=True)],
        f"diversity@{n}": [part.diversity for part in judged],
    }
    return {name: Interval(float(np.mean(each)), None, None) for name, each in found.items()}


def _stars(parts: Sequence[Judged], seed: int) -> dict[str, Interval]:
    """RMSE and MAE over the held-out ratings of all splits."""
    stars = [part.stars for part in parts if part.stars is not None]
    if not stars:
        return {}
    return rating_summary(
        np.concatenate([each.predicted for each in stars]),
        np.concatenate([each.actual for each in stars]),
        np.concatenate([each.users for each in stars]),
        seed=seed,
    )


def _slices(parts: Sequence[Judged], seed: int) -> dict[str, dict[str, Interval]]:
    """Warm and cold users, established and new products, and the views beside the headline's."""
    new = _lists(parts, "new")
    slices = {
        "warm users": [each.where(each.warm) for each in new],
        "cold users": [each.where(~each.warm) for each in new],
        "established products": _by_product(parts, is_established=True),
        "new products": _by_product(parts, is_established=False),
        "products without history": [each for part in parts if (each := part.new_items)],
        "seen products too": _lists(parts, "not bought"),
        "bought products too": _lists(parts, "all"),
    }
    pools = {name: _pool(lists) for name, lists in slices.items()}
    return {name: summary(pool.metrics, seed=seed) for name, pool in pools.items() if pool.metrics}


def _by_product(parts: Sequence[Judged], *, is_established: bool) -> list[JudgedLists]:
    """The same lists, where only targets count that many (or only few) training users have."""
    found = []
    for part in parts:
        if "new" in part.lists:
            lists, sets = part.lists["new"], part.targets["new"].sets
            many = part.n_users_of_items[sets.items] >= _ESTABLISHED
            found.append(_rejudged(lists, sets.where(many == is_established)))
    return found


def _rejudged(lists: JudgedLists, targets: ItemSets) -> JudgedLists:
    """The lists judged by other targets; users without any are left out."""
    rest = lists.where(targets.sizes > 0)
    indptr = np.concatenate([[0], np.cumsum(targets.sizes[targets.sizes > 0])]).astype(np.int64)
    ns = sorted({int(name.partition("@")[2]) for name in lists.metrics})
    return rest.judged_by(list_metrics(rest.lists, ItemSets(indptr, targets.items), ns))


def _counts(yardsticks: Sequence[Judged]) -> dict[str, Any]:
    """How much was judged; the same for every recipe but for who is warm."""
    lists = _lists(yardsticks, "new")
    users = np.concatenate([[], *(each.users for each in lists)])
    stars = [each.stars for each in yardsticks if each.stars is not None]
    return {
        "n_users": len(np.unique(users)),
        "n_warm": len(np.unique(np.concatenate([[], *(each.users[each.warm] for each in lists)]))),
        "n_targets": sum(len(each.targets["new"].sets.items) for each in yardsticks),
        "n_unavailable": sum(each.targets["new"].n_unavailable for each in yardsticks),
        "n_ratings": sum(len(each.actual) for each in stars),
    }


def _description(facts: dict[str, Any]) -> str:
    share = f"{facts['test_share']:.0%}"
    if facts["split"] == "random":
        return (
            f"Random, for want of times: trained without {share} of the pairs, judged on them "
            f"(target: {facts['target']}), the whole catalogue ranked."
        )
    return (
        f"Temporal: trained up to each of {facts['n_cuts']} cut-offs, judged on the {share} of the "
        f"behaviors that came next (target: {facts['target']}), the whole catalogue ranked."
    )
