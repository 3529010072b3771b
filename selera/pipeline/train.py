"""From `data-training.csv` to the published model: judge honestly, fit on all data, publish."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import structlog
from msgspec import Meta

from ..contracts.errors import NothingToLearn
from ..contracts.interactions import Interactions
from ..contracts.protocols import Progress, silent
from ..etl import TrainingData, load_training_csv
from ..evaluation import Evaluation, EvaluationConfig, evaluate, lines
from ..models import Recommender
from ..training import TrainingConfig, fit_recommender, require_recipe
from .locks import await_writer, exclusive
from .publish import publish

log = structlog.get_logger(__name__)

_FIRST = "svd"
_QUICK = ("svd", "puresvd", "popularity", "bias")


class TrainConfig(TrainingConfig, frozen=True, forbid_unknown_fields=True):
    """What is trained: the knobs of the algorithms, and these.

    model : the recipe's name, one of `selera.training.RECIPES`
    seed : of every random choice; the same data and the same seed give the same model
    evaluation : how the recipe is judged before it is published
    """

    model: str = "blend"
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 42
    evaluation: EvaluationConfig = EvaluationConfig()


class TrainReport(msgspec.Struct, frozen=True):
    """What a training did.

    version : the name of the published version
    n_behaviors, n_users, n_items : what it learnt from
    evaluation : None where there was too little to hold something out
    """

    version: str
    model: str
    output: str
    data_sha256: str
    n_behaviors: int
    n_users: int
    n_items: int
    evaluation: Evaluation | None
    seconds: float

    def lines(self) -> list[str]:
        """The report for a person; the last line is the summary."""
        if self.evaluation is None:
            judged = ["Evaluation: not possible, too few behaviors to hold some of them out."]
        else:
            judged = lines(self.evaluation)
        return [
            *judged,
            *self._warning(),
            f"Trained {self.model} on {_counted(self.n_behaviors, 'behavior')} of "
            f"{_counted(self.n_users, 'user')} with {_counted(self.n_items, 'product')} and "
            f"published {self.output} as {self.version} in {self.seconds:.1f} s.",
        ]

    def _warning(self) -> list[str]:
        """What to do where the evaluation is sure that popularity would rank better."""
        results = [] if self.evaluation is None else self.evaluation.results
        gains = [each.gain for each in results if each.model == self.model]
        if not any(gain and gain.high is not None and gain.high < 0 for gain in gains):
            return []
        return [
            f"Warning: {self.model} ranks worse than popularity on this shop. To publish "
            "popularity instead: selera train --model popularity; for every later training, set "
            'model = "popularity" under [training] in selera.toml.'
        ]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain builtins."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun if count == 1 else f'{noun}s'}"


def train(
    data: Path,
    output: Path,
    config: TrainConfig,
    progress: Progress = silent,
    *,
    wait: bool = False,
    settings_sha256: str = "",
) -> TrainReport:
    """Train on the CSV `data` and publish the model as `output`.

    Where there is no model yet, a plain `svd` is published first, which takes a few seconds: the
    shop has answers while the model that was asked for is judged and fitted. `settings_sha256` is
    kept in the model and tells whose settings it has.

    One training at a time: another one of this output is awaited if `wait`, else Busy is raised.
    The CSV is read once the lock is held and no ETL is writing it, so the newest data wins. Raises
    DataError for a CSV that cannot be used and ConfigError for an unknown model; the published file
    is then untouched.
    """
    require_recipe(config.model, config)
    with exclusive(output, "training", wait=wait):
        started = time.perf_counter()
        progress("loading", 0, None)
        await_writer(data)  # the ETL writes the manifest after the CSV
        loaded = load_training_csv(data)
        if config.model not in _QUICK and not output.exists():
            quick = msgspec.structs.replace(config, model=_FIRST)
            _publish(_fit(loaded, quick, None, progress), output, started, settings_sha256="")
        judged = _judge(loaded.interactions, config, progress)
        recommender = _fit(loaded, config, judged, progress)
        if read := recommender.facts["review_text"]:
            log.info("learnt stars from the texts of reviews", **read)
        version = _publish(recommender, output, started, settings_sha256=settings_sha256)
    report = TrainReport(
        version=version,
        model=config.model,
        output=str(output),
        data_sha256=loaded.sha256,
        n_behaviors=len(loaded.interactions),
        n_users=loaded.interactions.n_users,
        n_items=loaded.interactions.n_items,
        evaluation=judged,
        seconds=round(time.perf_counter() - started, 3),
    )
    log.info("trained", model=report.model, version=version, seconds=report.seconds)
    return report


def _publish(
    recommender: Recommender, output: Path, started: float, *, settings_sha256: str
) -> str:
    """Publish a fitted model under a new version, and return that."""
    metadata, arrays = recommender.to_parts()
    return publish(
        output,
        metadata | {"settings_sha256": settings_sha256},
        arrays,
        trained_at=datetime.now(UTC),
        seconds=time.perf_counter() - started,
    )


def _judge(
    interactions: Interactions, config: TrainConfig, progress: Progress
) -> Evaluation | None:
    """The evaluation; None where what is left after holding some behaviors out teaches nothing."""
    try:
        return evaluate(
            interactions,
            [config.model],
            config,
            config.evaluation,
            seed=config.seed,
            progress=lambda stage, done, total: progress(f"judging: {stage}", done, total),
        )
    except NothingToLearn:
        return None


def _fit(
    loaded: TrainingData, config: TrainConfig, judged: Evaluation | None, progress: Progress
) -> Recommender:
    """The model of all data; its metrics leave out what would differ from run to run."""
    metrics = {} if judged is None else _repeatable(judged)
    return fit_recommender(
        loaded.interactions,
        config.model,
        config,
        seed=config.seed,
        data_sha256=loaded.sha256,
        metrics=metrics,
        progress=lambda stage, done, total: progress(f"fitting: {stage}", done, total),
    )


def _repeatable(judged: Evaluation) -> dict[str, Any]:
    """What the evaluation found, without seconds, memory and machine."""
    built: dict[str, Any] = msgspec.to_builtins(judged)
    results = [
        {key: each[key] for key in ("model", "metrics", "slices", "gain", "notes")}
        for each in built["results"]
    ]
    kept = ("protocol", "description", "primary", "baseline", "facts", "definitions")
    return {key: built[key] for key in kept} | {"results": results}
