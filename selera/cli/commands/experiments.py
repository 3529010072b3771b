"""`selera experiments`: two model versions side by side, and which one sells more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import rich_click as click

from ...contracts.errors import NameNotFound
from ..options import current_settings, json_option, model_option, state_option
from ..output import counted, say, say_json

if TYPE_CHECKING:
    from ...state import Experiment, Experiments, Variant
    from ...state.sequential import SequentialResult


@click.group()
def experiments() -> None:
    """A/B experiments between two model versions: start, stop and judge them.

    Each user stays on one side; the result may be looked at as often as you like.
    """


@experiments.command()
@click.argument("name")
@click.option("--control", required=True, metavar="VERSION", help="What most users know.")
@click.option("--treatment", required=True, metavar="VERSION", help="What may be better.")
@click.option(
    "--share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.5,
    show_default=True,
    help="Part of the users that gets the treatment.",
)
@model_option
@state_option
@json_option
def start(name: str, control: str, treatment: str, share: float, as_json: bool) -> None:
    """Begin the experiment NAME; a running API takes part within a second."""
    from ...pipeline.experiments import start_experiment

    model = current_settings().files.model_path
    with _open_experiments() as kept:
        begun = start_experiment(model, kept, name, control, treatment, share)
    if as_json:
        say_json(begun)
    else:
        say(f"Began {name!r}: {share:.0%} of the users get {treatment}, the others {control}.")


@experiments.command()
@click.argument("name")
@state_option
@json_option
def stop(name: str, as_json: bool) -> None:
    """End the experiment NAME; what it counted stays."""
    with _open_experiments() as kept:
        kept.stop(name)
        told = _told(kept, name)
    if as_json:
        say_json(told)
    else:
        say(f"Ended {name!r}: everybody gets the published model.")
        _show(told)


@experiments.command()
@click.argument("name", required=False)
@state_option
@json_option
def show(name: str | None, as_json: bool) -> None:
    """What the experiment NAME says so far; without NAME, every experiment."""
    with _open_experiments() as kept:
        names = [each.name for each in kept.all()] if name is None else [name]
        told = [_told(kept, each) for each in names]
    if as_json:
        say_json({"experiments": told})
    elif not told:
        say("There was no experiment yet. Begin one: selera experiments start --help")
    else:
        for each in told:
            _show(each)


@contextmanager
def _open_experiments() -> Iterator[Experiments]:
    from ...state import Experiments, State

    with State.open(current_settings().files.state_path) as state:
        yield Experiments(state)


def _told(kept: Experiments, name: str) -> dict[str, Any]:
    """One experiment, its counts and what they say."""
    from ...state.sequential import compare_rates

    found = [each for each in kept.all() if each.name == name]
    if not found:
        raise NameNotFound(f"No experiment is named {name!r}.")
    tally = kept.tally(name)
    sides = {side: {"users": n, "converted": hits} for side, (n, hits) in tally.items()}
    result = compare_rates(tally["control"], tally["treatment"])
    return {"experiment": found[0], "sides": sides, "result": result}


def _show(told: dict[str, Any]) -> None:
    experiment: Experiment = told["experiment"]
    state = f"ended {experiment.stopped_at}" if experiment.stopped_at else "running"
    say(f"{experiment.name}: since {experiment.started_at}, {state}")
    for side, counts in told["sides"].items():
        say(f"  {side:<9}  {_side(experiment, side, counts)}")
    say(f"  {_verdict(told['result'])}")


def _side(experiment: Experiment, side: Variant, counts: dict[str, int]) -> str:
    users, converted = counts["users"], counts["converted"]
    rate = f"{converted / users:.2%}" if users else "none yet"
    seen = f"{counted(users, 'user')}, {converted:,} converted ({rate})"
    return f"{experiment.version_of(side)}: {seen}"


def _verdict(result: SequentialResult) -> str:
    if result.winner is None:
        said = "No winner yet"
    else:
        said = f"The {result.winner} wins"
    if result.difference is None or result.low == -1:
        return f"{said}: too few conversions to say anything."
    return (
        f"{said}: treatment less control is {result.difference:+.2%}, between {result.low:+.2%} "
        f"and {result.high:+.2%} at 95 % whenever you look (p = {result.p_value:.3g})."
    )
