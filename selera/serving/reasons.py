"""Why a product is on a user's list: the products of the user's own history that put it there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..contracts.behaviors import Behavior, BehaviorRow
from ..contracts.histories import Explanation, Histories
from ..contracts.ids import Id
from ..contracts.protocols import Catalogue
from ..models import Recommender
from .answers import Reason, ReasonType
from .lists import Found, rounded

_STRONGEST_FIRST: tuple[tuple[Behavior, ReasonType], ...] = (
    ("buy", "because_you_bought"),
    ("rating", "because_you_rated"),
    ("review", "because_you_reviewed"),
    ("visit", "because_you_visited"),
)


def explain_list(
    model: Recommender,
    history: Histories,
    behaviors: Sequence[BehaviorRow],
    found: Sequence[Found],
    catalogue: Catalogue,
    max_reasons: int,
) -> list[list[Reason]]:
    """The reasons of each place of the list, the largest contribution first.

    Only products that speak for the recommendation are named: contributions above 0. A product with
    several behaviors is named by the one that says most (bought, rated, reviewed, visited). The
    name of a product that has left the catalogue is null.
    """
    explain = model.explainer(history)
    parts = [_largest(model, explain(place.item), max_reasons) for place in found]
    types = _types(behaviors)
    names = catalogue.products(sorted({id for part in parts for id, _ in part}))
    return [
        [
            Reason(
                type=types[id],
                product_id=id,
                product_name=names.get(id, {}).get("product_name"),
                contribution=rounded(contribution),
            )
            for id, contribution in part
        ]
        for part in parts
    ]


def _largest(model: Recommender, explanation: Explanation, n: int) -> list[tuple[Id, float]]:
    """The n products of the history that add most to a score; ties: the lower row."""
    order = np.argsort(-explanation.contributions, kind="stable")[:n]
    return [
        (model.items.id(int(explanation.items[place])), float(explanation.contributions[place]))
        for place in order
        if explanation.contributions[place] > 0
    ]


def _types(behaviors: Sequence[BehaviorRow]) -> dict[Id, ReasonType]:
    """The strongest behavior of each product."""
    types: dict[Id, ReasonType] = {}
    for behavior, reason_type in _STRONGEST_FIRST:
        for row in behaviors:
            if row.behavior == behavior:
                types.setdefault(row.product_id, reason_type)
    return types
