"""`selera erase`: take a user out of everything that Selera keeps, and tell what was done."""

from __future__ import annotations

import sys

import rich_click as click

from ..failures import FAILURE
from ..options import (
    current_settings,
    data_option,
    database_option,
    json_option,
    model_option,
    state_option,
)
from ..output import say, say_json
from ..progress import shown_progress


@click.command()
@click.argument("user_id")
@database_option
@data_option
@model_option
@state_option
@click.option("--yes", is_flag=True, help="Do not ask: what is erased cannot be brought back.")
@click.option(
    "--wait/--no-wait",
    default=True,
    show_default=True,
    help="Wait for a training that is under way, so that it does not bring the user back.",
)
@click.option(
    "--patience",
    "patience_s",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Begin only when no training and no ETL is under way; after so long, give up and erase "
    "nothing.",
)
@json_option
@click.pass_context
def erase(
    context: click.RichContext,
    user_id: str,
    yes: bool,
    wait: bool,
    patience_s: float | None,
    as_json: bool,
) -> None:
    """Erase the user USER_ID from the database, the CSV, the models and all else.

    The receipt tells what was removed where, and what stays. The exit code is 1 if some place could
    not be cleaned; erasing again goes on from there.
    """
    settings = current_settings()
    _confirm(user_id, yes)
    from ...etl import EtlConfig
    from ...pipeline.erase import EraseConfig, Places, typed_id
    from ...pipeline.erase import erase as run_erase

    files = settings.files
    places = Places(
        database=files.database,
        data=files.data_path,
        model=files.model_path,
        state=files.state_path,
        etl=settings.section("etl", EtlConfig),
        config=settings.section("erase", EraseConfig),
    )
    with shown_progress() as progress:
        receipt = run_erase(
            typed_id(user_id, places), places, progress, wait=wait, patience_s=patience_s
        )
    if as_json:
        say_json(receipt)
    else:
        for line in receipt.lines():
            say(line)
    if not receipt.complete:
        context.exit(FAILURE)


def _confirm(user_id: str, yes: bool) -> None:
    """Ask the person; a program must say `--yes`. Raises UsageError, or Abort for a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("Erasing cannot be undone. Confirm it with --yes")
    question = f"Erase the user {user_id} everywhere? This cannot be undone."
    click.confirm(question, abort=True, err=True)
