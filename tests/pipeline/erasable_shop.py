"""A small shop with one user who is like nobody else: id, name, place, words and a refused row."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from selera.artifact import open_artifact
from selera.contracts.ids import Id
from selera.contracts.tables import BUY, PRODUCT, RATING, REVIEW, USER_PROFILE, VISIT, Table
from selera.pipeline.erase import EraseConfig, Places
from tests.shops import insert_as_shops_do, make_minimal_shop

INTEGER, TEXT = 900077, "erase-me-7f3a"
NAME, PLACE, WORDS = "Zebulon Quxwhistle", "Xanadu-on-Nowhere", "zorblax delight, I say"
TRACES = (TEXT, NAME, PLACE, WORDS)
N_USERS, N_PRODUCTS = 61, 24

Row = tuple[Any, ...]


def make_shop(
    folder: Path, user_id: Id, *, n_users: int = N_USERS, url: str | None = None
) -> Places:
    """A shop with ids of the kind of `user_id`; by default SQLite in WAL mode, in `folder`."""
    is_text = isinstance(user_id, str)
    url = url or f"sqlite:///{folder / 'shop.db'}"

    def id(number: int) -> Id:
        return f"id-{number:03}" if is_text else number

    users: list[Id] = [*(id(number) for number in range(1, n_users)), user_id]
    people: list[Row] = [
        (each, f"name {each}", "f", 20 + place % 50, "Solo") for place, each in enumerate(users)
    ]
    people[-1] = (user_id, NAME, "f", 44, PLACE)
    products: list[Row] = [
        (id(each), f"product {each}", "c", "t", "ID", 10.0 + each, "b")
        for each in range(1, N_PRODUCTS + 1)
    ]
    visits: list[Row] = []
    buys: list[Row] = []
    ratings: list[Row] = []
    reviews: list[Row] = []
    for place, user in enumerate(users):
        for item in range(1 + place % 2, N_PRODUCTS + 1, 2):
            key, day = len(visits) + 1, (place * 7 + item * 3) % 28 + 1
            visits.append((id(key), user, id(item), 1 + item % 3))
            if (place + item) % 4:
                buys.append((id(key), user, id(item), 5.0, f"2024-0{1 + item % 6}-{day:02}"))
            ratings.append((id(key), user, id(item), 5.0 if (place + item) % 3 else 2.0))
            if item % 5 == 0:
                reviews.append((id(key), user, id(item), f"words {key}", f"2024-03-{day:02}"))
    reviews.append((id(99_998), user_id, id(1), WORDS, "2024-03-04"))
    buys.append((id(99_999), user_id, id(777), 5.0, "2024-03-04"))  # no such product: rejected
    rows: dict[Table, list[Row]] = {
        USER_PROFILE: people,
        PRODUCT: products,
        VISIT: visits,
        BUY: buys,
        RATING: ratings,
        REVIEW: reviews,
    }
    make_minimal_shop(url, id_type="VARCHAR(64)" if is_text else "BIGINT")
    insert_as_shops_do(url, rows)
    return Places(
        database=url,
        data=folder / "data-training.csv",
        model=folder / "system-recomendation.pkl",
        state=folder / "selera-state.db",
        config=EraseConfig(log_files=(str(folder / "access.log"),)),
    )


def traces(folder: Path, user_id: Id) -> Iterator[str]:
    """Every trace of the user in all files below `folder`, decoded and as raw bytes."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        content = path.read_bytes()
        yield from (f"{path.name} holds {each!r}" for each in TRACES if each.encode() in content)
        for found in _decoded(path, content):
            if str(user_id) in found:
                yield f"{path.name} says {found!r}"


def _decoded(path: Path, content: bytes) -> Iterator[str]:
    """The ids that a file says, in whatever way it says them."""
    if path.suffix == ".pkl":
        arrays = open_artifact(path).arrays
        if "users.ids" in arrays:
            yield from map(str, arrays["users.ids"].tolist())
            return
        text, ends = arrays["users.text"].tobytes(), arrays["users.offsets"].tolist()
        yield from (text[a:b].decode() for a, b in zip(ends[:-1], ends[1:], strict=True))
    elif path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                yield from row
    elif path.suffix == ".json":
        yield from _strings(json.loads(content))
    elif content.startswith(b"SQLite format 3"):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
            for (table,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            ).fetchall():
                for row in connection.execute(f'SELECT * FROM "{table}"'):
                    yield from (str(cell) for cell in row)
        connection.close()


def _strings(told: object) -> Iterator[str]:
    if isinstance(told, dict):
        for key, each in told.items():
            yield str(key)
            yield from _strings(each)
    elif isinstance(told, list):
        for each in told:
            yield from _strings(each)
    elif isinstance(told, str | int):
        yield str(told)
