"""`selera evaluate` and `selera compare`: how good models are, under which protocol."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import rich_click as click

from ...contracts.errors import ConfigError
from ..judged import say_evaluation
from ..kernels import prepare_kernels
from ..options import SEED, current_settings, json_option
from ..output import note, say_json
from ..progress import shown_progress

if TYPE_CHECKING:
    from ...contracts.pairs import PlainData
    from ...contracts.protocols import Progress
    from ...evaluation import Evaluation
    from ...pipeline.train import TrainConfig

PATH = click.Path(path_type=Path)
_TRIALS = 15


class Asked(msgspec.Struct, frozen=True):
    """The options of both commands."""

    protocol: str | None
    models: tuple[str, ...]
    data: Path | None
    train: Path | None
    test: Path | None
    trials: int | None
    time_budget: float | None
    use_order: bool
    seed: int | None
    report: Path | None
    as_json: bool

    def command(self, name: str, config: TrainConfig) -> str:
        """What repeats the evaluation."""
        words = ["selera", name]
        for flag in ("protocol", "data", "train", "test"):
            if getattr(self, flag) is not None:
                words += [f"--{flag}", str(getattr(self, flag))]
        words += ["--model", ",".join(self.models)]
        if self.protocol is not None:
            words += ["--trials", str(self.n_trials)]
        if self.time_budget is not None:
            words += ["--time-budget", f"{self.time_budget:g}"]
        if self.use_order:
            words.append("--use-order")
        return shlex.join([*words, "--seed", str(self.seed_of(config))])

    @property
    def n_trials(self) -> int:
        """The trials asked for, else the usual number."""
        return _TRIALS if self.trials is None else self.trials

    def seed_of(self, config: TrainConfig) -> int:
        """The seed given, else that of the settings."""
        return config.seed if self.seed is None else self.seed


def _options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of both commands, handed over as one `Asked`."""

    def handed_over(model: tuple[str, ...], **options: Any) -> None:
        models = tuple(name.strip() for each in model for name in each.split(",") if name.strip())
        command(Asked(models=models, **options))

    handed_over.__doc__ = command.__doc__
    for option in (
        json_option,
        click.option("--report", type=PATH, metavar="HTML", help="Write a report, JSON beside it."),
        click.option("--seed", type=SEED, help="Of every draw. [default: training.seed]"),
        click.option("--use-order", is_flag=True, help="Show models the order in lightgcn-split."),
        click.option(
            "--time-budget",
            type=click.FloatRange(min=0, min_open=True),
            metavar="SECONDS",
            help="Time for all searches together, with --protocol.",
        ),
        click.option(
            "--trials",
            type=click.IntRange(min=0),
            help="Settings tried on validation, with --protocol; 0 takes those of selera.toml. "
            f"[default: {_TRIALS}]",
        ),
        click.option("--test", type=PATH, metavar="FILE", help="Pairs to judge by."),
        click.option("--train", type=PATH, metavar="FILE", help="Pairs to learn from."),
        click.option(
            "--data",
            type=PATH,
            metavar="PATH",
            help="A training CSV; with --protocol a file of ratings, or a folder.",
        ),
        click.option("--model", multiple=True, metavar="NAME", help="Repeat, or join by commas."),
        click.option("--protocol", metavar="NAME", help="Of a published table, see above."),
    ):
        handed_over = option(handed_over)
    return handed_over


@click.command("evaluate")
@_options
def evaluate(asked: Asked) -> None:
    """Judge models: by what the shop's users did next, or as published tables do.

    Without --protocol: learns from data-training.csv up to each of several times, and is judged by
    what came after. With one of these, plain files are cut or taken as they are, settings are
    chosen on a part of train, and test is scored once: surprise-5fold, random-90-10,
    leave-one-out-100 (--data FILE); ml100k-u1 .. ml100k-u5 (--data FOLDER, or --train and --test);
    lightgcn-split (--train and --test).
    """
    _answer("evaluate", asked)


@click.command("compare")
@_options
def compare(asked: Asked) -> None:
    """Compare models with a baseline, user by user; all models unless some are named.

    Takes what `selera evaluate` takes. Popularity (of lists) and biases (of stars) always stand in
    the table.
    """
    _answer("compare", asked)


def _answer(name: str, asked: Asked) -> None:
    """Evaluate, and say it in the form that was asked for."""
    from ...pipeline.train import TrainConfig

    config = current_settings().section("training", TrainConfig)
    if asked.report is not None:
        from ...evaluation.html_report import check_report

        check_report(asked.report)
    if not asked.models:
        models = _all_models(asked) if name == "compare" else (config.model,)
        asked = msgspec.structs.replace(asked, models=models)
    with shown_progress() as progress:
        if not prepare_kernels(os.environ):
            progress("compiling kernels, once", 0, None)
        judge = _published if asked.protocol else _shop
        found = judge(asked, config, progress)
    found = msgspec.structs.replace(found, command=asked.command(name, config))
    if asked.as_json:
        say_json(_one_object(found, asked.models))
    else:
        say_evaluation(found, with_intervals=len(found.results) <= 2)
    if asked.report is not None:
        from ...evaluation.html_report import write_report

        page, data = write_report(found, asked.report)
        note(f"Wrote {page} and {data}.")


def _one_object(found: Evaluation, models: tuple[str, ...]) -> dict[str, Any]:
    """The evaluation; where one model was asked for, its own row stands at the top as well."""
    plain: dict[str, Any] = msgspec.to_builtins(found)
    (first, *others) = models
    rows = [row for row in plain["results"] if row["model"] == first]
    return plain if others or not rows else rows[0] | plain


def _all_models(asked: Asked) -> tuple[str, ...]:
    """Every recipe that differs from the others under the protocol."""
    from ...evaluation.compatibility import comparable_models, protocol_named

    return comparable_models(protocol_named(asked.protocol).kind if asked.protocol else None)


def _shop(asked: Asked, config: TrainConfig, progress: Progress) -> Evaluation:
    """The default protocol on the training CSV."""
    from ...etl import load_training_csv
    from ...evaluation import evaluate as judge
    from ...training import RECIPES

    for flag in ("train", "test", "use_order", "trials", "time_budget"):
        given = getattr(asked, flag)
        if given is not None and given is not False:
            raise click.UsageError(f"--{flag.replace('_', '-')} needs a --protocol.")
    for model in asked.models:
        if model not in RECIPES:
            raise ConfigError(f"there is no model {model!r}; choose one of: {', '.join(RECIPES)}")
    path = asked.data or current_settings().files.data_path
    loaded = load_training_csv(path)
    return judge(
        loaded.interactions,
        asked.models,
        config,
        config.evaluation,
        seed=asked.seed_of(config),
        progress=progress,
    )


def _published(asked: Asked, config: TrainConfig, progress: Progress) -> Evaluation:
    """A protocol of the published tables on plain files."""
    from ...evaluation.compatibility import algorithm_of, protocol_named
    from ...evaluation.published import Ask, evaluate_published
    from ...evaluation.tuning import Limits

    assert asked.protocol is not None
    protocol = protocol_named(asked.protocol)
    for model in asked.models:
        algorithm_of(model, protocol.kind)
    if asked.use_order and protocol.files != "train and test":
        raise click.UsageError("--use-order is for lightgcn-split.")
    ask = Ask(
        protocol=asked.protocol,
        models=asked.models,
        limits=Limits(asked.n_trials, asked.time_budget),
        use_order=asked.use_order,
        seed=asked.seed_of(config),
    )
    progress("reading", 0, None)
    return evaluate_published(_read(asked, protocol.files), ask, config, progress=progress)


def _read(asked: Asked, files: str) -> PlainData:
    """The files that the protocol takes. Raises UsageError, which says what it takes."""
    from ...etl.movielens import read_fold, with_features
    from ...etl.plain_files import read_plain

    one, two = asked.data is not None, asked.train is not None and asked.test is not None
    wrong = (asked.train is None) != (asked.test is None) or one == two
    if files == "data" and not wrong and asked.data is not None:
        return read_plain(asked.data)
    if files != "data" and not wrong and asked.train is not None:
        data = read_plain(asked.train, asked.test)
        return with_features(data, asked.train.parent) if files == "movielens" else data
    if files == "movielens" and not wrong and asked.data is not None and asked.protocol is not None:
        return read_fold(asked.data, int(asked.protocol[-1]))
    wanted = {
        "data": "--data FILE",
        "train and test": "--train FILE and --test FILE",
        "movielens": "--data FOLDER, or --train FILE and --test FILE",
    }
    raise click.UsageError(f"{asked.protocol} takes {wanted[files]}.")
