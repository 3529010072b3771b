"""Products that the model lacks: scored for a user by their fields, or closing a list unscored."""

from __future__ import annotations

from collections.abc import Sequence

from ..contracts.ids import UNKNOWN_ROW, Id
from ..contracts.protocols import Taste
from ..models import Recommender
from ..models.topn import best_places
from .catalogue import LiveCatalogue
from .lists import Choice, Place, closing_score

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
    open = choice.new(MOST_NEW)
    if not len(open):
        return {}
    features = new.features if len(open) == len(new.rows) else new.features.gather(open)
    scores = model.cold_start.score_described(taste, features)
    if choice.effects is None:
        best = best_places(scores, n)
        open, scores = open[best], scores[best]
    ids = choice.shelf.ids.ids(new.rows[open])
    return dict(zip(ids, scores.tolist(), strict=True))


def closing_places(
    model: Recommender,
    taste: Taste,
    choice: Choice,
    catalogue: LiveCatalogue,
    places: Sequence[Place],
    n: int,
) -> list[Place]:
    """At most n new products to close a list of which these places are all that can be ranked.

    They stand as their fields have it for this taste or, where the model has learnt nothing from
    fields, the last ids first.
    """
    listed = {place.product.product_id for place in places}
    new, most = choice.shelf.new, n + len(listed)
    if new.features is None:
        ids = choice.shelf.ids.ids(new.rows[choice.new(most)][::-1])
    else:
        scores = score_new_products(model, taste, choice, most)
        ids = sorted(scores, key=scores.__getitem__, reverse=True)
    ids = [id for id in ids if id not in listed][:n]
    products, score = catalogue.details(ids), closing_score(places)
    return [Place(UNKNOWN_ROW, score, products[id], "new") for id in ids if id in products]
