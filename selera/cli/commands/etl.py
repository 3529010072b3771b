"""`selera etl`, the program etl.py: from the database to the CSV that training learns from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import rich_click as click

from ..children import child_command
from ..logs import log_to_stderr
from ..options import FILE, current_settings, database_option, json_option, setting, wait_option
from ..output import counted, say, say_json
from ..progress import shown_progress
from ..settings import Settings
from ..stopping import stop_event

if TYPE_CHECKING:
    from ...etl import EtlReport


@click.command()
@database_option
@setting(
    "data_file",
    "--output",
    type=FILE,
    metavar="CSV",
    help="Where to write; manifest and rejected rows go beside it.",
    default="data-training.csv",
)
@click.option("--watch", is_flag=True, help="Go on, and do it again whenever the tables change.")
@wait_option("ETL")
@json_option
def etl(watch: bool, wait: bool, as_json: bool) -> None:
    """Turn the shop's tables into data-training.csv.

    Rows that cannot be used go to data-rejected.csv with their reason; nothing is lost.
    """
    settings = current_settings()
    if watch:
        _watch(settings)
        return
    from ...etl import EtlConfig
    from ...pipeline.etl import etl as run_etl

    files = settings.files
    config = settings.section("etl", EtlConfig)
    with shown_progress() as progress:
        report = run_etl(files.database, files.data_path, config, progress, wait=wait)
    if as_json:
        say_json(report)
        return
    for line in _lines(report, files.data_file):
        say(line)


def _watch(settings: Settings) -> None:
    from ...pipeline.watch_database import watch_database
    from ...pipeline.watching import WatchConfig

    log_to_stderr("info")
    config = settings.section("watch", WatchConfig)
    command = child_command(settings, "etl", "--wait")
    with stop_event() as stop:
        report = watch_database(settings.files.database, command, stop, config)
    runs = counted(report.n_runs, "ETL run")
    say(f"Watched for {report.seconds:.0f} s: {runs}, {report.n_failed} failed.")


def _lines(report: EtlReport, output: str) -> list[str]:
    """One line per table, rows in = rows out + rows rejected, and the summary."""
    width = max(map(len, report.tables), default=0)
    lines = []
    n_rejected = 0
    for name, counts in report.tables.items():
        rejected = sum(counts.rejected.values())
        n_rejected += rejected
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in counts.rejected.items())
        lines.append(
            f"{name:<{width}} {counts.rows_in:>11,} in = {counts.rows_out:>11,} out "
            f"+ {rejected:,} rejected" + (f" ({reasons})" if reasons else "")
        )
    changed = "" if report.changed else ", the same bytes as before"
    lines.append(
        f"Wrote {counted(report.n_rows, 'row')} to {output}, {n_rejected:,} rejected, "
        f"in {report.seconds:.1f} s{changed}."
    )
    return lines
