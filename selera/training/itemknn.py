r"""Item-kNN: items are near where the same users have them, and few others do.

Sarwar, Karypis, Konstan & Riedl 2001, "Item-based collaborative filtering recommendation
algorithms", with the cosine's exponents left open (asymmetric cosine: Aiolli 2013, "Efficient top-N
recommendation for very large scale binary rated datasets") and a weight for users of long
histories::

    S_ij = d_i^-a d_j^-b  n_ij / (n_ij + h)  sum over u of  x_ui y_uj d_u^-c

d are sums of squares, of an item's column or a user's row; n_ij counts the users who have both and
h is the shrinkage. a = b = 1/2, c = h = 0 is the cosine. Each row keeps its `n_neighbors` largest
entries; a user's score is the sum of the rows of the items in the history. Source x and target y
are typed (`selera.training.typed`); `self_weight` says how
far an item is its own neighbor.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from ..contracts.histories import Histories
from ..models.item_graph import ItemGraphModel
from .products import largest_of_product, transposed
from .typed import Share, matrix_of, power, sums_by, target_values

Damping = Annotated[float, Meta(ge=0.0, le=2.0)]


class ItemKnnConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of item-kNN; the three dampings are a, b and c."""

    n_neighbors: Annotated[int, Meta(ge=1, le=100_000)] = 200
    source_damping: Damping = 0.5
    target_damping: Damping = 0.5
    user_damping: Damping = 0.5
    shrinkage: Annotated[float, Meta(ge=0.0, le=10_000.0)] = 5.0
    target_visit_share: Share = 0.3
    self_weight: Share = 0.1
    history_exponent: Annotated[float, Meta(ge=0.0, le=2.0)] = 1.0


def fit_itemknn(
    histories: Histories, n_items: int, config: ItemKnnConfig, *, n_threads: int | None = None
) -> ItemGraphModel:
    """Learn the neighbors from the evidence and the purchases of all users' histories.

    Items without any weight have no neighbors, and so the score 0 for everyone.
    """
    rows, items = histories.rows, histories.items
    sources = histories.weights.astype(np.float64)
    targets = target_values(histories, config.target_visit_share, lambda values: values)
    of_users = power(sums_by(rows, sources**2, len(histories)), -config.user_damping)
    of_sources = power(sums_by(items, sources**2, n_items), -config.source_damping)
    of_targets = power(sums_by(items, targets**2, n_items), -config.target_damping)
    edges = largest_of_product(
        transposed(matrix_of(histories, sources * of_users[rows] * of_sources[items], n_items)),
        matrix_of(histories, targets, n_items),
        config.n_neighbors,
        column_scales=of_targets.astype(np.float32),
        shrinkage=config.shrinkage,
        self_weight=config.self_weight,
        n_threads=n_threads,
    )
    return ItemGraphModel(edges, config.history_exponent)
