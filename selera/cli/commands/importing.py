"""`selera import`: well-known data sets as a shop's six tables."""

from __future__ import annotations

import time
from pathlib import Path

import rich_click as click

from ..options import current_settings, database_option, json_option, overwrite_option
from ..output import counted, say, say_json, say_rows
from ..progress import shown_progress

DATASETS = ("ml-100k", "retailrocket", "online-retail", "complete-journey")


@click.command("import")
@click.argument("name", type=click.Choice(DATASETS), metavar="NAME")
@click.argument("path", type=click.Path(path_type=Path))
@database_option
@overwrite_option
@json_option
def import_dataset(name: str, path: Path, overwrite: bool, as_json: bool) -> None:
    """Load the data set NAME from PATH, a file or a folder, into the six tables.

    NAME is one of ml-100k, retailrocket, online-retail, complete-journey.
    """
    settings = current_settings()
    started = time.perf_counter()
    from ... import shop

    with shown_progress() as progress:
        rows = shop.import_dataset(
            name, path, settings.files.database, overwrite=overwrite, progress=progress
        )
    seconds = time.perf_counter() - started
    if as_json:
        say_json({"dataset": name, "rows": rows, "seconds": round(seconds, 3)})
        return
    say_rows(rows)
    say(f"Imported {name}: {counted(sum(rows.values()), 'row')} in {seconds:.1f} s.")
