"""What a command says: answers on standard output, everything else on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import rich_click as click


def say(line: str) -> None:
    """One line for the person, on standard output."""
    click.echo(line)


def note(line: str) -> None:
    """One line beside the answer, on standard error."""
    click.echo(line, err=True)


def say_json(answer: Any) -> None:
    """The one JSON object that `--json` promises: structs, dicts, lists, plain values."""
    click.echo(encode_json(answer))


def encode_json(answer: Any) -> str:
    """JSON that a person can read too; a text that is no Unicode is written with `\\ufffd`."""
    return msgspec.json.format(msgspec.json.encode(answer), indent=2).decode("utf-8", "replace")


def say_rows(rows: Mapping[str, int]) -> None:
    """How many rows each table got, one line per table."""
    width = max(map(len, rows), default=0)
    for name, n_rows in rows.items():
        say(f"{name:<{width}} {n_rows:>11,} rows")


def say_table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """A table on standard output; cells are texts as they are, never markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(title), title_justify="left")
    for column in columns:
        if column in _NUMBERS:
            table.add_column(column, justify="right", no_wrap=True)
        else:
            table.add_column(column, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*(Text(_cell(each)) for each in row))
    # What reads a pipe has no width: nothing is shortened for it.
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else _PIPE_WIDTH).print(table)


_NUMBERS = frozenset({"rank", "score", "stars", "price"})
_PIPE_WIDTH = 1000


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:,.2f}" if isinstance(value, float) else str(value)
    return "".join(each if each.isprintable() else " " for each in text)


def use_utf8() -> None:
    """Write UTF-8 whatever the terminal's locale is, so that no product name ends a command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
