r"""RP3beta: random walks item -> user -> item, with popular ends held back.

Paudel, Christoffel, Newell & Bernstein 2017, "Updatable, accurate, diverse, and scalable
recommendations for interactive applications", eq. 5, in the form whose parameters Anelli et al.
2023 published ("Challenging the myth of graph collaborative filtering")::

    S_ij = [sum over u of (x_ui / d_i)^alpha (y_uj / d_u)^alpha] / d_j^beta

d are the sums of an item's or a user's evidence. Each row keeps its `n_neighbors` largest entries
and is divided by their sum; a user's score is the sum of the rows of the items in the history.

Where we differ: source and target are typed (`selera.training.typed`), and the edge of an item to
itself, which the authors drop, may stay with a weight. It matters only where a product that the
user has already touched may be recommended.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta

from ..contracts.histories import Histories
from ..contracts.sparse import SparseMatrix
from ..models.item_graph import ItemGraphModel
from .products import largest_of_product, transposed
from .typed import Share, Values, matrix_of, power, sums_by, target_values


class Rp3BetaConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of RP3beta."""

    n_neighbors: Annotated[int, Meta(ge=1, le=100_000)] = 100
    alpha: Annotated[float, Meta(ge=0.0, le=2.0)] = 0.5
    beta: Annotated[float, Meta(ge=0.0, le=2.0)] = 0.5
    target_visit_share: Share = 0.5
    self_weight: Share = 0.1
    history_exponent: Annotated[float, Meta(ge=0.0, le=2.0)] = 1.0


def fit_rp3beta(
    histories: Histories, n_items: int, config: Rp3BetaConfig, *, n_threads: int | None = None
) -> ItemGraphModel:
    """Learn the edges from the evidence and the purchases of all users' histories.

    Items without any weight have no edges, and so the score 0 for everyone.
    """
    rows, items = histories.rows, histories.items

    def steps_to_items(values: Values) -> Values:
        totals = sums_by(rows, values, len(histories))
        return power(_divided(values, totals[rows]), config.alpha)

    weights = histories.weights.astype(np.float64)
    totals = sums_by(items, weights, n_items)
    to_users = power(_divided(weights, totals[items]), config.alpha)
    targets = target_values(histories, config.target_visit_share, steps_to_items)
    popularity = sums_by(
        items, target_values(histories, config.target_visit_share, lambda values: values), n_items
    )
    edges = largest_of_product(
        transposed(matrix_of(histories, to_users, n_items)),
        matrix_of(histories, targets, n_items),
        config.n_neighbors,
        column_scales=power(popularity, -config.beta).astype(np.float32),
        self_weight=config.self_weight,
        n_threads=n_threads,
    )
    return ItemGraphModel(_with_rows_of_sum_one(edges), config.history_exponent)


def _divided(values: Values, totals: Values) -> Values:
    """values / totals, 0 where a total is 0."""
    return np.divide(values, totals, out=np.zeros_like(values), where=totals > 0)


def _with_rows_of_sum_one(edges: SparseMatrix) -> SparseMatrix:
    rows = np.repeat(np.arange(edges.n_rows), np.diff(edges.indptr))
    totals = sums_by(rows, edges.values.astype(np.float64), edges.n_rows)
    values = (edges.values / totals[rows]).astype(np.float32)
    return SparseMatrix(edges.indptr, edges.columns, values, edges.n_columns)
