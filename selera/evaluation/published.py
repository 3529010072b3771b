"""Run models under a protocol of the published tables, and sum up what they reached.

For each model and each fold, settings are chosen on a part carved from the fold's train; then the
model is fitted on all of that train and judged on the test, once.
"""

from __future__ import annotations

import resource
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..contracts.pairs import PlainData
from ..contracts.protocols import Progress, silent
from ..training.settings import TrainingConfig
from .compatibility import Carve, PlainProtocol, algorithm_of, carver, protocol_named
from .environment import environment
from .folds import Fold
from .metrics import DEFINITIONS, rmse
from .order import looks_ordered
from .playing import Lists, Stars, play_lists, play_stars
from .results import Evaluation
from .scoring import Run, list_row, star_row
from .tuning import Limits, require_optuna, tune

BASELINES = {"stars": "bias", "lists": "popularity"}
_USERS_TO_TUNE_ON = 5000


class Ask(msgspec.Struct, frozen=True):
    """What is asked of a protocol.

    protocol : a name in `PROTOCOLS`; models : names of recipes, rankers or raters
    limits : of the search for settings; time is shared by all models and folds
    use_order : let models see times, or places where there are none, in a protocol that has not
        them by default
    """

    protocol: str
    models: tuple[str, ...]
    limits: Limits = Limits()
    use_order: bool = False
    seed: int = 42


def evaluate_published(
    data: PlainData, ask: Ask, training: TrainingConfig, *, progress: Progress = silent
) -> Evaluation:
    """Judge the models and the baseline.

    Raises ConfigError for names that nobody knows, DataError where the data do not fit.
    """
    protocol = protocol_named(ask.protocol)
    baseline = BASELINES[protocol.kind]
    models = dict.fromkeys([*ask.models, baseline])
    runs = [Run(model, algorithm_of(model, protocol.kind)) for model in models]
    if ask.limits.n_trials:
        require_optuna()
    is_ordered = protocol.files == "train and test" and _is_ordered(data, ask.seed)
    carve = carver(protocol, is_ordered=is_ordered)
    folds = list(protocol.cut(data, ask.seed))
    limits = ask.limits.share(len(folds) * len(ask.models))
    for place, fold in enumerate(folds):
        task = Task(fold, protocol, carve, limits, ask, training)
        for run in runs:
            progress(f"evaluate {run.model}", place, len(folds))
            task.play(run, progress)
            progress(f"evaluate {run.model}", place + 1, len(folds))
    return _evaluation(data, ask, protocol, folds, runs, is_ordered=is_ordered)


@dataclass(frozen=True, slots=True)
class Task:
    """One fold to play models on."""

    fold: Fold
    protocol: PlainProtocol
    carve: Carve
    limits: Limits
    ask: Ask
    training: TrainingConfig

    def play(self, run: Run, progress: Progress) -> None:
        """Choose settings on the validation part, fit on all of train, judge on test once."""
        validation = self.carve(self.fold, self.ask.seed)
        judge = partial(self._judge, validation, run.algorithm)
        tuned = tune(
            run.algorithm,
            self.training,
            lambda config, _report: judge(config),
            direction="minimize" if self.protocol.kind == "stars" else "maximize",
            limits=self.limits,
            seed=self.ask.seed,
            progress=progress,
        )
        config = tuned.config if tuned else self.training
        run.parts.append(self._play(self.fold, run.algorithm, config, validation))
        run.tuned.append(tuned)
        run.configs.append(config)
        run.peak_memory_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    def _judge(self, validation: Fold, algorithm: str, config: TrainingConfig) -> float:
        played = self._play(validation, algorithm, config, None, max_users=_USERS_TO_TUNE_ON)
        if isinstance(played, Stars):
            return rmse(played.predicted, played.actual)
        return float(played.metrics[self.protocol.primary].mean())

    def _play(
        self,
        fold: Fold,
        algorithm: str,
        config: TrainingConfig,
        validation: Fold | None,
        max_users: int | None = None,
    ) -> Stars | Lists:
        if self.protocol.kind == "stars":
            return play_stars(fold, algorithm, config, seed=self.ask.seed)
        return play_lists(
            fold,
            algorithm,
            config,
            seed=self.ask.seed,
            ns=self.protocol.ns,
            with_ages=self.ask.use_order,
            validation=validation,
            max_users=max_users,
        )


def _is_ordered(data: PlainData, seed: int) -> bool:
    """Whether the pairs of train stand in the order of time, as far as train alone tells."""
    if data.order == "times":
        return True
    ranks: NDArray[np.int64] = np.argsort(data.items.to_arrays()["order"])
    return looks_ordered(data.train, len(data.users), len(data.items), ranks, seed=seed)


def _evaluation(
    data: PlainData,
    ask: Ask,
    protocol: PlainProtocol,
    folds: Sequence[Fold],
    runs: Sequence[Run],
    *,
    is_ordered: bool,
) -> Evaluation:
    baseline = next(run for run in runs if run.model == BASELINES[protocol.kind])
    make_row = star_row if protocol.kind == "stars" else list_row
    rows = [make_row(run, baseline, folds, protocol.primary, ask.seed) for run in runs]
    with_order = ask.use_order and protocol.kind == "lists"
    return Evaluation(
        protocol=f"{ask.protocol}, with order" if with_order else ask.protocol,
        description=protocol.described(data.order),
        primary=protocol.primary,
        baseline=baseline.model,
        facts=_facts(data, ask, protocol, folds, is_ordered=is_ordered),
        definitions={
            name: DEFINITIONS[name.partition("@")[0]] for row in rows for name in row.metrics
        },
        results=rows,
        command="",
        environment=environment(),
    )


def _facts(
    data: PlainData, ask: Ask, protocol: PlainProtocol, folds: Sequence[Fold], *, is_ordered: bool
) -> dict[str, Any]:
    """Counts of what was judged, and of what could not be known."""
    unknown = [~np.isin(fold.test.item_rows, fold.train.item_rows) for fold in folds]
    strangers = [~np.isin(fold.test.user_rows, fold.train.user_rows) for fold in folds]
    facts: dict[str, Any] = {
        "n_users": len(data.users),
        "n_items": len(data.items),
        "n_folds": len(folds),
        "n_train_pairs": len(folds[0].train),
        "n_test_pairs": sum(len(fold.test) for fold in folds),
        "n_test_pairs_of_unknown_items": int(sum(each.sum() for each in unknown)),
        "n_test_pairs_of_unknown_users": int(sum(each.sum() for each in strangers)),
        "n_repeated_lines": data.n_repeated,
        "seed": ask.seed,
        "trials": ask.limits.n_trials,
        "validation": "a random tenth of train",
    }
    if protocol.files == "train and test":
        facts["lines"] = "in order of time" if is_ordered else "in no order that means something"
        if is_ordered:
            facts["validation"] = "the last tenth of each user's line in train"
    if protocol.is_deprecated:
        facts["validation"] = "one item of each user in train among 100 others"
        facts["deprecated"] = "sampled metrics order models differently from full ranking"
    return facts
