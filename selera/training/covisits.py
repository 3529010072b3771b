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

_ENTRIES_AT_ONCE = 2_000_000


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
    damped = (sources * of_users[rows] * of_sources[items]).astype(np.float32)
    left = SparseMatrix(indptr, columns, damped[places], n_items)
    right = SparseMatrix(indptr, columns, targets.astype(np.float32)[places], n_items)
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
    histories: Histories, config: CovisitsConfig, most_at_once: int = _ENTRIES_AT_ONCE
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each window begins, int64 (n_windows + 1,), and the entries that stand in it.

    The first window of a user holds only the first items and the last one only the last, so that
    each item stands in as many windows as any other. Entries of a window: items rising. They are
    found for a range of windows at once, of `most_at_once` entries: memory for the answer aside.
    """
    if np.isnan(histories.ages).all():
        return histories.indptr, np.arange(len(histories.items))
    step = max(1, config.window // config.n_overlaps)
    size = step * config.n_overlaps if config.window >= config.n_overlaps else config.window
    ages = np.nan_to_num(histories.ages, nan=np.inf)  # unknown is oldest
    oldest_first = np.lexsort((-ages, histories.rows))
    lasts = np.cumsum(-(-(np.diff(histories.indptr) + size - step) // step))
    indptr = np.zeros(int(lasts[-1]) + 1, dtype=np.int64)
    entries = np.empty(len(oldest_first) * (size // step), dtype=np.int64)
    n_at_once = max(1, most_at_once // size)
    for first in range(0, int(lasts[-1]), n_at_once):
        numbers = np.arange(first, min(first + n_at_once, int(lasts[-1])))
        begins, sizes = _bounds(histories.indptr, lasts, numbers, size, step)
        ends = np.cumsum(sizes)
        indptr[numbers + 1] = indptr[first] + ends
        places = np.arange(ends[-1]) + np.repeat(begins - (ends - sizes), sizes)
        # One sort of plain numbers orders the entries of all these windows.
        bases = np.repeat(np.arange(len(sizes)) * len(oldest_first), sizes)
        found = np.sort(bases + oldest_first[places]) - bases
        entries[indptr[first] : indptr[numbers[-1] + 1]] = found
    return indptr, entries


def _bounds(
    indptr: NDArray[np.int64],
    lasts: NDArray[np.int64],
    numbers: NDArray[np.int64],
    size: int,
    step: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the windows with these numbers begin in the sequences of all users, and their sizes.

    lasts : int64 (n_users,), how many windows the users up to this one have
    """
    owners = np.searchsorted(lasts, numbers, side="right")
    lengths = indptr[owners + 1] - indptr[owners]
    counts = -(-(lengths + size - step) // step)
    begins = (numbers - (lasts[owners] - counts)) * step - (size - step)
    ends = np.minimum(begins + size, lengths)
    begins = np.maximum(begins, 0)
    return indptr[owners] + begins, ends - begins
