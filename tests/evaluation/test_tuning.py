"""The search for settings: it keeps to its limits, goes on from its file, and never gets worse."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from selera.contracts.errors import ConfigError, DataError, NothingToLearn
from selera.evaluation.config import EvaluationConfig
from selera.evaluation.shop_tuning import tune_for_shop
from selera.evaluation.spaces import SPACES, space_of, with_settings
from selera.evaluation.tuning import Limits, Tuned, tune
from selera.models.signals import SignalConfig
from selera.training.rankers import RANKERS
from selera.training.raters import RATERS
from selera.training.settings import TrainingConfig
from tests.tastes import checkerboard

CONFIG = TrainingConfig()


def _distance(config: TrainingConfig, _report: Callable[[float], None]) -> float:
    """How far the damping is from 0.9: 0.4 by default."""
    return abs(config.puresvd.column_damping - 0.9)


def _search(limits: Limits, file: Path | None = None, **more: object) -> Tuned:
    judge = more.pop("judge", _distance)
    asked = {"direction": "minimize", "limits": limits, "seed": 1, "study_file": file} | more
    found = tune("puresvd", CONFIG, judge, **asked)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_the_best_is_found_and_the_first_trial_is_the_config_itself() -> None:
    found = _search(Limits(25))

    assert found.default == pytest.approx(0.4)
    assert found.value < 0.1
    assert found.config.puresvd.column_damping == found.settings["column_damping"]
    assert (found.n_trials, found.ended) == (25, "trials")


def test_equal_seeds_search_alike() -> None:
    assert _search(Limits(8)).settings == _search(Limits(8)).settings


def test_a_search_ends_after_trials_without_gain_and_after_its_time() -> None:
    flat = _search(Limits(50, patience=4), judge=lambda _config, _report: 1.0)
    hasty = _search(Limits(50, seconds=1e-9))

    assert (flat.n_trials, flat.ended) == (5, "patience")
    assert (hasty.n_trials, hasty.ended) == (1, "time")


def test_a_study_file_is_gone_on_with(tmp_path: Path) -> None:
    asked = []

    def judge(config: TrainingConfig, report: Callable[[float], None]) -> float:
        asked.append(config.puresvd.column_damping)
        return _distance(config, report)

    file = tmp_path / "study.log"
    first = _search(Limits(6), file, judge=judge)
    second = _search(Limits(10), file, judge=judge)

    assert first.n_trials == 6
    assert second.n_trials == 10
    assert len(asked) == len(set(asked)) == 10
    assert second.value <= first.value
    assert second.default == first.default


def test_where_the_first_trial_was_interrupted_the_config_is_judged_later(tmp_path: Path) -> None:
    file = tmp_path / "study.log"

    def interrupted(_config: TrainingConfig, _report: Callable[[float], None]) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _search(Limits(5), file, judge=interrupted, keep_when_interrupted=True)
    found = _search(Limits(5), file)

    assert found.n_trials == 5
    assert found.default == pytest.approx(0.4)


@pytest.mark.parametrize("damping", [0.5, 0.31234567])
def test_a_config_outside_of_the_ranges_is_judged_as_it_is_and_kept_while_it_is_the_best(
    tmp_path: Path, damping: float
) -> None:
    outside = with_settings(CONFIG, "puresvd", {"n_factors": 6, "column_damping": damping})
    asked = []

    def judge(config: TrainingConfig, _report: Callable[[float], None]) -> float:
        asked.append(config)
        return 0.25 if config == outside else 0.5

    limits, file = Limits(4), tmp_path / "study.log"
    searched: dict[str, Any] = {"direction": "minimize", "seed": 1, "study_file": file}
    first = tune("puresvd", outside, judge, limits=limits, **searched)
    again = tune("puresvd", outside, judge, limits=Limits(9), **searched)

    assert first is not None
    assert again is not None
    assert asked.count(outside) == 1
    assert asked[0] == first.config == again.config == outside
    assert (first.n_trials, again.n_trials, len(asked)) == (4, 9, 9)
    assert first.value == first.default == again.default == 0.25


def test_the_largest_seed_can_be_gone_on_with(tmp_path: Path) -> None:
    file = tmp_path / "study.log"
    _search(Limits(2), file, seed=2**32 - 1)

    assert _search(Limits(3), file, seed=2**32 - 1).n_trials == 3


def test_settings_that_cannot_be_judged_are_an_error() -> None:
    with pytest.raises(DataError, match="cannot be judged"):
        _search(Limits(3), judge=lambda _config, _report: float("nan"))


def test_another_study_in_the_same_file_begins_anew(tmp_path: Path) -> None:
    file = tmp_path / "study.log"
    _search(Limits(3), file, study_name="data of Monday")

    assert _search(Limits(2), file, study_name="data of Tuesday").n_trials == 2


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "study.log"
    file.write_text("this is no study\n")

    with pytest.raises(ConfigError, match="is no study file"):
        _search(Limits(2), file)


def test_what_was_found_before_an_interrupt_is_kept() -> None:
    left = iter([False, False, False, True])

    def judge(config: TrainingConfig, report: Callable[[float], None]) -> float:
        if next(left):
            raise KeyboardInterrupt
        return _distance(config, report)

    found = _search(Limits(10), judge=judge, keep_when_interrupted=True)

    assert (found.n_trials, found.ended) == (3, "interrupted")


def test_a_poor_trial_is_stopped_early() -> None:
    reports = []

    def judge(config: TrainingConfig, report: Callable[[float], None]) -> float:
        reports.append(config)
        value = _distance(config, report) if len(reports) <= 6 else 9.0
        report(value)
        return value

    found = _search(Limits(8), judge=judge)

    assert found.n_trials == 8
    assert found.value <= 0.4


def test_where_there_is_nothing_to_search_nothing_is_searched() -> None:
    asked = {"direction": "minimize", "limits": Limits(3), "seed": 0}
    assert tune("popularity", CONFIG, _distance, **asked) is None  # type: ignore[arg-type]
    asked["limits"] = Limits(0)
    assert tune("puresvd", CONFIG, _distance, **asked) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("algorithm", SPACES)
def test_every_range_is_allowed_and_holds_the_default(algorithm: str) -> None:
    assert algorithm in RANKERS.keys() | RATERS.keys()
    section = getattr(CONFIG, algorithm)
    space = space_of(algorithm, CONFIG)
    assert space.keys() == SPACES[algorithm].keys()

    for name, knob in space.items():
        whole = knob.kind == "whole"
        for end in (knob.low, knob.high):
            value = int(end) if whole else end
            changed = with_settings(CONFIG, algorithm, {name: value})
            assert getattr(getattr(changed, algorithm), name) == value
        assert knob.low <= getattr(section, name) <= knob.high


def test_a_setting_out_of_range_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        with_settings(CONFIG, "puresvd", {"column_damping": 7.0})


@pytest.mark.parametrize(("model", "kind"), [("rp3beta", "lists"), ("svd", "stars")])
def test_a_shop_is_tuned_on_what_came_next(model: str, kind: str) -> None:
    found = tune_for_shop(
        checkerboard(),
        model,
        kind,  # type: ignore[arg-type]
        CONFIG,
        EvaluationConfig(),
        Limits(3),
        seed=0,
    )

    assert found.is_tuned
    assert found.test is not None
    assert found.toml().startswith(f"[training.{model}]\n")
    assert found.gain is not None


def test_trials_of_other_settings_are_not_mixed_in(tmp_path: Path) -> None:
    def n_trials(training: TrainingConfig, config: EvaluationConfig, limits: Limits) -> int:
        found = tune_for_shop(
            checkerboard(),
            "rp3beta",
            "lists",
            training,
            config,
            limits,
            seed=0,
            study_file=tmp_path / "study.log",
        )
        return found.n_trials

    weighed = msgspec.structs.replace(CONFIG, signals=SignalConfig(visit_weight=0.3))
    assert n_trials(CONFIG, EvaluationConfig(), Limits(3)) == 3
    assert n_trials(weighed, EvaluationConfig(), Limits(2)) == 2
    assert n_trials(CONFIG, EvaluationConfig(max_users=7), Limits(2)) == 2
    assert n_trials(CONFIG, EvaluationConfig(), Limits(1)) == 3


def test_a_shop_without_stars_cannot_be_tuned_for_them() -> None:
    shop = checkerboard()

    with pytest.raises(NothingToLearn, match="too little happened"):
        tune_for_shop(shop.of(1), "svd", "stars", CONFIG, EvaluationConfig(), Limits(2), seed=0)
