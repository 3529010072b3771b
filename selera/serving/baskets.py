"""Visitors without an id: what lies in a basket or was looked at in a session, as behaviors."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ..contracts.behaviors import BehaviorRow
from ..contracts.events import BEHAVIOR_OF, EventType
from ..contracts.ids import Id
from ..contracts.interactions import RatingScale


def basket_behaviors(
    product_ids: Sequence[Id],
    type: EventType,
    scale: RatingScale | None = None,
    now: float | None = None,
) -> list[BehaviorRow]:
    """One behavior a product, a second apart, the last one at `now` (UTC seconds; this moment).

    The order tells which came later: models that look at what was met last need it. Ratings and
    reviews, whose stars nobody tells, have the best of `scale`: who disliked it would not name it.
    """
    value = scale.high if scale is not None and type in ("rating", "review") else 1.0
    last = int(time.time() if now is None else now)
    first = last - len(product_ids) + 1
    return [
        BehaviorRow(product_id, BEHAVIOR_OF[type], value, first + place)
        for place, product_id in enumerate(product_ids)
    ]
