"""The folder of MovieLens 100K as plain data: a fold's files, profiles and movies as features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..contracts.errors import DataError
from ..contracts.features import Features
from ..contracts.ids import IdMap
from ..contracts.pairs import PlainData
from .plain_files import read_plain, without

Named = tuple[str, list[str]]
"""An id, and the names of its features."""

_AGE_STEP, _YEAR_STEP = 5, 5
_MOST_DIGITS = 4
_PROFILE = "id|age|gender|occupation|zip code"
_MOVIE = "id|title|date|video date|url|flags of genres, 0 or 1"


def read_fold(folder: Path, fold: int, *, seed: int = 0) -> PlainData:
    """Fold 1 .. 5: u1.test .. u5.test, and as train what u.data holds beside it.

    Raises DataError where a file is missing; u.user and u.item are read where they are there.
    """
    data, test = folder / "u.data", folder / f"u{fold}.test"
    for path in (data, test):
        if not path.exists():
            raise DataError(
                f"There is no {path}. Name the folder of MovieLens 100K with --data, or a fold's "
                "files with --train and --test."
            )
    return with_features(without(read_plain(data, test, seed=seed)), folder)


def with_features(data: PlainData, folder: Path) -> PlainData:
    """The data with what u.user and u.item in the folder say, as far as they are there.

    Raises DataError with file and line.
    """
    return replace(
        data,
        user_features=_features(data.users, _read(folder / "u.user", _profile, _PROFILE)),
        item_features=_features(data.items, _read(folder / "u.item", _movie, _MOVIE)),
    )


def _read(path: Path, parse: Callable[[Sequence[str]], Named], form: str) -> Iterator[Named]:
    """What each line says; nothing where there is no file. Raises DataError with file and line."""
    if not path.exists():
        return
    for number, line in enumerate(path.read_text(encoding="latin-1").split("\n"), 1):
        if not line:
            continue
        try:
            yield parse(line.split("|"))
        except ValueError as error:
            raise DataError(f"{path}:{number} {error}. Write `{form}` on each line.") from error


def _profile(fields: Sequence[str]) -> Named:
    """Age by steps of 5 years, and the region of the zip code. Raises ValueError."""
    if len(fields) != 5:
        raise ValueError(f"has {len(fields)} fields, not 5")
    id, age, gender, occupation, zip_code = fields
    if not _is_whole(age):
        raise ValueError(f"has the age {age[:40]!r}, no number")
    step = int(age) // _AGE_STEP * _AGE_STEP
    return id, [f"age={step}", f"gender={gender}", f"job={occupation}", f"region={zip_code[:1]}"]


def _movie(fields: Sequence[str]) -> Named:
    """Genres, and the year by steps of 5. Raises ValueError."""
    if len(fields) < 5:
        raise ValueError(f"has {len(fields)} fields, fewer than 5")
    id, date = fields[0], fields[2]
    year = date[-4:]
    if year and not _is_whole(year):
        raise ValueError(f"has the date {date[:40]!r}, which ends with no year")
    genres = [f"genre={place}" for place, flag in enumerate(fields[5:]) if flag == "1"]
    return id, [*genres, *([f"year={int(year) // _YEAR_STEP * _YEAR_STEP}"] if year else [])]


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS


def _features(ids: IdMap, known: Iterable[Named]) -> Features | None:
    """One row per id; None where nothing is known."""
    of = dict(known)
    if not of:
        return None
    names = sorted({name for each in of.values() for name in each})
    column = {name: place for place, name in enumerate(names)}
    found = [of.get(str(id), []) for id in ids.ids(range(len(ids)))]
    rows = [sorted(column[name] for name in names_of) for names_of in found]
    return Features(
        names=tuple(names),
        indptr=np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64),
        columns=np.array([each for row in rows for each in row], dtype=np.int32),
    )
