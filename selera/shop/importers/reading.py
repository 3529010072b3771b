"""What all importers share: looking for files, reading them, and how an importer answers."""

from __future__ import annotations

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


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn what Polars says of a broken file into a `DataError` that names it."""
    try:
        yield
    except (pl.exceptions.PolarsError, UnicodeDecodeError, OSError) as error:
        said = str(error).strip().splitlines()[0]
        raise DataError(f"{path} cannot be read: {said}. Get the file anew.") from error


def numbered(frame: pl.DataFrame, key: str) -> pl.DataFrame:
    """The frame with a key column in front that counts its rows from 1."""
    return frame.with_row_index(key, offset=1).cast({key: pl.Int64})


def unix_time_text(column: str) -> pl.Expr:
    """A column of unix seconds as `YYYY-MM-DD HH:MM:SS`."""
    return pl.from_epoch(pl.col(column), time_unit="s").dt.strftime("%Y-%m-%d %H:%M:%S")
