"""`selera models`: the versions there are, which is published and why, and how to go back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import rich_click as click

from ..options import current_settings, json_option, model_option, state_option
from ..output import note, say, say_json, say_table

if TYPE_CHECKING:
    from ...pipeline.versions import Swap, Version
    from ...state import Decisions


@click.group(invoke_without_command=True)
@model_option
@state_option
@json_option
@click.pass_context
def models(context: click.Context, as_json: bool) -> None:
    """List the model's versions, what was decided about each, and why; publish another one.

    A running API follows within a second.
    """
    if context.invoked_subcommand is not None:
        return
    from ...pipeline.versions import list_versions

    files = current_settings().files
    with _open_book() as book:
        found = list_versions(files.model_path, book)
    if as_json:
        say_json({"models": found})
    elif not found:
        say("There is no model yet. Train one: selera train")
    else:
        _show(found)


@models.command()
@click.argument("version")
@model_option
@state_option
@json_option
def promote(version: str, as_json: bool) -> None:
    """Publish VERSION, whatever the gate said of it."""
    from ...pipeline.versions import promote as publish_version

    with _open_book() as book:
        swap = publish_version(current_settings().files.model_path, version, book)
    _tell(swap, as_json)


@models.command()
@model_option
@state_option
@json_option
def rollback(as_json: bool) -> None:
    """Publish again the version that was published before the present one."""
    from ...pipeline.versions import roll_back

    with _open_book() as book:
        swap = roll_back(current_settings().files.model_path, book)
    _tell(swap, as_json)


@contextmanager
def _open_book() -> Iterator[Decisions]:
    from ...state import Decisions, State

    with State.open(current_settings().files.state_path) as state:
        yield Decisions(state)


def _tell(swap: Swap, as_json: bool) -> None:
    if as_json:
        say_json(swap)
    elif swap.changed:
        say(f"Published {swap.version} instead of {swap.before or 'what could not be opened'}.")
    else:
        say(f"{swap.version} is published already.")


def _show(found: list[Version]) -> None:
    """A table, and below it in words what was decided and what cannot be opened."""
    say_table(
        "",
        ["", "version", "model", "trained at", "MiB", "metrics", "decision"],
        [_row(each) for each in found],
        right={"MiB"},
    )
    for each in found:
        if each.decision is not None:
            action = each.decision.action.replace("_", " ")
            note(f"{each.version}: {action} {each.decision.decided_at}: {each.decision.reason}.")
        if each.problem is not None:
            note(f"{each.version}: {each.problem}")


def _row(version: Version) -> list[object]:
    metrics = ", ".join(f"{name} {mean:.4f}" for name, mean in version.metrics.items())
    decision = version.decision.action.replace("_", " ") if version.decision else ""
    return [
        "*" if version.published else "",
        version.version,
        version.algorithm,
        version.trained_at,
        f"{version.size_bytes / 2**20:.1f}",
        metrics,
        decision,
    ]
