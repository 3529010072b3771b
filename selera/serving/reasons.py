"""Why a product is on a user's list: the products of the user's own history that put it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..contracts.behaviors import BEHAVIORS, BUY_CODE, RATING_CODE, REVIEW_CODE, VISIT_CODE
from ..contracts.histories import Explanations, Histories
from ..contracts.ids import UNKNOWN_ROW, Id
from ..contracts.protocols import Taste
from ..models import Recommender
from .answers import Product, Reason, ReasonType
from .catalogue import LiveCatalogue
from .lists import Place, in_steps
from .merchandise import Boost

_STRONGEST_FIRST: tuple[tuple[int, ReasonType], ...] = (
    (BUY_CODE, "because_you_bought"),
    (RATING_CODE, "because_you_rated"),
    (REVIEW_CODE, "because_you_reviewed"),
    (VISIT_CODE, "because_you_visited"),
)

_STRONGEST: tuple[ReasonType, ...] = tuple(
    next((type for code, type in _STRONGEST_FIRST if kinds >> code & 1), "because_you_visited")
    for kinds in range(1 << len(BEHAVIORS))
)
"""Of each set of behaviors, a bit for each."""

Told = tuple[tuple[Reason, ...], float]
"""The reasons of one place, and what is left of its score without them."""

MOST_OF_SCORE = 1e6
"""Of what is larger than so many times the score, the score is what rounding left of it."""


def explain_list(
    model: Recommender,
    taste: Taste,
    places: Sequence[Place],
    steps: Sequence[float],
    catalogue: LiveCatalogue,
    max_reasons: int,
) -> list[list[Reason]]:
    """The reasons of each place of the list, in steps of its score, the largest first.

    Only products that speak for the recommendation are named: contributions above 0. A product with
    several behaviors is named by the one that says most (bought, rated, reviewed, visited). The
    name of a product that has left the catalogue is null. A product that the model lacks has none.
    """
    scored = [each for each in zip(places, steps, strict=True) if each[0].item != UNKNOWN_ROW]
    items = np.array([place.item for place, _ in scored], dtype=np.int64)
    largest = zip(scored, _largest(taste.explain(items), max_reasons), strict=True)
    parts = {place.item: told_parts(part, place.score, each) for (place, each), part in largest}
    rows = list({item for part in parts.values() for item, _ in part})
    ids = dict(zip(rows, model.items.ids(rows), strict=True))
    products = catalogue.details(list(ids.values()))
    types = _types(taste.history, rows)
    return [
        [
            _reason(types[item], ids[item], products, value)
            for item, value in parts.get(place.item, ())
        ]
        for place in places
    ]


def told_parts(
    parts: Sequence[tuple[int, float]], score: float, steps: float
) -> list[tuple[int, float]]:
    """Those parts of a score that are above 0 in its steps."""
    most = MOST_OF_SCORE * abs(score)
    told = [(item, in_steps(value, steps)) for item, value in parts if value <= most]
    return [each for each in told if each[1] > 0]


def boost_reasons(boosts: Sequence[Boost], unit: float, steps: float) -> list[Reason]:
    """What rules of the shop add to a score; `unit` is that of a strength 1."""
    return [
        Reason(
            "boosted_by_rule", contribution=in_steps(boost.strength * unit, steps), rule=boost.name
        )
        for boost in boosts
    ]


def with_baseline(reasons: Sequence[Reason], score: float, steps: float) -> Told:
    """The reasons, and what is left of the score without them: they and it sum to it exactly."""
    left = in_steps(score, steps) - sum(reason.contribution for reason in reasons)
    return tuple(reasons), in_steps(left, steps)


def _reason(
    type: ReasonType, id: Id, products: Mapping[Id, Product], contribution: float
) -> Reason:
    product = products.get(id)
    name = product.product_name if product is not None else None
    return Reason(
        type=type,
        product_id=id,
        product_name=name if isinstance(name, str) else None,
        contribution=contribution,
    )


def _largest(explanations: Explanations, n: int) -> list[list[tuple[int, float]]]:
    """Of each score, the n items of the history that add most to it; ties: the lower row."""
    added = explanations.contributions
    order = np.argsort(-added, axis=1, kind="stable")[:, :n]
    items = explanations.items[order].tolist()
    values = added[np.arange(len(added))[:, None], order].tolist()
    return [list(zip(*each, strict=True)) for each in zip(items, values, strict=True)]


def _types(history: Histories, rows: Sequence[int]) -> dict[int, ReasonType]:
    """The strongest behavior of each of these items of the history."""
    kinds = history.kinds[np.searchsorted(history.items, rows)].tolist()
    return {row: _STRONGEST[kind] for row, kind in zip(rows, kinds, strict=True)}
