"""`selera train`, the program training.py: from the CSV to the published model."""

from __future__ import annotations

import os

import rich_click as click

from ...contracts.errors import ConfigError
from ..kernels import prepare_kernels
from ..options import (
    current_settings,
    data_option,
    json_option,
    model_output_option,
    setting,
    state_option,
    wait_option,
)
from ..output import say, say_json
from ..progress import shown_progress

MODELS = (
    "blend",
    "svd",
    "svdpp",
    "bayes",
    "puresvd",
    "ials",
    "rp3beta",
    "itemknn",
    "covisits",
    "gfcf",
    "turbocf",
    "ease",
    "vstan",
    "rebuy",
    "popularity",
    "bias",
)
"""What `selera.training.RECIPES` knows, without importing what trains."""


@click.command()
@data_option
@model_output_option
@setting(
    "training.model",
    "--model",
    metavar="NAME",
    help=f"{', '.join(MODELS)} (docs/models.md).",
    default="blend",
)
@setting("training.seed", "--seed", type=int, help="Equal seeds, equal models.", default="42")
@click.option("--force", is_flag=True, help="Publish without asking the gate.")
@wait_option("training")
@state_option
@json_option
def train(force: bool, wait: bool, as_json: bool) -> None:
    """Learn from data-training.csv, judge the result honestly, and publish the model.

    The evaluation learns from the past and is asked for what came after it; the published model
    then learns from all of the data. A training that fails leaves the published model as it is, and
    so does one whose model is worse than the published one: it is kept aside, and the exit code
    is 1.
    """
    settings = current_settings()
    files = settings.files
    with shown_progress() as progress:
        if not prepare_kernels(os.environ):
            progress("compiling kernels, once", 0, None)
        from ...pipeline.train import TrainConfig
        from ...pipeline.train import train as run_training
        from ...state import Decisions, Experiments, State

        config = settings.section("training", TrainConfig)
        _require_known(config.model)
        with State.open(files.state_path) as state:
            report = run_training(
                files.data_path,
                files.model_path,
                config,
                progress,
                wait=wait,
                settings_sha256=settings.fingerprint("training"),
                book=Decisions(state),
                force=force,
                experiments=Experiments(state),
            )
    if as_json:
        say_json(report.to_dict())
        return
    for line in report.lines():
        say(line)


def _require_known(model: str) -> None:
    """Raise ConfigError for a recipe that there is not, before anything is read for it."""
    from ...training import RECIPES

    if model not in RECIPES:
        known = ", ".join(RECIPES)
        raise ConfigError(f"--model (training.model) must be one of {known}; got {model!r}")
