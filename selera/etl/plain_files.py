"""Plain files of ratings or of users' lines -> `PlainData`, which the published protocols take."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..contracts.errors import DataError
from ..contracts.ids import IdMap
from ..contracts.pairs import Order, Pairs, PlainData
from .plain_format import BLANKS, PlainFormat, bad_line, detect_formats, is_number, split

_USER, _ITEM, _RATING, _TIME = _COLUMNS = ("user", "item", "rating", "time")
_LINE, _FIELDS, _ROW = "line", "fields", "row"
_INTEGER = r"^(0|-?[1-9][0-9]{0,17})$"
_DAY_S = 86400.0
_N_SEEDS = 2**32
_MILLISECONDS_FROM = 1e11
"""Later than this no time in seconds is: the year is 5138."""


def read_plain(train: Path, test: Path | None = None, *, seed: int = 0) -> PlainData:
    """Read one file, or train and test with common ids; formats are found out, file by file.

    Ids are integers where all of them are written so. Raises DataError with file and line.
    """
    paths = [train] if test is None else [train, test]
    frames = [_read(*each) for each in zip(paths, detect_formats(paths), strict=True)]
    if frames[0].is_empty():
        raise DataError(f"{train} has no pairs of a user and an item.")
    users, user_rows = _number(frames, _USER, seed)
    items, item_rows = _number(frames, _ITEM, (seed + 1) % _N_SEEDS)
    order = _order_of(frames[0])
    now = np.nanmax(frames[0][_TIME].to_numpy()) if order == "times" else 0.0
    parts, n_repeated = [], 0
    for frame, u, i in zip(frames, user_rows, item_rows, strict=True):
        ages = (now - frame[_TIME].to_numpy()) / _DAY_S if order == "times" else _places(u)
        pairs = _distinct(u, i, frame[_RATING].to_numpy(), ages.astype(np.float32), len(items))
        n_repeated += len(frame) - len(pairs)
        parts.append(pairs)
    return PlainData(
        users=users,
        items=items,
        train=parts[0],
        test=parts[1] if len(parts) > 1 else None,
        order=order,
        n_repeated=n_repeated,
    )


def _read(path: Path, format: PlainFormat) -> pl.DataFrame:
    """Columns user and item (text), rating (Float32), time (Float64, seconds); NaN if unknown."""
    try:
        frame = _read_lines(path, format) if format.kind == "lines" else _read_triples(path, format)
    except pl.exceptions.PolarsError as error:
        raise _find_bad_line(path, format) from error
    missing = [pl.lit(np.nan).alias(name) for name in _COLUMNS if name not in frame.columns]
    frame = frame.with_columns(*missing).select(
        _USER, _ITEM, pl.col(_RATING).cast(pl.Float32), pl.col(_TIME).cast(pl.Float64)
    )
    if frame.null_count().sum_horizontal().item():
        raise _find_bad_line(path, format)
    if np.nanmax(frame[_TIME].to_numpy(), initial=0.0) > _MILLISECONDS_FROM:
        frame = frame.with_columns(pl.col(_TIME) / 1000)
    return frame


def _read_triples(path: Path, format: PlainFormat) -> pl.DataFrame:
    """One pair a line; a cell that cannot be read is null."""
    separator, step = format.separator, 1
    source: Path | io.BytesIO = path
    if separator == "::":  # Polars splits at single bytes: every other column is empty
        separator, step = ":", 2
    elif separator == BLANKS:
        text = re.sub(rb"[ \t]+", b" ", path.read_bytes())
        source = io.BytesIO(re.sub(rb"(?m)^ +| +(?=\r?$)", b"", text))
    frame = pl.read_csv(
        source,
        has_header=False,
        separator=separator,
        skip_lines=1 if format.has_header else 0,
        infer_schema=False,
        quote_char=None,
        new_columns=None,
    )
    if frame.width != (format.n_fields - 1) * step + 1:
        raise _find_bad_line(path, format)
    kept = frame[:, ::step]
    kept.columns = list(_COLUMNS[: kept.width])
    texts = [pl.col(name).str.strip_chars().replace("", None) for name in kept.columns]
    read = [pl.col(name).cast(pl.Float64, strict=False) for name in kept.columns[2:]]
    numbers = [pl.when(each.is_finite()).then(each) for each in read]
    is_blank = pl.all_horizontal(pl.all().is_null())
    return kept.with_columns(*texts).filter(~is_blank).with_columns(*numbers)


def _read_lines(path: Path, format: PlainFormat) -> pl.DataFrame:
    """One user a line; a user without items gives nothing."""
    text = path.read_bytes()
    if format.separator == BLANKS:
        text = re.sub(rb"[ \t\r]+", b" ", text)
    lines = pl.read_csv(
        io.BytesIO(text),
        has_header=False,
        separator="\x01",
        infer_schema=False,
        quote_char=None,
        new_columns=[_LINE],
    ).drop_nulls()
    separator = " " if format.separator == BLANKS else format.separator
    fields = lines.select(pl.col(_LINE).str.strip_chars().str.split(separator).alias(_FIELDS))
    return (
        fields.select(
            pl.col(_FIELDS).list.first().alias(_USER),
            pl.col(_FIELDS).list.slice(1).alias(_ITEM),
        )
        .explode(_ITEM)
        .filter(pl.col(_ITEM).is_not_null() & (pl.col(_ITEM) != ""))
    )


def _find_bad_line(path: Path, format: PlainFormat) -> DataError:
    """The error for the first line that is not written as the others are."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if not line.strip() or (number == 1 and format.has_header):
                continue
            fields = split(line, format.separator)
            if "�" in line:
                return bad_line(path, number, "is not UTF-8")
            if format.n_fields and len(fields) != format.n_fields:
                return bad_line(
                    path, number, f"has {len(fields)} fields, the others have {format.n_fields}"
                )
            if not all(fields[:2]):
                return bad_line(path, number, "has an empty user or item")
            for name, field in zip(_COLUMNS[2:], fields[2 : format.n_fields], strict=False):
                if not is_number(field):
                    return bad_line(path, number, f"has the {name} {field[:40]!r}, no number")
    return DataError(f"{path} cannot be read as {format.kind}.")


def _number(
    frames: list[pl.DataFrame], column: str, seed: int
) -> tuple[IdMap, list[NDArray[np.int32]]]:
    """Ids to rows in random order, those of the first frame before the others.

    Returns the map, and the rows of each frame.
    """
    columns = [frame[column] for frame in frames]
    if all(bool(each.str.contains(_INTEGER).all()) for each in columns):
        columns = [each.cast(pl.Int64) for each in columns]
    rng = np.random.default_rng(seed)
    known = columns[0].unique().sort()
    ids = known.gather(rng.permutation(len(known)))
    for other in columns[1:]:
        fresh = other.unique().sort()
        fresh = fresh.filter(~fresh.is_in(known.implode()))
        ids = ids.append(fresh.gather(rng.permutation(len(fresh))))
    numbers = pl.int_range(len(ids), eager=True, dtype=pl.Int32)
    numbered = pl.DataFrame({column: ids, _ROW: numbers})
    rows = [
        each.to_frame(column).join(numbered, on=column, maintain_order="left")[_ROW].to_numpy()
        for each in columns
    ]
    id_map = IdMap.from_ids(ids.to_numpy() if ids.dtype == pl.Int64() else ids.to_list())
    return id_map, rows


def _order_of(train: pl.DataFrame) -> Order:
    """Times, where every pair of train has one and they differ; else places."""
    times = train[_TIME]
    return "places" if times.is_nan().any() or times.min() == times.max() else "times"


def _places(user_rows: NDArray[np.int32]) -> NDArray[np.int64]:
    """How many pairs of the same user come later in the file, int64 (n,)."""
    order = np.argsort(user_rows, kind="stable")
    ends = np.cumsum(np.bincount(user_rows))
    later = np.empty(len(user_rows), dtype=np.int64)
    later[order] = ends[user_rows[order]] - 1 - np.arange(len(user_rows))
    return later


def _distinct(
    users: NDArray[np.int32],
    items: NDArray[np.int32],
    ratings: NDArray[np.float32],
    ages: NDArray[np.float32],
    n_items: int,
) -> Pairs:
    """The pairs sorted; of a pair that stands there several times the latest counts."""
    keys = users.astype(np.int64) * n_items + items
    order = np.argsort(keys, kind="stable")
    if (np.diff(keys[order]) == 0).any():
        order = np.lexsort((-ages, keys))
        order = order[np.append(np.diff(keys[order]) != 0, True)]
    return Pairs(users[order], items[order], ratings[order], ages[order])


def without(data: PlainData) -> PlainData:
    """The data with the pairs of test taken out of train, for files that hold all and a part."""
    if data.test is None:
        return data
    n_items = len(data.items)
    kept = ~np.isin(data.train.keys(n_items), data.test.keys(n_items))
    return replace(data, train=data.train.where(kept))
