r"""Co-visits: items are near where the same users touched them one soon after the other.

The sequence of each user is cut into windows of w items that overlap: a new one begins every
w / o items. Two items that stand k places apart share about o (1 - k / w) windows, so item-kNN on
windows instead of users weighs a pair by its distance in the sequence, without a walk over pairs::

    S_ij = d_i^-a d_j^-b  sum over windows W of  x_Wi y_Wj d_u^-c         u the user of W

The idea is that of the co-visitation matrices with decaying weights that were the common base of
the best solutions of the OTTO challenge (2022); d, x, y and the kept neighbors are those of
item-kNN. Where no times are known each history is one window: plain item-kNN.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ..contracts.histories import Histories
from ..contracts.sparse import SparseMatrix
from ..models.item_graph import ItemGraphModel
from .itemknn import Damping
from .products import largest_of_product, transposed
from .typed import Share, power, sums_by, target_values


class CovisitsConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of co-visits: windows of `window` items, each item in `n_overlaps` of them."""

    window: Annotated[int, Meta(ge=2, le=1000)] = 20
    n_overlaps: Annotated[int, Meta(ge=1, le=100)] = 5
    n_neighbors: Annotated[int, Meta(ge=1, le=100_000)] = 300
    source_damping: Damping = 0.5
    target_damping: Damping = 0.3
    user_damping: Damping = 0.3
    target_visit_share: Share = 0.3
    self_weight: Share = 0.0


def fit_covisits(
    histories: Histories, n_items: int, config: CovisitsConfig, *, n_threads: int | None = None
) -> ItemGraphModel:
    """Learn the neighbors from the order in which users touched items.

    Items without any weight have no neighbors, and so the score 0 for everyone.
    """
    rows, items = histories.rows, histories.items
    sources = histories.weights.astype(np.float64)
    targets = target_values(histories, config.target_visit_share, lambda values: values)
    of_users = power(sums_by(rows, sources**2, len(histories)), -config.user_damping)
    of_sources = power(sums_by(items, sources**2, n_items), -config.source_damping)
    of_targets = power(sums_by(items, targets**2, n_items), -config.target_damping)
    indptr, places = _windows(histories, config)
    columns = items[places]
    damped = (sources * of_users[rows] * of_sources[items])[places]
    left = SparseMatrix(indptr, columns, damped.astype(np.float32), n_items)
    right = SparseMatrix(indptr, columns, targets[places].astype(np.float32), n_items)
    edges = largest_of_product(
        transposed(left),
        right,
        config.n_neighbors,
        column_scales=of_targets.astype(np.float32),
        self_weight=config.self_weight,
        n_threads=n_threads,
    )
    return ItemGraphModel(edges)


def _windows(
    histories: Histories, config: CovisitsConfig
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each window begins, int64 (n_windows + 1,), and the entries that stand in it.

    The first window of a user holds only the first items and the last one only the last, so that
    each item stands in as many windows as any other. Entries of a window: items rising.
    """
    lengths = np.diff(histories.indptr)
    if not (histories.ages == histories.ages).any():
        return histories.indptr, np.arange(len(histories.items))
    step = max(1, config.window // config.n_overlaps)
    size = step * config.n_overlaps if config.window >= config.n_overlaps else config.window
    n_windows = -(-(lengths + size - step) // step)
    owners = np.repeat(np.arange(len(lengths)), n_windows)
    order_in_user = np.arange(len(owners)) - np.repeat(np.cumsum(n_windows) - n_windows, n_windows)
    begins = order_in_user * step - (size - step)
    ends = np.minimum(begins + size, lengths[owners])
    begins = np.maximum(begins, 0)
    sizes = ends - begins
    indptr = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    shifts = np.repeat(histories.indptr[owners] + begins - indptr[:-1], sizes)
    ages = np.nan_to_num(histories.ages, nan=np.inf)  # unknown is oldest
    oldest_first = np.lexsort((-ages, histories.rows))
    places = oldest_first[np.arange(indptr[-1]) + shifts]
    by_item = np.lexsort((places, np.repeat(np.arange(len(sizes)), sizes)))
    return indptr, places[by_item]
