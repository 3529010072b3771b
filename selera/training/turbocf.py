r"""Turbo-CF: polynomial filters of the item graph, without any factorization.

Park, Shin & Shin 2024, "Turbo-CF: matrix decomposition-free graph filtering for fast
recommendation", eqs. 4-9. R is the users x items evidence, s a power of each entry::

    R_a = D_U^-a R D_I^(a-1),    P = (R_a^T R_a)^(o s)

    degree 1:  P                 degree 2:  2 P - P^2
    degree 3:  P + 0.01 (-P^3 + 10 P^2 - 29 P)

and s_u = r_u times the filter. Where we differ: rows keep their `n_neighbors` largest entries,
before each product of matrices too, so that neither time nor memory grows with the square of the
number of items; `n_neighbors` 0 keeps all. D are sums of the weights.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from scipy.sparse import csr_array, eye_array

from ..contracts.histories import Histories
from ..contracts.sparse import SparseMatrix
from ..models.item_graph import ItemGraphModel
from .products import largest_of_product, scipy_of, sparse_of, transposed
from .typed import matrix_of, power, sums_by


class TurboCfConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of Turbo-CF: a, s, the degree of the filter, and how many edges stay."""

    user_damping: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.5
    edge_exponent: Annotated[float, Meta(ge=0.0, le=4.0)] = 1.0
    degree: Annotated[int, Meta(ge=1, le=3)] = 1
    n_neighbors: Annotated[int, Meta(ge=0, le=100_000)] = 500


def fit_turbocf(
    histories: Histories, n_items: int, config: TurboCfConfig, *, n_threads: int | None = None
) -> ItemGraphModel:
    """Learn the edges from the weights of all users' histories.

    Items without any weight have no edges, and so the score 0 for everyone.
    """
    weights = histories.weights.astype(np.float64)
    of_users = power(sums_by(histories.rows, weights, len(histories)), -config.user_damping)
    of_items = power(sums_by(histories.items, weights, n_items), config.user_damping - 1.0)
    damped = weights * of_users[histories.rows] * of_items[histories.items]
    matrix = matrix_of(histories, damped, n_items)
    most = config.n_neighbors or None
    graph = largest_of_product(transposed(matrix), matrix, most, n_threads=n_threads)
    values = graph.values**config.edge_exponent
    graph = SparseMatrix(graph.indptr, graph.columns, values, n_items)
    return ItemGraphModel(_filtered(graph, config.degree, most, n_threads))


def _filtered(
    graph: SparseMatrix, degree: int, most: int | None, n_threads: int | None
) -> SparseMatrix:
    """The filter of the degree, written as (a polynomial one degree lower) times the graph."""
    if degree == 1:
        return graph
    p, one = scipy_of(graph), eye_array(graph.n_rows, format="csr")
    if degree == 2:
        factor = 2.0 * one - p
    else:
        square = largest_of_product(graph, graph, most, n_threads=n_threads)
        factor = 0.71 * one + 0.1 * p - 0.01 * scipy_of(square)
    left = csr_array(factor, dtype=np.float32)
    left.sort_indices()
    return largest_of_product(sparse_of(left), graph, most, n_threads=n_threads)
