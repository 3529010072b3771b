"""`selera tune`: settings that suit the shop, searched on its own data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from ..kernels import prepare_kernels
from ..options import SEED, current_settings, data_option, json_option
from ..output import counted, note, say, say_json
from ..progress import shown_progress

if TYPE_CHECKING:
    from ...evaluation.shop_tuning import Kind, ShopTuning


@click.command()
@data_option
@click.option("--model", metavar="NAME", help="Recipe, ranker or rater. [default: training.model]")
@click.option(
    "--for",
    "kind",
    type=click.Choice(["lists", "stars"]),
    default="lists",
    show_default=True,
    help="What is to become better.",
)
@click.option("--trials", type=click.IntRange(min=1), default=50, show_default=True)
@click.option("--time-budget", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS")
@click.option(
    "--study",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Keep the trials; the same command then goes on from there.",
)
@click.option("--seed", type=SEED, help="Of every draw. [default: training.seed]")
@json_option
def tune(
    model: str | None,
    kind: Kind,
    trials: int,
    time_budget: float | None,
    study: Path | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """Search the settings of a model on data-training.csv, and print the best for selera.toml.

    Settings are chosen by how well they predict what came next; the newest tenth of the behaviors
    is put aside, and tells at the end what the choice is worth. Ctrl-C keeps what was found.
    """
    settings = current_settings()
    with shown_progress() as progress:
        if not prepare_kernels(os.environ):
            progress("compiling kernels, once", 0, None)
        from ...etl import load_training_csv
        from ...evaluation.shop_tuning import tune_for_shop
        from ...evaluation.tuning import Limits
        from ...pipeline.train import TrainConfig

        config = settings.section("training", TrainConfig)
        progress("loading", 0, None)
        loaded = load_training_csv(settings.files.data_path)
        found = tune_for_shop(
            loaded.interactions,
            model or config.model,
            kind,
            config,
            config.evaluation,
            Limits(trials, time_budget),
            seed=config.seed if seed is None else seed,
            study_file=study,
            study_of=loaded.sha256[:12],
            progress=progress,
        )
    if as_json:
        say_json(found)
    else:
        _say(found)


def _say(found: ShopTuning) -> None:
    """The settings on standard output, ready to be pasted; the rest on standard error."""
    if not found.is_tuned or found.validation is None:
        note(f"{found.algorithm} has no settings to search for its {found.kind}.")
        return
    why = {
        "trials": "",
        "time": ", when the time was over",
        "patience": ", when nothing better came any more",
        "interrupted": ", when it was interrupted",
    }[found.ended]
    note(f"{counted(found.n_trials, 'trial')} in {found.seconds:.0f} s{why}.")
    note(f"  validation {found.metric} {found.validation[0]:.4f} -> {found.validation[1]:.4f}")
    if found.test is None:
        note("  The newest behaviors hold nothing to judge the choice by.")
    else:
        before, after = found.test
        note(f"  newest behaviors, not searched on: {found.metric} {before:.4f} -> {after:.4f}")
    if found.gain is not None and found.gain.low is not None and found.gain.high is not None:
        if found.gain.low <= 0 <= found.gain.high:
            note("  The difference is within what chance explains.")
    note("For selera.toml:")
    say(found.toml())
