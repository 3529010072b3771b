"""Find out how a plain file of pairs is written: separator, header, triples or lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from ..contracts.errors import DataError

_SAMPLE_BYTES = 1 << 18
_MOST_FIELDS = 4
_SEPARATORS = ("::", "\t", ";", ",")
BLANKS = " "
"""The separator that stands for any run of spaces and tabs."""

CURE = (
    "Write `user item [rating [time]]` on each line, separated by tab, comma, semicolon, `::` or "
    "spaces, or `user item item ...` separated by spaces"
)


class PlainFormat(NamedTuple):
    """How a file is written.

    kind : "triples", one `user item [rating [time]]` a line, or "lines", one `user item item ...`
    separator : `BLANKS` stands for any run of spaces and tabs
    n_fields : of each line; 0 where lines differ
    """

    kind: Literal["triples", "lines"]
    separator: str
    has_header: bool
    n_fields: int


def detect_format(path: Path) -> PlainFormat:
    """Look at the beginning of the file.

    Raises DataError where it is missing, empty, no UTF-8, or written in none of the known ways.
    """
    lines = _first_lines(path)
    separator = next((each for each in _SEPARATORS if _separates(each, lines)), BLANKS)
    rows = [split(line, separator) for _, line in lines]
    has_header = _is_header(rows)
    widths = {len(row) for row in rows[has_header:]} or {len(rows[0])}
    if widths <= {2} or widths <= {3} or widths <= {4}:
        return PlainFormat("triples", separator, has_header, widths.pop())
    if _may_be_lines(PlainFormat("lines", separator, has_header, 0)):
        return _lines_by(separator)
    number, line = next(
        (each for each in lines if len(split(each[1], separator)) not in (2, 3, 4)), lines[-1]
    )
    raise bad_line(path, number, f"has {len(split(line, separator))} fields: {line[:60]!r}")


def detect_formats(paths: Sequence[Path]) -> list[PlainFormat]:
    """The formats of files that belong together: where one has lines, the others have them too.

    A file whose lines happen to have three fields each looks like triples by itself.
    """
    found = [detect_format(path) for path in paths]
    if all(each.kind == "triples" for each in found):
        return found
    return [_lines_by(each.separator) if _may_be_lines(each) else each for each in found]


def _may_be_lines(format: PlainFormat) -> bool:
    return not format.has_header and format.separator in (BLANKS, "\t")


def _lines_by(separator: str) -> PlainFormat:
    return PlainFormat("lines", separator, False, 0)


def split(line: str, separator: str) -> list[str]:
    """The fields of one line, without the blanks around them."""
    if separator == BLANKS:
        return line.split()
    return [field.strip() for field in line.split(separator)]


def bad_line(path: Path, number: int, what: str) -> DataError:
    """The error for one line of a plain file."""
    return DataError(f"{path}:{number} {what}. {CURE}.")


def _first_lines(path: Path) -> list[tuple[int, str]]:
    """The first lines that are not blank, with their numbers; at least one."""
    try:
        with path.open("rb") as file:
            sample = file.read(_SAMPLE_BYTES)
            is_whole = not file.read(1)
    except FileNotFoundError as error:
        raise DataError(f"There is no file {path}.") from error
    except IsADirectoryError as error:
        raise DataError(f"{path} is a folder; name a file in it.") from error
    if not is_whole:
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    try:
        text = sample.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        number = sample.count(b"\n", 0, error.start) + 1
        raise bad_line(path, number, "is not UTF-8") from error
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise DataError(f"{path} is empty. {CURE}.")
    return lines


def _separates(separator: str, lines: list[tuple[int, str]]) -> bool:
    """Whether every line but the first has the separator; a lone line counts too."""
    return all(separator in line for _, line in (lines[1:] or lines))


def _is_header(rows: list[list[str]]) -> bool:
    """Whether the first row names columns.

    It does where it begins with a name for users, or where it is no number at a place where all
    rows below it are numbers.
    """
    first, rest = rows[0], rows[1:]
    if first[0].lower().replace("_", "").strip('"#') in ("user", "userid", "uid", "users"):
        return True
    below = [row for row in rest if len(row) == len(first)]
    if not below:
        return False
    return any(
        not _is_like_number(name) and all(is_number(row[place]) for row in below)
        for place, name in enumerate(first)
    )


def _is_like_number(text: str) -> bool:
    """Whether a text is a number or stands where one is missing: no name of a column."""
    return is_number(text) or text.lower() in ("", "nan", "inf", "-inf", "null", "none", "na")


def is_number(text: str) -> bool:
    """Whether a text is a finite number."""
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False
