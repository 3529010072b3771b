"""A shop whose right answers are known: even users like even items, odd users odd ones."""

from __future__ import annotations

import numpy as np

from selera.contracts.behaviors import BUY_CODE, RATING_CODE, VISIT_CODE
from selera.contracts.ids import IdMap
from selera.contracts.interactions import Interactions, RatingScale

DAY_S = 86_400
START = 1_700_000_000


def checkerboard(n_users: int = 40, n_items: int = 30, *, string_ids: bool = False) -> Interactions:
    """Every user has bought all items of the own kind but one, and rated some of both kinds.

    The item that user u has not touched is row (u % n_items): held out, and of the own kind when
    n_items is even. Item rows are not sorted by popularity here, ids differ from rows.
    """
    entries = []
    for user in range(n_users):
        for item in range(n_items):
            at = START + DAY_S * ((7 * user + 3 * item) % 100)
            if item == user % n_items:
                continue
            if item % 2 == user % 2:
                entries.append((user, item, VISIT_CODE, 1.0 + item % 3, at - 60))
                entries.append((user, item, BUY_CODE, 1.0, at))
                if (user + item) % 3 == 0:
                    entries.append((user, item, RATING_CODE, 5.0 - item % 2, at + 60))
            elif (user + item) % 5 == 0:
                entries.append((user, item, RATING_CODE, 1.0, at))
    entries.sort(key=lambda entry: (entry[0], entry[1], entry[4]))
    user_rows, item_rows, behaviors, values, timestamps = zip(*entries, strict=True)
    return Interactions(
        users=_ids(n_users, "user", string_ids),
        items=_ids(n_items, "prod/ué", string_ids),
        user_rows=np.array(user_rows, np.int32),
        item_rows=np.array(item_rows, np.int32),
        behaviors=np.array(behaviors, np.uint8),
        values=np.array(values, np.float32),
        timestamps=np.array(timestamps, np.int64),
        rating_scale=RatingScale(1, 5),
    )


def _ids(n: int, prefix: str, string_ids: bool) -> IdMap:
    if string_ids:
        return IdMap.from_ids([f"{prefix} {row}" for row in range(n)])
    return IdMap.from_ids([1000 + 3 * row for row in range(n)])
