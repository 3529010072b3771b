"""Small plain data with two tastes, for the protocols."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from selera.contracts.pairs import PlainData
from selera.etl.plain_files import read_plain


def write_ratings(path: Path, *, n_users: int = 40, n_items: int = 30, seed: int = 0) -> None:
    """Users rate what has the parity of their id well and the rest badly, at random times."""
    rng = np.random.default_rng(seed)
    lines = []
    for user in range(n_users):
        for item in rng.permutation(n_items)[: n_items // 2]:
            stars = rng.choice([4, 5]) if item % 2 == user % 2 else rng.choice([1, 2])
            lines.append(f"{user},{item},{stars},{rng.integers(1_000_000)}\n")
    path.write_text("".join(lines))


def write_lines(folder: Path, *, n_users: int = 60, n_items: int = 40) -> tuple[Path, Path]:
    """Train and test lines, cut at random, of users who take items of their own parity."""
    rng = np.random.default_rng(1)
    train, test = folder / "train.txt", folder / "test.txt"
    rows = []
    for user in range(n_users):
        own = np.arange(user % 2, n_items, 2)
        rows.append((user, rng.permutation(own)[:12].tolist()))
    train.write_text("".join(f"{u} {' '.join(map(str, row[:9]))}\n" for u, row in rows))
    test.write_text("".join(f"{u} {' '.join(map(str, row[9:]))}\n" for u, row in rows))
    return train, test


def ratings(folder: Path) -> PlainData:
    """The ratings of `write_ratings`, read."""
    path = folder / "ratings.csv"
    write_ratings(path)
    return read_plain(path)
