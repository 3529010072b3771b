"""Why a product is on a user's list: the products of the user's own history that put it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..contracts.behaviors import BUY_CODE, RATING_CODE, REVIEW_CODE, VISIT_CODE
from ..contracts.histories import Explanations, Histories
from ..contracts.ids import UNKNOWN_ROW, Id
from ..contracts.protocols import Taste
from ..models import Recommender
from .answers import Product, Reason, ReasonType
from .catalogue import LiveCatalogue
from .lists import Place, rounded
from .merchandise import Boost

_STRONGEST_FIRST: tuple[tuple[int, ReasonType], ...] = (
    (BUY_CODE, "because_you_bought"),
    (RATING_CODE, "because_you_rated"),
    (REVIEW_CODE, "because_you_reviewed"),
    (VISIT_CODE, "because_you_visited"),
)

Told = tuple[tuple[Reason, ...], float]
"""The reasons of one place, and what is left of its score without them."""

NO_REASONS: Told = ((), 0.0)


def explain_list(
    model: Recommender,
    taste: Taste,
    places: Sequence[Place],
    catalogue: LiveCatalogue,
    max_reasons: int,
) -> list[Told | None]:
    """The reasons of each place of the list, the largest contribution first, and the baseline.

    Only products that speak for the recommendation are named: contributions above 0. A product with
    several behaviors is named by the one that says most (bought, rated, reviewed, visited). The
    name of a product that has left the catalogue is null. A product that the model lacks has no
    parts: None.
    """
    items = np.array([each.item for each in places if each.item != UNKNOWN_ROW], dtype=np.int64)
    parts = _largest(taste.explain(items), max_reasons)
    rows = sorted({item for part in parts for item, _ in part})
    ids = dict(zip(rows, model.items.ids(rows), strict=True))
    products = catalogue.details(list(ids.values()))
    types = _types(taste.history, rows)
    told = iter(
        [
            tuple(_reason(types[item], ids[item], products, value) for item, value in part)
            for part in parts
        ]
    )
    return [
        None if place.item == UNKNOWN_ROW else _with_baseline(next(told), place.score)
        for place in places
    ]


def with_boosts(told: Told, boosts: Sequence[Boost], unit: float, score: float) -> Told:
    """The reasons and, after them, what rules of the shop add; `unit` is that of a strength 1."""
    added = (
        Reason("boosted_by_rule", contribution=rounded(boost.strength * unit), rule=boost.name)
        for boost in boosts
    )
    return _with_baseline((*told[0], *added), score)


def _with_baseline(reasons: tuple[Reason, ...], score: float) -> Told:
    named = sum(reason.contribution for reason in reasons)
    return reasons, float(f"{rounded(score) - named:.12g}")


def _reason(
    type: ReasonType, id: Id, products: Mapping[Id, Product], contribution: float
) -> Reason:
    product = products.get(id)
    name = product.product_name if product is not None else None
    return Reason(
        type=type,
        product_id=id,
        product_name=name if isinstance(name, str) else None,
        contribution=rounded(contribution),
    )


def _largest(explanations: Explanations, n: int) -> list[list[tuple[int, float]]]:
    """Of each score, the n items of the history that add most to it; ties: the lower row."""
    added = explanations.contributions
    order = np.argsort(-added, axis=1, kind="stable")[:, :n]
    items = explanations.items[order].tolist()
    values = np.take_along_axis(added, order, axis=1).tolist()
    return [
        [(item, value) for item, value in zip(*each, strict=True) if value > 0]
        for each in zip(items, values, strict=True)
    ]


def _types(history: Histories, rows: Sequence[int]) -> dict[int, ReasonType]:
    """The strongest behavior of each of these items of the history."""
    kinds = history.kinds[np.searchsorted(history.items, rows)].tolist()
    return {row: _strongest(kind) for row, kind in zip(rows, kinds, strict=True)}


def _strongest(kinds: int) -> ReasonType:
    return next(
        (type for code, type in _STRONGEST_FIRST if kinds >> code & 1), "because_you_visited"
    )
