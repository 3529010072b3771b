"""Search the settings of one algorithm with Optuna's TPE, on a validation part, never on test.

What the config says is judged first, as it is, and kept where no trial is better: the best is never
worse there. A search ends after its trials, after its time, after `patience` trials without gain,
or where the caller is interrupted; what was found until then is kept. Bergstra et al. 2011,
"Algorithms for hyper-parameter optimization", section 4 (tree-structured Parzen estimators).
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ..contracts.errors import ConfigError, DataError
from ..contracts.protocols import Progress, silent
from ..training.settings import TrainingConfig
from .spaces import Knob, space_of, with_settings

if TYPE_CHECKING:
    import optuna

Judge = Callable[[TrainingConfig, Callable[[float], None]], float]
"""Fits with a config and returns its value on validation; is to report the value so far after each
of its parts, and may be stopped there where the part says that the trial is a poor one."""


_N_SEEDS = 2**32
_JUDGED = "judged settings"
"""The attribute of the trial of the given config; its settings are not rounded."""


class Limits(msgspec.Struct, frozen=True):
    """When a search ends: after so many trials, so many seconds, so many trials without gain.

    The given config is the first of the trials.
    """

    n_trials: int = 15
    seconds: float | None = None
    patience: int = 30

    def share(self, parts: int) -> Limits:
        """The limits of one of several searches."""
        seconds = None if self.seconds is None else self.seconds / max(parts, 1)
        return Limits(self.n_trials, seconds, self.patience)


@dataclass(frozen=True, slots=True)
class Tuned:
    """What a search found.

    config : with the best settings; settings : those of them that were searched
    value, default : on validation, of the best trial and of the given config
    n_trials : finished ones, those of an earlier run of the same study included
    """

    config: TrainingConfig
    settings: dict[str, Any]
    value: float
    default: float
    n_trials: int
    seconds: float
    ended: Literal["trials", "time", "patience", "interrupted"]


def tune(
    algorithm: str,
    config: TrainingConfig,
    judge: Judge,
    *,
    direction: Literal["maximize", "minimize"],
    limits: Limits,
    seed: int,
    study_file: Path | None = None,
    study_name: str = "selera",
    keep_when_interrupted: bool = False,
    progress: Progress = silent,
) -> Tuned | None:
    """Search the settings of `algorithm`; None where there is nothing to search.

    study_file : where trials are kept, so that the same search goes on from there; `study_name` is
        to say the data and the rules of the search, for trials of other ones cannot be compared
    """
    space = space_of(algorithm, config)
    if not space or limits.n_trials < 1:
        return None
    started = time.perf_counter()
    study = _open_study(study_file, study_name, direction, seed)
    progress(f"tune {algorithm}", len(_finished(study)), limits.n_trials)
    given = {name: getattr(getattr(config, algorithm), name) for name in space}
    default = _value_of(given, study, space, lambda report: judge(config, report))
    ended: Literal["trials", "time", "patience", "interrupted"] = "trials"
    try:
        while (done := len(_finished(study))) < limits.n_trials:
            progress(f"tune {algorithm}", done, limits.n_trials)
            if limits.seconds is not None and time.perf_counter() - started > limits.seconds:
                ended = "time"
                break
            if _since_best(study) >= limits.patience:
                ended = "patience"
                break
            _try(study, space, config, algorithm, judge)
    except KeyboardInterrupt:
        if not keep_when_interrupted:
            raise
        ended = "interrupted"
    progress(f"tune {algorithm}", limits.n_trials, limits.n_trials)
    best = given if study.best_value == default else _settings_of(study.best_trial)
    return Tuned(
        config=with_settings(config, algorithm, best),
        settings=best,
        value=float(study.best_value),
        default=default,
        n_trials=len(_finished(study)),
        seconds=round(time.perf_counter() - started, 3),
        ended=ended,
    )


def require_optuna() -> None:
    """Raise ConfigError where Optuna is not installed."""
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "Searching for settings needs Optuna: pip install 'selera[tune]', or use --trials 0"
        ) from error


def _try(
    study: optuna.Study,
    space: dict[str, Knob],
    config: TrainingConfig,
    algorithm: str,
    judge: Judge,
) -> None:
    """One trial; an interrupted one counts as failed."""
    import optuna

    trial = study.ask()
    steps = iter(range(1_000_000))

    def report(value: float) -> None:
        trial.report(value, next(steps))
        if trial.should_prune():
            raise optuna.TrialPruned

    settings = {name: _suggest(trial, name, knob) for name, knob in space.items()}
    try:
        value = judge(with_settings(config, algorithm, _rounded(settings)), report)
    except optuna.TrialPruned:
        study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    except BaseException:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        raise
    else:
        study.tell(trial, value)


def _suggest(trial: optuna.Trial, name: str, knob: Knob) -> float:
    if knob.kind == "whole":
        return trial.suggest_int(name, int(knob.low), int(knob.high), log=knob.log)
    return trial.suggest_float(name, knob.low, knob.high, log=knob.log)


def _rounded(settings: dict[str, Any]) -> dict[str, Any]:
    """Four digits of each: more say nothing, and nobody wants to copy them."""
    return {
        name: float(f"{value:.4g}") if isinstance(value, float) else value
        for name, value in settings.items()
    }


def _value_of(
    given: dict[str, Any],
    study: optuna.Study,
    space: dict[str, Knob],
    judge: Callable[[Callable[[float], None]], float],
) -> float:
    """The value of the given settings: of a complete trial that had them, else judged now.

    They are judged outside of a trial, so that they are never stopped early. Where one of them lies
    outside of its range, their trial has no parameters, and the sampler passes it over.
    """
    import optuna

    for trial in _complete(study):
        if _settings_of(trial) == given:
            return float(trial.value or 0.0)
    reports: list[float] = []
    value = judge(reports.append)
    if math.isnan(value):
        raise DataError("the settings in use cannot be judged: their value on validation is NaN")
    is_inside = all(knob.low <= given[name] <= knob.high for name, knob in space.items())
    ranges = {name: _range_of(knob) for name, knob in space.items()} if is_inside else {}
    study.add_trial(
        optuna.trial.create_trial(
            value=value,
            params=given if is_inside else {},
            distributions=ranges,
            user_attrs={_JUDGED: given},
            intermediate_values=dict(enumerate(reports)),
        )
    )
    return value


def _range_of(knob: Knob) -> optuna.distributions.BaseDistribution:
    import optuna

    if knob.kind == "whole":
        return optuna.distributions.IntDistribution(int(knob.low), int(knob.high), log=knob.log)
    return optuna.distributions.FloatDistribution(knob.low, knob.high, log=knob.log)


def _settings_of(trial: optuna.trial.FrozenTrial) -> dict[str, Any]:
    """What was judged in a trial."""
    judged: dict[str, Any] = trial.user_attrs.get(_JUDGED) or _rounded(trial.params)
    return judged


def _open_study(
    file: Path | None, name: str, direction: Literal["maximize", "minimize"], seed: int
) -> optuna.Study:
    """A new study, or the one of this name in the file; the sampler goes on with fresh draws."""
    require_optuna()
    import optuna

    with _quiet(), _readable(file):
        study = optuna.create_study(
            storage=_journal(file) if file else None,
            study_name=name,
            direction=direction,
            load_if_exists=True,
        )
        n_done = len(study.trials)
    fresh = (seed + n_done) % _N_SEEDS
    study.sampler = optuna.samplers.TPESampler(seed=fresh, n_startup_trials=5)
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=5)
    return study


def _journal(file: Path) -> optuna.storages.BaseStorage:
    import optuna
    from optuna.storages.journal import JournalFileBackend

    return optuna.storages.JournalStorage(JournalFileBackend(str(file)))


@contextmanager
def _readable(file: Path | None) -> Iterator[None]:
    """What Optuna raises for a file that it did not write, as an error that names the cure."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"--study {file} is no study file of Selera; name a new file, or one that it wrote."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna tells every step and what is experimental; what matters we tell ourselves."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _finished(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that were judged, those stopped early included."""
    import optuna

    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    return study.get_trials(deepcopy=False, states=states)


def _complete(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    """Trials that were judged to their end."""
    import optuna

    return study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,))


def _since_best(study: optuna.Study) -> int:
    """Finished trials after the best one."""
    return sum(trial.number > study.best_trial.number for trial in _finished(study))
