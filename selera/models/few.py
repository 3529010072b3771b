r"""Tastes of few entries: scores that are sums over some (item, entry of the history) pairs.

::

    score(i) = sum over terms t with items[t] = i of  values[t]

An item graph has a term for each edge that leaves the history; what no term names has the score 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Explanations, Histories
from ..contracts.sparse import SparseMatrix
from .taste import LARGE, Taste
from .topn import best_places


class FewTaste(Taste):
    """Answers from terms; a large catalogue is never written out.

    items : int32 (n_terms,)
    values : float (n_terms,)
    counts : int64 (n_owners,), how many terms, in their order, are due to each owner: an entry of
        the history, unless a subclass says
    """

    __slots__ = ("_sums", "counts", "items", "values")

    def __init__(
        self,
        history: Histories,
        n_items: int,
        items: NDArray[np.int32],
        values: NDArray[np.floating[Any]],
        counts: NDArray[np.int64],
    ) -> None:
        super().__init__(history, n_items)
        self.items, self.values, self.counts = items, values, counts
        self._sums: tuple[NDArray[np.int64], NDArray[np.float32]] | None = None

    def sums(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The items that have terms, rising, and their scores: int64, float32 (n_found,)."""
        if self._sums is None:
            ordered, order = _sorted(self.items)
            firsts = np.flatnonzero(np.diff(ordered, prepend=-1))
            sums = np.add.reduceat(self.values[order].astype(np.float64), firsts)
            found = sums if len(firsts) else np.empty(0)
            self._sums = ordered[firsts], found.astype(np.float32)
        return self._sums

    def _all(self) -> NDArray[np.float32]:
        return np.bincount(self.items, self.values, self.n_items).astype(np.float32)

    def of(self, items: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Scores of some items, float32 (m,)."""
        if self.n_items <= LARGE:
            return super().of(items)
        found, scores = self.sums()
        if not len(found):
            return np.zeros(len(items), dtype=np.float32)
        places = np.minimum(np.searchsorted(found, items), len(found) - 1)
        return np.where(found[places] == items, scores[places], np.float32(0))

    def best(self, n: int, open: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Rows of the n best open items that have terms, and of the first n that have none."""
        if self.n_items <= LARGE:
            return super().best(n, open)
        found, scores = self.sums()
        there = open[found]
        best = best_places(np.where(there, scores, np.float32(-np.inf)), n)
        untold = open.copy()
        untold[found] = False
        return np.concatenate([found[best], first_of(untold, n)])

    def moments(self) -> tuple[float, float]:
        """Mean and standard deviation of the scores of all items; 0 where all are the same."""
        if self.n_items <= LARGE:
            return super().moments()
        exact = self.sums()[1].astype(np.float64)
        mean = float(exact.sum()) / self.n_items
        variance = float(exact @ exact) / self.n_items - mean**2
        return mean, float(np.sqrt(max(variance, 0.0)))

    def sums_by_owner(
        self, values: NDArray[np.floating[Any]], items: NDArray[np.integer[Any]], n_owners: int
    ) -> NDArray[np.float64]:
        """The sums over the terms of distinct items and of each owner, float64 (m, n_owners)."""
        slots = np.zeros(self.n_items, dtype=np.int32)
        slots[items] = np.arange(1, len(items) + 1)
        asked = slots[self.items]
        terms = np.flatnonzero(asked)
        owners = np.searchsorted(np.cumsum(self.counts), terms, side="right")
        places = (asked[terms] - 1) * n_owners + owners
        sums = np.bincount(places, values[terms], len(items) * n_owners).astype(np.float64)
        return sums.reshape(len(items), n_owners)

    def explain(self, items: NDArray[np.integer[Any]]) -> Explanations:
        """The exact additive parts of the scores of distinct items; the baselines are 0."""
        parts = self.sums_by_owner(self.values, items, len(self.history.items))
        nothing = np.zeros(len(items))
        return Explanations(nothing, self.history.items, parts.astype(np.float32))


def edges_taste(history: Histories, weights: NDArray[np.float32], edges: SparseMatrix) -> FewTaste:
    """The terms weights[j] * edges[j, i] of one history."""
    starts, stops = edges.indptr[history.items], edges.indptr[history.items + 1]
    rows = [slice(*bounds) for bounds in zip(starts.tolist(), stops.tolist(), strict=True)]
    columns = np.concatenate([edges.columns[:0], *(edges.columns[row] for row in rows)])
    values = np.concatenate([edges.values[:0], *(edges.values[row] for row in rows)])
    counts = stops - starts
    return FewTaste(history, edges.n_columns, columns, values * np.repeat(weights, counts), counts)


def first_of(open: NDArray[np.bool_], n: int) -> NDArray[np.int64]:
    """The first n places at which `open` is true, rising; fewer where there are not so many."""
    width = 4 * n
    while True:
        places = np.flatnonzero(open[:width])
        if len(places) >= n or width >= len(open):
            return places[:n]
        width *= 8


def _sorted(items: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The items in rising order, and their places; equal ones keep theirs.

    One sort of plain numbers, item and place in one, is several times faster than an argsort.
    """
    bits = len(items).bit_length()
    keys = np.sort((items.astype(np.int64) << bits) | np.arange(len(items)))
    return keys >> bits, keys & ((1 << bits) - 1)
