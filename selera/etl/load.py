"""Reading `data-training.csv` back: from the file that is the contract to arrays to learn from."""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import structlog

from ..contracts.behaviors import RATING_CODE, REVIEW_CODE
from ..contracts.columns import (
    BEHAVIOR,
    PRODUCT_COLUMNS,
    PRODUCT_ID,
    PROFILE_COLUMNS,
    TRAINING_COLUMNS,
    USER_ID,
)
from ..contracts.errors import DataError, NothingToLearn
from ..contracts.interactions import Interactions, RatingScale
from .arrays import VALUE, build_interactions
from .cells import Cell, find_id_kind, interaction_columns, read_cells
from .features import read_details
from .files import OutputPaths, sha256_of, signature
from .manifest import read_any_manifest, read_manifest
from .scale import ScaleTally
from .structure import CURE, broken, check_structure
from .texts import with_texts

log = structlog.get_logger(__name__)

_IS_BROKEN = "is_broken"


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What one training CSV holds; `sha256` is that of its bytes."""

    interactions: Interactions
    sha256: str
    n_rows: int


def load_training_csv(path: Path) -> TrainingData:
    """Read a training CSV; id kinds and rating scale come from its manifest, else from itself.

    Without a manifest that belongs to the CSV, ids are integers where all of them are written as
    integers are, and the file is checked to its last byte. A file that is replaced meanwhile is
    read again.

    Raises DataError where the file is missing or broken, with the line and the cure, and
    NothingToLearn where it has no rows.
    """
    files = (path, OutputPaths.beside(path).manifest)
    try:
        before = [signature(file) for file in files]
        data = _load(path)
    except FileNotFoundError as error:
        raise DataError(f"There is no {path}. Run etl.py to make it.") from error
    if [signature(file) for file in files] != before:
        return load_training_csv(path)
    _warn_of_strange_manifest(path, data)
    return data


def _warn_of_strange_manifest(path: Path, data: TrainingData) -> None:
    """Say so where the manifest beside the CSV is not its own: one of them was changed."""
    place = OutputPaths.beside(path).manifest
    if not place.exists() or read_manifest(place, data.sha256):
        return
    manifest = read_any_manifest(place)
    log.warning(
        "the manifest does not belong to the CSV, which was cut or changed: run etl.py again",
        csv=str(path),
        csv_rows=data.n_rows,
        manifest=str(place),
        manifest_rows=manifest.n_rows if manifest else "unknown",
    )


def _load(path: Path) -> TrainingData:
    started = time.perf_counter()
    header = _read_header(path)
    sha256 = sha256_of(path)
    manifest = read_manifest(OutputPaths.beside(path).manifest, sha256)
    if manifest is None:
        check_structure(path, len(header))
    rows = pl.scan_csv(path, schema=dict.fromkeys(header, pl.String()))
    cells = read_cells(
        manifest.user_id_kind if manifest else find_id_kind(rows, USER_ID),
        manifest.product_id_kind if manifest else find_id_kind(rows, PRODUCT_ID),
    )
    behaviors = _read_behaviors(path, rows, cells)
    if behaviors.is_empty():
        raise NothingToLearn(
            f"{path} has a header but no behaviors. Fill the shop, then run etl.py."
        )
    scale = manifest.scale() if manifest else _find_scale(behaviors)
    profiles, products = _read_details(rows, cells)
    behaviors, texts = with_texts(behaviors, rows)
    interactions = build_interactions(behaviors, scale, profiles, products, texts)
    seconds = round(time.perf_counter() - started, 3)
    log.info("loaded training data", rows=behaviors.height, seconds=seconds)
    return TrainingData(interactions, sha256, behaviors.height)


def _read_header(path: Path) -> list[str]:
    """The names of the columns. Raises DataError where one is missing or stands twice."""
    with path.open("rb") as file:
        line = file.readline()
    try:
        header = next(csv.reader([line.decode("utf-8-sig")]), [])
    except UnicodeDecodeError as error:
        raise broken(path, 1, "is not UTF-8") from error
    if not header:
        raise DataError(f"{path} is empty. {CURE}")
    missing = [name for name in TRAINING_COLUMNS if name not in header]
    if missing:
        raise broken(path, 1, f"lacks the columns {', '.join(missing)}")
    if len(set(header)) < len(header):
        raise broken(path, 1, "names a column twice")
    return header


def _read_behaviors(path: Path, rows: pl.LazyFrame, cells: dict[str, Cell]) -> pl.DataFrame:
    """The columns that interactions are built from, in the order of the file."""
    is_broken = pl.any_horizontal(cell.is_broken for cell in cells.values())
    behaviors = rows.select(*interaction_columns(cells), is_broken.alias(_IS_BROKEN)).collect(
        engine="streaming"
    )
    first = behaviors[_IS_BROKEN].arg_max()
    if first is not None and behaviors[_IS_BROKEN][first]:
        raise _broken_cell(path, rows, first, cells)
    return behaviors.drop(_IS_BROKEN)


def _read_details(rows: pl.LazyFrame, cells: dict[str, Cell]) -> list[pl.DataFrame]:
    """The profiles and the products, one row per id, read in one pass over the file."""
    return pl.collect_all(
        [
            read_details(rows, cells[USER_ID].said.alias(USER_ID), PROFILE_COLUMNS),
            read_details(rows, cells[PRODUCT_ID].said.alias(PRODUCT_ID), PRODUCT_COLUMNS),
        ],
        engine="streaming",
    )


def _broken_cell(path: Path, rows: pl.LazyFrame, place: int, cells: dict[str, Cell]) -> DataError:
    """The error for the first broken cell of the row at `place`."""
    row = rows.slice(place, 1).collect()
    column = next(name for name, cell in cells.items() if row.select(cell.is_broken).item())
    value = row[column].item() or ""
    with path.open(encoding="utf-8-sig", newline="") as file:
        records = csv.reader(file)
        for _ in range(place + 1):  # the header, and the records before it
            next(records)
        line = records.line_num + 1
    return broken(path, line, f"{column} {value[:80]!r} is not {cells[column].wanted}")


def _find_scale(behaviors: pl.DataFrame) -> RatingScale | None:
    """The scale of the ratings in the CSV itself."""
    stars = behaviors.filter(
        pl.col(BEHAVIOR).is_in([RATING_CODE, REVIEW_CODE]) & pl.col(VALUE).is_not_nan()
    )
    tally = ScaleTally()
    tally.add(stars[VALUE].to_numpy())
    return tally.scale()
