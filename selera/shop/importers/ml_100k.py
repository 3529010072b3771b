"""MovieLens 100K: stars of 943 people for 1,682 films, with time, profile and genres.

A film is a product; its first genre is the category, all of them are the tag, its release date is
the time from which it existed. A postal code is the location.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ...contracts.tables import PRODUCT, RATING, USER_PROFILE
from .reading import Imported, numbered, reading, require_fields, require_files, unix_time_text

FILES = ("u.data", "u.item", "u.user", "u.genre")
_FILM_COLUMNS = ("film", "title", "released", "released_on_video", "address")


def read(folder: Path) -> Imported:
    """Read the folder of the data set; `DataError` where a file is missing or broken."""
    require_files(folder, FILES)
    return Imported(
        {
            USER_PROFILE: _profiles(folder / "u.user"),
            PRODUCT: _films(folder / "u.item", _genres(folder / "u.genre")),
            RATING: _ratings(folder / "u.data"),
        }
    )


def _profiles(path: Path) -> pl.DataFrame:
    require_fields(path, 5, "|", quoted=False)
    names = {"user_id": pl.Int64, "age": pl.Int64, "gender": pl.String, "occupation": pl.String}
    with reading(path):
        people = pl.read_csv(
            path, separator="|", has_header=False, schema=names | {"location": pl.String}
        )
    return people.select("user_id", "gender", "age", "location")


def _genres(path: Path) -> list[str]:
    require_fields(path, 2, "|", quoted=False)
    with reading(path):
        lines = path.read_text(encoding="latin-1").split()
    return [line.rpartition("|")[0] for line in lines]


def _films(path: Path, genres: list[str]) -> pl.DataFrame:
    columns = (*_FILM_COLUMNS, *genres)
    require_fields(path, len(columns), "|", quoted=False)
    with reading(path):
        films = pl.read_csv(
            path,
            separator="|",
            has_header=False,
            quote_char=None,
            schema=dict.fromkeys(columns, pl.String),
            encoding="latin-1",
        )
        listed = pl.concat_list(
            pl.when(pl.col(genre) == "1").then(pl.lit(genre)) for genre in genres
        ).list.drop_nulls()
        return films.select(
            product_id=pl.col("film").cast(pl.Int64),
            product_name=pl.col("title"),
            category=listed.list.first(),
            tag=listed.list.join(", "),
            created_at=pl.col("released").str.to_date("%d-%b-%Y").dt.strftime("%Y-%m-%d"),
        )


def _ratings(path: Path) -> pl.DataFrame:
    names = ("user_id", "product_id", "rating", "at")
    require_fields(path, len(names), "\t", quoted=False)
    with reading(path):
        stars = pl.read_csv(
            path, separator="\t", has_header=False, schema=dict.fromkeys(names, pl.Int64)
        )
    return numbered(
        stars.select(
            "user_id",
            "product_id",
            pl.col("rating").cast(pl.Float64),
            rating_date=unix_time_text("at"),
        ),
        "rating_id",
    )
