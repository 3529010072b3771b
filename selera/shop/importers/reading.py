"""What all importers share: looking for files, reading them, and how an importer answers."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ...contracts.errors import DataError
from ...contracts.tables import Table


@dataclass(frozen=True, slots=True)
class Imported:
    """Whole tables, columns named as in `contracts.tables`; `text_ids` are ids that are texts."""

    frames: dict[Table, pl.DataFrame]
    text_ids: frozenset[str] = frozenset()


def require_files(folder: Path, names: tuple[str, ...]) -> None:
    """Raise `DataError` where the folder or one of its files is missing."""
    if not folder.is_dir():
        raise DataError(
            f"There is no folder {folder}. Give the folder that holds {', '.join(names)}."
        )
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise DataError(
            f"The folder {folder} has no file {missing[0]}. Give the folder that holds "
            f"{', '.join(names)}."
        )


_BROKEN = (UnicodeDecodeError, OSError, EOFError, csv.Error, zlib.error)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what Polars says of a broken file into a `DataError` that names it."""
    try:
        yield
    except (pl.exceptions.PolarsError, *_BROKEN) as error:
        # The first sentence: what follows is advice for programmers, or where the reader stood.
        said = str(error).strip().splitlines()[0].split(". ")[0].rstrip(".")
        raise DataError(f"{path} cannot be read: {said}. Get the file anew.") from error


def require_fields(
    path: Path, n_fields: int | None = None, separator: str = ",", *, quoted: bool = True
) -> None:
    """Raise `DataError` with the line where a record has not `n_fields` fields, or the first's.

    Polars fills a record that was cut off with nulls in silence. A file that ends in .gz is
    unpacked; empty lines are passed over.
    """
    opening = gzip.open if path.suffix == ".gz" else open
    with reading(path), opening(path, "rt", encoding="latin-1", newline="") as file:
        records = csv.reader(
            file, delimiter=separator, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
        )
        for record in records:
            n_fields = n_fields or len(record)
            if record and len(record) != n_fields:
                raise DataError(
                    f"{path}:{records.line_num} has {len(record)} fields instead of {n_fields}. "
                    f"The file was cut or changed: get it anew."
                )


def numbered(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    """The frame with a key column in front that counts its rows from 1."""
    return frame.with_row_index(key, offset=1).cast({key: pl.Int64})


def unix_time_text(column: str) -> pl.Expr:
    """A column of unix seconds as `YYYY-MM-DD HH:MM:SS`."""
    return pl.from_epoch(pl.col(column), time_unit="s").dt.strftime("%Y-%m-%d %H:%M:%S")
