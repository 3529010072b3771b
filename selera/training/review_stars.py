"""Reviews without stars get those that their texts say, before behaviors are weighed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..contracts.behaviors import RATING_CODE, REVIEW_CODE
from ..contracts.interactions import Interactions
from ..models.review_text import ReviewTextModel, without_stars
from .review_text import ReviewTextConfig, fit_review_text


def read_reviews(
    interactions: Interactions, config: ReviewTextConfig, *, seed: int
) -> tuple[Interactions, ReviewTextModel | None, dict[str, Any] | None]:
    """The interactions with read stars, the model that read them, and what is to be said of it.

    A text is learnt from with its review's own stars, else with the user's latest rating of the
    product. Nothing is read where all reviews have stars, or where their texts tell none.
    """
    texts, places, scale = interactions.texts, interactions.text_places, interactions.rating_scale
    if texts is None or places is None or scale is None:
        return interactions, None, None
    stars = _known_stars(interactions)
    known = np.flatnonzero((places >= 0) & ~np.isnan(stars))
    model, said = fit_review_text(
        texts.read(places[known].tolist()), stars[known], scale, config, seed=seed
    )
    facts = msgspec.to_builtins(said)
    if model is None:
        return interactions, None, facts
    bare = without_stars(interactions.pairs, interactions.behaviors, interactions.values)
    bare = bare[places[bare] >= 0]
    values = model.fill(interactions.values, bare, texts.read(places[bare].tolist()))
    return replace(interactions, values=values), model, facts


def _known_stars(interactions: Interactions) -> NDArray[np.float32]:
    """The stars that each review has: its own, else the latest of its pair; NaN for none."""
    values, behaviors = interactions.values, interactions.behaviors
    reviews = behaviors == REVIEW_CODE
    gives = np.flatnonzero((reviews | (behaviors == RATING_CODE)) & ~np.isnan(values))
    pairs = interactions.pairs
    order = gives[np.lexsort((interactions.timestamps[gives], pairs[gives]))]
    stars = np.full(len(values), np.nan, dtype=np.float32)
    if len(order):
        last = np.searchsorted(pairs[order], pairs, side="right") - 1
        found = (last >= 0) & (pairs[order[last]] == pairs) & reviews
        stars[found] = values[order[last[found]]]
    own = reviews & ~np.isnan(values)
    stars[own] = values[own]
    return stars
