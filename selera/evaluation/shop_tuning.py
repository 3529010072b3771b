"""Search settings for a shop: temporal validation, and a last look at behaviors never searched on.

The newest tenth of the behaviors is put aside. Of what came before, the last two tenths are each
predicted from all that preceded them; settings are chosen by the mean of both. Then the settings in
use and the best ones found are fitted on all but the tenth put aside, and judged on it, once.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..contracts.behaviors import Behavior
from ..contracts.errors import NothingToLearn
from ..contracts.histories import Histories
from ..contracts.interactions import Interactions
from ..contracts.protocols import Progress, silent
from ..models.signals import histories_of
from ..training.evidence import Evidence, evidence_of
from ..training.list_metrics import list_metrics
from ..training.rankers import RANKERS
from ..training.ranking import rank
from ..training.raters import RATERS, has_ratings
from ..training.settings import TrainingConfig
from ..training.splits import Split, by_popularity, make_splits
from ..training.targets import find_targets, strongest_behavior
from .compatibility import algorithm_of
from .config import EvaluationConfig
from .metrics import Interval, bootstrap_interval, rating_gain, rmse
from .tuning import Limits, Tuned, tune

Kind = Literal["lists", "stars"]

_N_VALIDATIONS = 2


class ShopTuning(msgspec.Struct, frozen=True):
    """What a search for a shop found.

    kind, metric : what was to become better, and by which metric
    settings : the best ones; is_tuned is False where the algorithm has nothing to search
    validation : the metric of the settings in use and of the best ones, on validation
    test : the same on the behaviors put aside, which no trial saw; gain : paired, with its
        interval; both None where there is nothing to judge by
    n_trials, seconds, ended : of the search, and why it ended
    """

    model: str
    algorithm: str
    kind: Kind
    metric: str
    is_tuned: bool
    settings: dict[str, Any] = {}
    validation: tuple[float, float] | None = None
    test: tuple[float, float] | None = None
    gain: Interval | None = None
    n_trials: int = 0
    seconds: float = 0.0
    ended: str = ""

    def toml(self) -> str:
        """The settings as a section of `selera.toml`."""
        lines = [f"{name} = {value!r}" for name, value in self.settings.items()]
        return "\n".join([f"[training.{self.algorithm}]", *lines])


def tune_for_shop(
    interactions: Interactions,
    model: str,
    kind: Kind,
    training: TrainingConfig,
    config: EvaluationConfig,
    limits: Limits,
    *,
    seed: int,
    study_file: Path | None = None,
    study_of: str = "",
    progress: Progress = silent,
) -> ShopTuning:
    """Search the settings of the model's ranker (`lists`) or rater (`stars`).

    study_of : what else names the study in `study_file`: a digest of the data

    Raises ConfigError for an unknown model, NothingToLearn where nothing can be held out.
    """
    algorithm = algorithm_of(model, kind)
    metric = f"ndcg@{config.n}" if kind == "lists" else "rmse"
    outer = next(make_splits(interactions, n_cuts=1, test_share=config.test_share, seed=seed))
    inner = make_splits(outer.train, n_cuts=_N_VALIDATIONS, test_share=config.test_share, seed=seed)
    judging = _Judging(algorithm, kind, strongest_behavior(interactions), config, seed)
    validations = [by_popularity(split, seed) for split in inner]

    def judge(candidate: TrainingConfig, report: Callable[[float], None]) -> float:
        values = []
        for split in validations:
            with suppress(NothingToLearn):  # so early a cut-off may have nothing before it
                values.append(judging.judge(split, candidate).value)
                report(float(np.mean(values)))
        if not values:
            raise NothingToLearn(f"too little happened to search settings for {kind} on")
        return float(np.mean(values))

    tuned = tune(
        algorithm,
        training,
        judge,
        direction="maximize" if kind == "lists" else "minimize",
        limits=limits,
        seed=seed,
        study_file=study_file,
        study_name=f"{algorithm} {metric} seed {seed} {_digest(training, config)} {study_of}",
        keep_when_interrupted=True,
        progress=progress,
    )
    if tuned is None:
        return ShopTuning(model, algorithm, kind, metric, is_tuned=False)
    return _last_look(model, judging, metric, by_popularity(outer, seed), training, tuned)


def _digest(training: TrainingConfig, config: EvaluationConfig) -> str:
    """Of every setting, for trials that were judged by other ones cannot be compared."""
    return sha256(msgspec.json.encode([training, config], order="deterministic")).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class _Scores:
    """One config on one split: its value, and what the paired interval is made of."""

    value: float
    per_user: NDArray[np.float64] | None = None
    predicted: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class _Judging:
    """How one config is judged on one split."""

    algorithm: str
    kind: Kind
    target: Behavior
    config: EvaluationConfig
    seed: int

    def judge(self, split: Split, training: TrainingConfig) -> _Scores:
        """Fit on train, judge on test."""
        histories = histories_of(split.train, now=split.now, config=training.signals)
        evidence = evidence_of(split.train, histories)
        if self.kind == "stars":
            return self._stars(split, evidence, training)
        return self._lists(split, evidence, training)

    def _lists(self, split: Split, evidence: Evidence, training: TrainingConfig) -> _Scores:
        most = self.config.max_users
        targets = find_targets(split, self.target, max_users=most, seed=self.seed)
        if not len(targets.users):
            raise NothingToLearn("no user did anything new in the held-out part of the behaviors")
        model = RANKERS[self.algorithm](evidence, training, self.seed, silent)
        lists = rank(model, evidence.histories.gather(targets.users), self.config.n).items
        n = self.config.n
        per_user = list_metrics(lists, targets.sets, (n,))[f"ndcg@{n}"]
        return _Scores(float(per_user.mean()), per_user=per_user)

    def _stars(self, split: Split, evidence: Evidence, training: TrainingConfig) -> _Scores:
        test = self.rated(split, training)
        if not has_ratings(evidence.histories) or not len(test.items):
            raise NothingToLearn("there are too few ratings to hold some of them out")
        fitted = RATERS[self.algorithm](evidence, training, self.seed, silent)
        predicted = fitted.predict(test.rows.astype(np.int32), test.items, test.ages)
        return _Scores(rmse(predicted, test.ratings), predicted=predicted)

    def rated(self, split: Split, training: TrainingConfig) -> Histories:
        """The latest stars of each held-out pair."""
        test = histories_of(split.test, now=split.now, config=training.signals)
        return test.where(~np.isnan(test.ratings))


def _last_look(
    model: str, judging: _Judging, metric: str, split: Split, training: TrainingConfig, tuned: Tuned
) -> ShopTuning:
    """Both configs on the behaviors put aside, if there is anything to judge by."""
    found = ShopTuning(
        model=model,
        algorithm=judging.algorithm,
        kind=judging.kind,
        metric=metric,
        is_tuned=True,
        settings=tuned.settings,
        validation=(tuned.default, tuned.value),
        n_trials=tuned.n_trials,
        seconds=tuned.seconds,
        ended=tuned.ended,
    )
    try:
        before, after = (judging.judge(split, each) for each in (training, tuned.config))
    except NothingToLearn:
        return found
    if before.per_user is not None and after.per_user is not None:
        gain = bootstrap_interval(after.per_user - before.per_user, seed=judging.seed)
    else:
        assert before.predicted is not None
        assert after.predicted is not None
        test = judging.rated(split, training)
        gain = rating_gain(
            after.predicted, before.predicted, test.ratings, test.rows, seed=judging.seed
        )
    return msgspec.structs.replace(found, test=(before.value, after.value), gain=gain)
