"""What a command says: answers on standard output, everything else on standard error."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
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


def counted(count: int, noun: str) -> str:
    """`1 row`, `2,000 rows`: a number with a noun that takes an s."""
    return f"{count:,} {noun if count == 1 else f'{noun}s'}"


def say_rows(rows: Mapping[str, int]) -> None:
    """How many rows each table got, one line per table."""
    width = max(map(len, rows), default=0)
    for name, n_rows in rows.items():
        number, _, noun = counted(n_rows, "row").partition(" ")
        say(f"{name:<{width}} {number:>11} {noun}")


def say_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Iterable[object]],
    *,
    right: Collection[str] = (),
) -> None:
    """A table on standard output; cells are texts as they are, never markup.

    Numbers stand at the right, as do the columns named in `right`. Where the terminal is narrow,
    `category` is left out and the other texts are shortened; numbers and ids never are.
    """
    from rich.box import SIMPLE_HEAD
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # What reads a pipe has no width: nothing is shortened for it.
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
    shown_title = Text(title) if title else None
    table = Table(title=shown_title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.show_edge = table.pad_edge = False
    texts = [[_cell(each) for each in row] for row in rows]
    shown = [place for place, name in enumerate(columns) if _has_room(name, console.width)]
    for place in shown:
        name = columns[place]
        widest = max(map(cell_len, [name, *(row[place] for row in texts)]))
        table.add_column(
            Text(name, no_wrap=True, overflow="ellipsis"),
            justify="right" if name in _NUMBERS or name in right else "left",
            no_wrap=name in _WHOLE,  # the others shrink first
            min_width=widest if name in _WHOLE else min(widest, _SHORTEST),
        )
    for row in texts:
        table.add_row(*(Text(row[each], no_wrap=True, overflow="ellipsis") for each in shown))
    console.print(table)


_NUMBERS = frozenset({"rank", "score", "stars", "price"})
_WHOLE = _NUMBERS | {"id"}
_SHORTEST = 8
_PIPE_WIDTH = 1000
_ROOM_FOR_CATEGORY = 100


def _has_room(column: str, width: int) -> bool:
    return column != "category" or width >= _ROOM_FOR_CATEGORY


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
