"""From `data-training.csv` to the published model: judge honestly, fit on all data, publish.

Between the fit and the publication stands the gate (`gate.py`). A model that it holds back becomes
a version that is not published.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import structlog
from msgspec import Meta

from ..artifact import verify_artifact
from ..contracts.errors import ArtifactError, Kept, NothingToLearn
from ..contracts.interactions import Interactions
from ..contracts.protocols import Progress, silent
from ..etl import TrainingData, load_training_csv
from ..evaluation import Evaluation, EvaluationConfig, evaluate
from ..models import Recommender
from ..serving.slot import ModelSlot
from ..state import DecisionAction, Decisions, Experiments
from ..training import TrainingConfig, fit_recommender, require_recipe
from ..training.targets import strongest_behavior
from .gate import GateConfig, Verdict, content_facts, judge_recipe
from .locks import await_writer, exclusive
from .new_behaviors import judge_new_behaviors
from .publish import keep_aside, publish
from .report import TrainReport
from .versions import record, tidy

__all__ = ["STOPGAP", "TrainConfig", "TrainReport", "train"]

log = structlog.get_logger(__name__)

_FIRST = "svd"
_QUICK = ("svd", "puresvd", "popularity", "bias")
STOPGAP = "stopgap"
"""What the metadata of a model that was made in haste says."""


class TrainConfig(TrainingConfig, frozen=True, forbid_unknown_fields=True):
    """What is trained: the knobs of the algorithms, and these.

    model : the recipe's name, one of `selera.training.RECIPES`
    seed : of every random choice; the same data and the same seed give the same model
    keep_versions : versions that stay under `models/`, the published one included
    evaluation : how the recipe is judged before it is published
    gate : when the model may be published
    """

    model: str = "blend"
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 42
    keep_versions: Annotated[int, Meta(ge=1)] = 5
    evaluation: EvaluationConfig = EvaluationConfig()
    gate: GateConfig = GateConfig()


def train(
    data: Path,
    output: Path,
    config: TrainConfig,
    progress: Progress = silent,
    *,
    wait: bool = False,
    settings_sha256: str = "",
    book: Decisions | None = None,
    force: bool = False,
    experiments: Experiments | None = None,
) -> TrainReport:
    """Train on the CSV `data` and publish the model as `output`, if the gate lets it pass.

    Where there is no model yet, a plain `svd` is published first, which takes a few seconds: the
    shop has answers while the model that was asked for is judged and fitted. `settings_sha256` is
    kept in the model and tells whose settings it has. What is decided goes into the `book`; with
    `force` the gate is not asked. In the end the oldest versions are removed, but none that one of
    the `experiments` answers with by then.

    One training at a time: another one of this output is awaited if `wait`, else Busy is raised.
    The CSV is read once the lock is held and no ETL is writing it, so the newest data wins. Raises
    DataError for a CSV that cannot be used, ConfigError for an unknown model, and Kept where the
    gate holds the model back, which then lies under `models/`; the published file is untouched.
    """
    require_recipe(config.model, config)
    with exclusive(output, "training", progress, wait=wait):
        started = time.perf_counter()
        progress("loading", 0, None)
        await_writer(data)  # the ETL writes the manifest after the CSV
        loaded = load_training_csv(data)
        run = _Run(loaded, output, config, progress, started, settings_sha256, book)
        champion = _champion(output, force=force)
        if config.model not in _QUICK and not output.exists():
            run.publish_stopgap()
        judged = run.judge()
        recommender, verdict = run.contest(champion, judged)
        version = run.release(recommender, champion, verdict)
        tidy(output, book, experiments, keep_versions=config.keep_versions, written=version)
    if not verdict.is_good:
        raise Kept(_kept_message(version, verdict, champion, output))
    report = TrainReport(
        version=version,
        model=config.model,
        output=str(output),
        data_sha256=loaded.sha256,
        n_behaviors=len(loaded.interactions),
        n_users=loaded.interactions.n_users,
        n_items=loaded.interactions.n_items,
        gate=verdict,
        evaluation=judged,
        seconds=round(time.perf_counter() - started, 3),
    )
    log.info("trained", model=report.model, version=version, seconds=report.seconds)
    return report


@dataclass(frozen=True, slots=True)
class _Champion:
    """What is published now; where `model` is None, why nothing is compared with it."""

    version: str | None
    model: Recommender | None
    reason: str = ""

    @property
    def trained_at(self) -> int:
        """When it was trained, in UTC seconds; far in the future where it does not say."""
        assert self.model is not None
        try:
            return int(datetime.fromisoformat(self.model.trained_at).timestamp())
        except ValueError:
            return 2**62


def _champion(output: Path, *, force: bool) -> _Champion:
    """The published model, as far as it is to be beaten."""
    if not output.exists():
        return _Champion(None, None, "it is the first model")
    try:
        artifact = verify_artifact(output)  # a disk may have changed what only computing would see
        ModelSlot(output).current()  # refuses what cannot answer
        # Compiled kernels take no read-only arrays, and those of a mapped file are.
        arrays = {name: array.copy() for name, array in artifact.arrays.items()}
        model = Recommender.from_parts(artifact.metadata, arrays, artifact.run)
    except ArtifactError as error:
        log.warning("the published model cannot be compared with", reason=str(error))
        return _Champion(None, None, "the published model cannot be opened")
    if force:
        return _Champion(model.version, None, "published by force, without a comparison")
    if model.facts.get(STOPGAP):
        return _Champion(model.version, None, "the published model was made in haste")
    return _Champion(model.version, model)


def _kept_message(version: str, verdict: Verdict, champion: _Champion, output: Path) -> str:
    return (
        f"the new model was kept aside as {version}, and {output} stays {champion.version}: "
        f"{verdict.reason}. Look at the data; to publish it all the same: selera models promote "
        f"{version}, or train with --force"
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """One training, from the loaded data on."""

    loaded: TrainingData
    output: Path
    config: TrainConfig
    progress: Progress
    started: float
    settings_sha256: str
    book: Decisions | None

    def publish_stopgap(self) -> None:
        """A model that is ready in seconds."""
        quick = msgspec.structs.replace(self.config, model=_FIRST)
        recommender = _fit(self.loaded, quick, None, self.progress)
        version = publish(
            self.output,
            self._metadata(recommender) | {STOPGAP: True, "settings_sha256": ""},
            recommender.to_parts()[1],
            **self._times(),
        )
        reason = "there was no model yet, and this one is made in haste"
        record(self.book, version, "published", reason, champion=None)

    def judge(self) -> Evaluation | None:
        """The evaluation that the model file will tell of."""
        return _judge(self.loaded.interactions, self.config, self.progress)

    def contest(
        self, champion: _Champion, judged: Evaluation | None
    ) -> tuple[Recommender, Verdict]:
        """The model of all data, and whether it may be published."""
        interactions, config = self.loaded.interactions, self.config
        ruling = None
        if champion.model is not None:
            ruling = judge_recipe(
                champion.model,
                interactions,
                config,
                trained_at=champion.trained_at,
                progress=self.progress,
            )
        recommender = _fit(self.loaded, config, judged, self.progress)
        if read := recommender.facts["review_text"]:
            log.info("learnt stars from the texts of reviews", **read)
        if ruling is None or champion.model is None:
            return recommender, Verdict(True, champion.reason)
        behavior = strongest_behavior(interactions)
        verdict = judge_new_behaviors(ruling, champion.model, recommender, config, behavior)
        return recommender, verdict

    def release(self, recommender: Recommender, champion: _Champion, verdict: Verdict) -> str:
        """Publish the model or keep it aside, and write that into the book."""
        parts = self._metadata(recommender), recommender.to_parts()[1]
        write = publish if verdict.is_good else keep_aside
        version = write(self.output, *parts, **self._times())
        found = verdict.duel
        compared = (
            {}
            if found is None
            else {
                "relative_difference": found.difference.mean,
                "low": found.difference.low,
                "high": found.difference.high,
                "metric": found.metric,
                "n_users": found.n_users,
            }
        )
        action: DecisionAction = "published" if verdict.is_good else "kept_aside"
        record(self.book, version, action, verdict.reason, champion=champion.version, **compared)
        return version

    def _metadata(self, recommender: Recommender) -> dict[str, Any]:
        metadata, _ = recommender.to_parts()
        data = metadata["data"] | content_facts(self.loaded.interactions)
        return metadata | {"settings_sha256": self.settings_sha256, "data": data}

    def _times(self) -> dict[str, Any]:
        return {"trained_at": datetime.now(UTC), "seconds": time.perf_counter() - self.started}


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
