"""Observed pairs by the rows of each side, arranged for half-steps over many rows at once.

Both sides are numbered by falling counts: rows that are often read lie together, and the longest
problems are handed out first. How they are cut into parts depends on the data alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..contracts.histories import Histories
from ..models.weighted_factor import WeightedSquares

_ROW_COST = 8
_MOST_PARTS = 64
_LEAST_PART = 4096


@dataclass(frozen=True, slots=True)
class Side:
    """The observed pairs by the rows of one side; both sides are numbered by falling counts.

    indptr, columns : CSR, int64 (n_rows + 1,), int32 (nnz,)
    scales, targets : float32 (nnz,), sqrt(c) and sqrt(c) * p
    penalties : float32 (n_rows,)
    places : int64 (n_rows,), the number that each row has here
    parts : ranges of rows of about equal work
    """

    indptr: NDArray[np.int64]
    columns: NDArray[np.int32]
    scales: NDArray[np.float32]
    targets: NDArray[np.float32]
    penalties: NDArray[np.float32]
    places: NDArray[np.int64]
    parts: list[slice]

    @classmethod
    def of(
        cls,
        rows: NDArray[np.integer],
        columns: NDArray[np.integer],
        scales: NDArray[np.float32],
        targets: NDArray[np.float32],
        places: tuple[NDArray[np.int64], NDArray[np.int64]],
        objective: WeightedSquares,
    ) -> Self:
        """Sort the pairs by this side's rows, both sides renumbered by `places`."""
        row_places, column_places = places
        shape = len(row_places), len(column_places)
        numbered = row_places[rows], column_places[columns]
        order = csr_array((np.arange(1, len(rows) + 1), numbered), shape=shape)
        order.sort_indices()
        chosen, indptr = order.data - 1, order.indptr.astype(np.int64)
        penalties = objective.penalties(indptr, np.square(scales[chosen]), shape[1])
        return cls(
            indptr=indptr,
            columns=order.indices.astype(np.int32),
            scales=scales[chosen],
            targets=targets[chosen],
            penalties=penalties.astype(np.float32),
            places=row_places,
            parts=_parts(indptr),
        )


def both_sides(histories: Histories, n_items: int, objective: WeightedSquares) -> tuple[Side, Side]:
    """The observed pairs by users and by items; what counts 0 is left out."""
    confidences = objective.confidences(histories)
    observed = histories.where(confidences > 0)
    scales = np.sqrt(confidences[confidences > 0])
    targets = np.where(observed.weights > 0, scales, np.float32(0))
    rows, columns = observed.rows, observed.items
    users = _by_falling_counts(np.bincount(rows, minlength=len(histories)))
    items = _by_falling_counts(np.bincount(columns, minlength=n_items))
    return (
        Side.of(rows, columns, scales, targets, (users, items), objective),
        Side.of(columns, rows, scales, targets, (items, users), objective),
    )


def _by_falling_counts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of each row when the longest come first."""
    places = np.empty(len(counts), dtype=np.int64)
    places[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return places


def _parts(indptr: NDArray[np.int64]) -> list[slice]:
    """Contiguous ranges of rows of about equal work, which depends on the data alone."""
    work = indptr + _ROW_COST * np.arange(len(indptr))
    n_parts = int(np.clip(work[-1] // _LEAST_PART, 1, _MOST_PARTS))
    ends = np.searchsorted(work, np.linspace(0, work[-1], n_parts + 1))
    ends[-1] = len(indptr) - 1
    return [slice(a, b) for a, b in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]
