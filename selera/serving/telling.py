"""Writing what is told, but for stars that nobody could have given.

The ETL rejects a rating outside the shop's scale, and no list counts it, so whoever tells one hears
of it at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..contracts.errors import SeleraError
from ..contracts.events import Event, EventOutcome
from ..contracts.interactions import RatingScale
from ..contracts.protocols import EventWriter
from ..models import Recommender

SETTLED = 100
"""Ratings from which on one more does not widen the scale that was found: it holds 99 % of them."""

_LOOKED_AT = 1_000_000
"""Entries of the histories among which they are looked for: all of them may be gigabytes."""


def write_events(
    writer: EventWriter, events: Sequence[Event], model: Callable[[], Recommender]
) -> list[EventOutcome]:
    """What becomes of each event: as `writer` says, but stars outside the scale are rejected.

    Where there is no model, or too few ratings to be sure of the scale, all stars are written.
    Raises DatabaseError as the writer does: then none is written.
    """
    odd = _odd_stars(events, model)
    usable = [event for place, event in enumerate(events) if place not in odd]
    written = iter(writer.write(usable) if usable else ())
    return [
        EventOutcome(event.event_id, "rejected", odd[place]) if place in odd else next(written)
        for place, event in enumerate(events)
    ]


def _odd_stars(events: Sequence[Event], model: Callable[[], Recommender]) -> dict[int, str]:
    """The places of the events whose stars are outside the scale, and how to say it."""
    rated = {place: each.rating for place, each in enumerate(events) if each.rating is not None}
    scale = _scale_of(model) if rated else None
    if scale is None:
        return {}
    return {
        place: f"rating {stars:.15g} is outside the scale {scale.low:g}..{scale.high:g}"
        " (etl.rating_scale)"
        for place, stars in rated.items()
        if not scale.low <= stars <= scale.high
    }


def _scale_of(model: Callable[[], Recommender]) -> RatingScale | None:
    """The shop's rating scale; None where nobody can be sure of it."""
    try:
        known = model()
    except SeleraError:
        return None
    ratings = known.histories.ratings[:_LOOKED_AT]
    is_settled = np.count_nonzero(~np.isnan(ratings)) >= SETTLED
    return known.rating_scale if is_settled else None
