"""The folder of MovieLens 100K as plain data: a fold's files, profiles and movies as features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..contracts.errors import DataError
from ..contracts.features import Features
from ..contracts.ids import IdMap
from ..contracts.pairs import PlainData
from .plain_files import read_plain, without

_AGE_STEP, _YEAR_STEP = 5, 5


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
    """The data with what u.user and u.item in the folder say, as far as they are there."""
    users, items = folder / "u.user", folder / "u.item"
    return replace(
        data,
        user_features=_features(data.users, map(_profile, _lines(users))),
        item_features=_features(data.items, map(_movie, _lines(items))),
    )


def _lines(path: Path) -> Iterable[list[str]]:
    if not path.exists():
        return []
    text = path.read_text(encoding="latin-1")
    return [line.split("|") for line in text.split("\n") if line]


def _profile(fields: Sequence[str]) -> tuple[str, list[str]]:
    """`id|age|gender|occupation|zip`: age by steps of 5 years, the region of the zip code."""
    id, age, gender, occupation, zip_code = fields
    step = int(age) // _AGE_STEP * _AGE_STEP
    return id, [f"age={step}", f"gender={gender}", f"job={occupation}", f"region={zip_code[:1]}"]


def _movie(fields: Sequence[str]) -> tuple[str, list[str]]:
    """`id|title|date|video date|url|19 flags`: genres, and the year by steps of 5."""
    id, year = fields[0], fields[2][-4:]
    genres = [f"genre={place}" for place, flag in enumerate(fields[5:]) if flag == "1"]
    return id, [*genres, *([f"year={int(year) // _YEAR_STEP * _YEAR_STEP}"] if year else [])]


def _features(ids: IdMap, known: Iterable[tuple[str, list[str]]]) -> Features | None:
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
