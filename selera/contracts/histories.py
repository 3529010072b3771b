"""What a model is asked with, and what it answers: histories in, ordered items out."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

NO_ITEM = -1


@dataclass(frozen=True, slots=True)
class Histories:
    """The histories of a batch of users, compressed by rows (CSR): what each user did with an item.

    An item appears at most once in a history; the items of a history are sorted.

    indptr : int64 (n_users + 1,), history b is the slice indptr[b] : indptr[b + 1]
    items : int32 (nnz,), item rows
    weights : float32 (nnz,), evidence of liking, >= 0; 0 means seen but not liked
    ratings : float32 (nnz,), the user's latest stars for the item, NaN where there are none
    ages : float32 (nnz,), days since the user's latest behavior with the item, NaN where no time is
        known; below 0 for what came after the time from which ages count
    purchases : float32 (nnz,), how often the user bought the item, old purchases counting less; 0
        where the user never did
    kinds : uint8 (nnz,), bit b is set where the user showed the behavior with code b
    """

    indptr: NDArray[np.int64]
    items: NDArray[np.int32]
    weights: NDArray[np.float32]
    ratings: NDArray[np.float32]
    ages: NDArray[np.float32]
    purchases: NDArray[np.float32]
    kinds: NDArray[np.uint8]

    @classmethod
    def plain(
        cls,
        indptr: NDArray[np.int64],
        items: NDArray[np.int32],
        *,
        weights: NDArray[np.float32] | None = None,
        ratings: NDArray[np.float32] | None = None,
        ages: NDArray[np.float32] | None = None,
    ) -> Self:
        """Histories of which only this is known; else weight 1, no stars, no time, no behavior."""
        unknown = np.full(len(items), np.nan, dtype=np.float32)
        return cls(
            indptr=indptr,
            items=items,
            weights=np.ones(len(items), dtype=np.float32) if weights is None else weights,
            ratings=unknown if ratings is None else ratings,
            ages=unknown if ages is None else ages,
            purchases=np.zeros(len(items), dtype=np.float32),
            kinds=np.zeros(len(items), dtype=np.uint8),
        )

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def entries(self, user: int) -> slice:
        """Where the history at position `user` of the batch lies in the arrays."""
        return slice(int(self.indptr[user]), int(self.indptr[user + 1]))

    def take(self, start: int, stop: int) -> Histories:
        """The histories start .. stop-1, as views."""
        entries = slice(int(self.indptr[start]), int(self.indptr[stop]))
        return self._chosen(self.indptr[start : stop + 1] - self.indptr[start], entries)

    def gather(self, users: NDArray[np.int64]) -> Histories:
        """The histories at the given positions of the batch, int64 (m,), in their order."""
        lengths = np.diff(self.indptr)[users]
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        starts = self.indptr[:-1][users]
        places = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], lengths)
        return self._chosen(indptr, places)

    def where(self, chosen: NDArray[np.bool_]) -> Histories:
        """The entries at which `chosen`, bool (nnz,), is true; every user stays."""
        ends = np.concatenate([[0], np.cumsum(chosen)])
        return self._chosen(ends[self.indptr].astype(np.int64), chosen)

    def _chosen(
        self, indptr: NDArray[np.int64], places: slice | NDArray[np.int64] | NDArray[np.bool_]
    ) -> Histories:
        columns = {each.name: getattr(self, each.name)[places] for each in fields(self)[1:]}
        return Histories(indptr, **columns)

    @property
    def rows(self) -> NDArray[np.int64]:
        """Position in the batch of each entry, int64 (nnz,)."""
        return np.repeat(np.arange(len(self)), np.diff(self.indptr))


@dataclass(frozen=True, slots=True)
class ItemSets:
    """A set of items for each of some users, compressed by rows (CSR): what there is to hit.

    indptr : int64 (n_users + 1,), set u is the slice indptr[u] : indptr[u + 1]
    items : int32 (nnz,), item rows, rising within a set
    """

    indptr: NDArray[np.int64]
    items: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def of(self, user: int) -> NDArray[np.int32]:
        """The set of one user, as a view."""
        return self.items[int(self.indptr[user]) : int(self.indptr[user + 1])]

    def where(self, chosen: NDArray[np.bool_]) -> ItemSets:
        """The items at which `chosen`, bool (nnz,), is true; every user stays."""
        ends = np.concatenate([[0], np.cumsum(chosen)]).astype(np.int64)
        return ItemSets(ends[self.indptr], self.items[chosen])

    def gather(self, users: NDArray[np.int64]) -> ItemSets:
        """The sets at the given positions, int64 (m,), in their order."""
        lengths = self.sizes[users]
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        shifts = np.repeat(self.indptr[:-1][users] - indptr[:-1], lengths)
        return ItemSets(indptr, self.items[np.arange(indptr[-1]) + shifts])

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Number of items of each set, int64 (n_users,)."""
        return np.diff(self.indptr)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The user of each item, int64 (nnz,)."""
        return np.repeat(np.arange(len(self)), self.sizes)


@dataclass(frozen=True, slots=True)
class TopN:
    """An ordered list of items for each of a batch of users, best first.

    items : int32 (batch, n), `NO_ITEM` where a list is shorter than n
    scores : float32 (batch, n), falling; -inf where there is no item. Ties: the lower row first.
    """

    items: NDArray[np.int32]
    scores: NDArray[np.float32]

    def list(self, user: int) -> list[tuple[int, float]]:
        """The (item row, score) pairs of one user of the batch, without the empty places."""
        filled = self.items[user] != NO_ITEM
        return list(
            zip(self.items[user][filled].tolist(), self.scores[user][filled].tolist(), strict=True)
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why an item has its score: baseline + sum of the contributions = score.

    items : int32 (m,), items of the user's own history
    contributions : float32 (m,), what each of them adds to the score
    """

    baseline: float
    items: NDArray[np.int32]
    contributions: NDArray[np.float32]

    @property
    def score(self) -> float:
        """The score that these contributions explain."""
        return self.baseline + float(self.contributions.sum(dtype=np.float64))


@dataclass(frozen=True, slots=True)
class Explanations:
    """The `Explanation` of each of several items, for one history.

    baselines : float64 (m,)
    items : int32 (nnz,), items of the user's own history
    contributions : float32 (m, nnz), what each of them adds to each score
    """

    baselines: NDArray[np.float64]
    items: NDArray[np.int32]
    contributions: NDArray[np.float32]

    def of(self, place: int) -> Explanation:
        """The explanation of the item asked for at this place."""
        return Explanation(float(self.baselines[place]), self.items, self.contributions[place])
