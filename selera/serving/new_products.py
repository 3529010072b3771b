"""Products that the model lacks: scored for a user by category, brand and the other fields."""

from __future__ import annotations

import numpy as np

from ..contracts.ids import Id
from ..contracts.protocols import Taste
from ..models import Recommender
from ..models.topn import best_places
from .lists import Choice


def score_new_products(model: Recommender, taste: Taste, choice: Choice, n: int) -> dict[Id, float]:
    """The scores of those new products that may be listed, on the scale of the others.

    Where no rule lifts or pins anything, of the best n alone. Empty where the model has learnt
    nothing from products' fields.
    """
    new = choice.shelf.new
    if new.features is None or not len(new.rows):
        return {}
    open = np.flatnonzero(choice.may_list(new.rows))
    if not len(open):
        return {}
    scores = model.cold_start.score_described(taste, new.features)[open]
    if choice.effects is None:
        best = best_places(scores, n)
        open, scores = open[best], scores[best]
    return {new.ids[at]: score for at, score in zip(open.tolist(), scores.tolist(), strict=True)}
