"""`selera watch`, the program watcher.py: a new model whenever the CSV changes."""

from __future__ import annotations

import rich_click as click

from ..children import child_command
from ..logs import log_to_stderr
from ..options import current_settings, data_option, model_output_option
from ..output import counted, say
from ..stopping import stop_event


@click.command()
@data_option
@model_output_option
def watch() -> None:
    """Train anew whenever the content of data-training.csv changes, until stopped.

    So does a start with other settings of the training than the published model had.

    A touch or an equal rewrite trains nothing; a broken file leaves the old model where it is.
    """
    settings = current_settings()
    from ...pipeline.watch_csv import watch_csv
    from ...pipeline.watching import WatchConfig

    log_to_stderr("info")
    files = settings.files
    config = settings.section("watch", WatchConfig)
    command = child_command(settings, "train", "--wait")
    with stop_event() as stop:
        report = watch_csv(
            files.data_path,
            files.model_path,
            command,
            stop,
            config,
            settings_sha256=settings.fingerprint("training"),
        )
    runs = counted(report.n_runs, "training")
    say(f"Watched for {report.seconds:.0f} s: {runs}, {report.n_failed} failed.")
