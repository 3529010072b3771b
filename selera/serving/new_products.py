"""Products that the model lacks: scored for a user by category, brand and the other fields."""

from __future__ import annotations

import numpy as np

from ..contracts.ids import Id
from ..contracts.protocols import Taste
from ..models import Recommender
from ..models.topn import best_places
from .lists import Choice

MOST_NEW = 1000
"""New products that are scored for one list; of more that may be on it, those with the last ids."""


def score_new_products(model: Recommender, taste: Taste, choice: Choice, n: int) -> dict[Id, float]:
    """The scores of those new products that may be listed, on the scale of the others.

    Where no rule lifts or pins anything, of the best n alone. Empty where the model has learnt
    nothing from products' fields.
    """
    new = choice.shelf.new
    if new.features is None or not len(new.rows):
        return {}
    open = np.flatnonzero(choice.may_list(new.rows))[-MOST_NEW:]
    if not len(open):
        return {}
    scores = model.cold_start.score_described(taste, new.features.gather(open))
    if choice.effects is None:
        best = best_places(scores, n)
        open, scores = open[best], scores[best]
    ids = choice.shelf.ids.ids(new.rows[open])
    return dict(zip(ids, scores.tolist(), strict=True))
