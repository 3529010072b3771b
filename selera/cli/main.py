"""The group `selera`, and the ways into it: the shell, `python -m`, the five programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import rich_click as click

from .. import __version__
from ..pipeline import lifeline
from .commands import COMMANDS
from .failures import run_reporting
from .logs import log_to_stderr
from .output import use_utf8
from .stopping import exit_on_sigterm


@click.group()
@click.version_option(__version__, prog_name="selera")
@click.option(
    "--stop-with-parent",
    is_flag=True,
    hidden=True,
    help="Stop when standard input closes, as it does when the parent process is gone.",
)
def selera(stop_with_parent: bool) -> None:
    """Personal recommendations from a shop's own SQL database.

    `selera run` does all of it; the other commands are its parts. Settings come from
    selera.toml and from SELERA_* variables; flags override both.
    """
    if stop_with_parent:
        lifeline.stop_with_parent()


for _command in COMMANDS:
    selera.add_command(_command)


def run(command: click.Command, arguments: Sequence[str], name: str | None = None) -> int:
    """Run a command as a process does, and return the exit code."""
    use_utf8()
    log_to_stderr("warning")
    exit_on_sigterm()
    return run_reporting(
        lambda: command.main(list(arguments), prog_name=name, standalone_mode=False), arguments
    )


def main() -> None:
    """The `selera` of the shell."""
    sys.exit(run(selera, sys.argv[1:], "selera"))


def program(name: str) -> None:
    """One command as a program of its own, under the name of its file."""
    sys.exit(run(selera.commands[name], sys.argv[1:]))
