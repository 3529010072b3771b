"""The way into every program: where a library is missing, a sentence says how to get it.

Only the standard library is imported here before anything is tried.
"""

from __future__ import annotations

import sys

COMMANDS = {
    "create_and_seed_db.py": "seed",
    "etl.py": "etl",
    "training.py": "train",
    "watcher.py": "watch",
    "app.py": "serve",
}
"""The programs in the root folder, and the command that each of them is."""

MODULE = "-m selera"
"""What follows `python` to run the whole group of commands."""


def start(program: str) -> None:
    """Run `program`, one of `COMMANDS` or `MODULE`, and exit with its code.

    Exits with 1 and one sentence where this Python lacks a library. A module of our own, or of the
    standard library, that cannot be found raises ModuleNotFoundError: no setup would cure it.
    """
    try:
        from .cli import main

        if program == MODULE:
            main.main()
        else:
            main.program(COMMANDS[program])
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library in ("", "selera") or library in sys.stdlib_module_names:
            raise
        sys.exit(
            f"Error: {sys.executable or 'this Python'} does not have the library {library}: run "
            f"`make venv` in Selera's folder, then `. .venv/bin/activate` or "
            f"`.venv/bin/python {program}`."
        )
