"""A small training CSV with two tastes: quick to learn, and there is something to learn."""

from __future__ import annotations

import csv
from pathlib import Path

from selera.contracts.columns import TRAINING_COLUMNS

N_USERS, N_ITEMS, N_BEHAVIORS = 40, 24, 840


def write_training_csv(path: Path, *, stars: float = 5.0, n_users: int = N_USERS) -> None:
    """Users buy and rate what has the parity of their id; `stars` is what they give."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, TRAINING_COLUMNS, lineterminator="\n", restval="")
        writer.writeheader()
        for user in range(1, n_users + 1):
            liked = [item for item in range(1, N_ITEMS + 1) if item % 2 == user % 2]
            for place, item in enumerate(liked):
                day = (user * 7 + place * 3) % 28 + 1
                row = {"user_id": user, "product_id": item, "category": "c"}
                at = f"2024-0{1 + place % 6}-{day:02}T10:00:00Z"
                if (user + place) % 4:
                    writer.writerow({**row, "behavior": "buy", "at": at, "quantity": 1})
                given = stars if (user + item) % 3 else 2.0
                writer.writerow({**row, "behavior": "rating", "at": at, "rating": given})
