"""What a rating knows of its user, its item and its time: the blocks of a factorization machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contracts.features import Features
from ..models.bayes import UNKNOWN_BIN, time_bins, time_rows
from .evidence import Evidence


class Columns(NamedTuple):
    """Features of one block of which some come from the same source, entry by entry.

    rows, features : int64 (nnz,), both counted from 0
    values : float32 (nnz,)
    groups : int64 (n_features,), counted from 0: features of one group share a prior
    """

    rows: NDArray[np.int64]
    features: NDArray[np.int64]
    values: NDArray[np.float32]
    groups: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Design:
    """The blocks of users, items and times. Rows, features and groups count through all blocks.

    rows : int32 (n_blocks, n), the block row of each rating in each block
    blocks : int64 (n_blocks, 3), where the features of each block begin, where its ids end, and
        where it ends
    starts, feature_rows, values : the features by columns (CSC), int64 (n_features + 1,),
        int32 (nnz,), float32 (nnz,)
    groups : int32 (n_features,)
    informed : bool (n_features,), whether a rating says anything of the feature
    n_users, n_items : the block rows begin with the users, then come the items, then the times
    implicit : the features of the user block that say which items are in the history; maybe none
    profile : those that a profile tells, maybe none
    bins : int64 (n_bins,), the times that have a row, rising; before them comes a row for unknown
        times; empty where there is no block of times
    """

    rows: NDArray[np.int32]
    blocks: NDArray[np.int64]
    starts: NDArray[np.int64]
    feature_rows: NDArray[np.int32]
    values: NDArray[np.float32]
    groups: NDArray[np.int32]
    informed: NDArray[np.bool_]
    n_users: int
    n_items: int
    implicit: slice
    profile: slice
    bins: NDArray[np.int64]

    @property
    def n_block_rows(self) -> int:
        """Rows of all blocks."""
        n_times = 1 + len(self.bins) if len(self.bins) else 0
        return self.n_users + self.n_items + n_times

    def sums(self, weights: NDArray[np.float64], chosen: slice) -> NDArray[np.float64]:
        """Sums of value * weight over the chosen features of each block row, float64 (n_rows,)."""
        start, stop, _ = chosen.indices(len(self.groups))
        entries = slice(self.starts[start], self.starts[stop])
        spread = np.repeat(weights[start:stop], np.diff(self.starts[start : stop + 1]))
        spread *= self.values[entries]
        rows = self.feature_rows[entries]
        return np.bincount(rows, spread, minlength=self.n_block_rows).astype(np.float64)


def build_design(evidence: Evidence, *, days_per_bin: float, implicit: bool) -> Design:
    """The blocks of all users and items, and the rows of the ratings in them.

    The features of a user are the id, the items of the whole history (each worth one by the root of
    their number, as in SVD++), and the profile; those of an item the same with sides exchanged.
    Times are bins of `days_per_bin` days; 0 leaves them out.
    """
    histories, n_users, n_items = evidence.histories, len(evidence.histories), evidence.n_items
    users, items = histories.rows, histories.items.astype(np.int64)
    user_parts = [_identity(n_users)]
    item_parts = [_identity(n_items)]
    if implicit:
        user_parts.append(_neighbors(users, items, n_users, n_items))
        item_parts.append(_neighbors(items, users, n_items, n_users))
    user_parts += list(_told(evidence.user_features))
    item_parts += list(_told(evidence.item_features))
    rated = ~np.isnan(histories.ratings)
    bins = time_bins(histories.ages[rated], days_per_bin)
    rows = [users[rated], n_users + items[rated]]
    blocks = [(user_parts, n_users), (item_parts, n_items)]
    known = np.unique(bins[bins != UNKNOWN_BIN])
    if len(known):
        rows.append(n_users + n_items + time_rows(known, bins))
        blocks.append(([_identity(1 + len(known))], 1 + len(known)))
    n_told = sum(len(part.groups) for part in user_parts[1 + implicit :])
    return _stack(blocks, np.array(rows), n_told, known)


def _stack(
    blocks: list[tuple[list[Columns], int]],
    rows: NDArray[np.int64],
    n_told: int,
    bins: NDArray[np.int64],
) -> Design:
    """One matrix of all blocks, by columns; a user's last `n_told` features are the profile."""
    entries: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]] = []
    groups: list[NDArray[np.int64]] = []
    bounds: list[list[int]] = []
    first_row = n_features = n_groups = 0
    for parts, n_rows in blocks:
        bounds.append([n_features, n_features + n_rows])
        for part in parts:
            entries.append((first_row + part.rows, n_features + part.features, part.values))
            groups.append(n_groups + part.groups)
            n_features += len(part.groups)
            n_groups = int(groups[-1].max()) + 1
        first_row += n_rows
        bounds[-1].append(n_features)
    entry_rows, features, values = (np.concatenate(each) for each in zip(*entries, strict=True))
    order = np.argsort(features, kind="stable")
    is_rated = np.zeros(first_row, dtype=bool)
    is_rated[rows] = True
    counts = np.bincount(features, minlength=n_features)
    (_, n_users), (_, n_items) = blocks[:2]
    first_told = bounds[0][2] - n_told
    return Design(
        rows=rows.astype(np.int32),
        blocks=np.array(bounds, dtype=np.int64),
        starts=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        feature_rows=entry_rows[order].astype(np.int32),
        values=values[order].astype(np.float32),
        groups=np.concatenate(groups).astype(np.int32),
        informed=np.bincount(features[is_rated[entry_rows]], minlength=n_features) > 0,
        n_users=n_users,
        n_items=n_items,
        implicit=slice(n_users, first_told),
        profile=slice(first_told, bounds[0][2]),
        bins=bins,
    )


def _identity(n: int) -> Columns:
    each = np.arange(n)
    return Columns(each, each, np.ones(n, dtype=np.float32), np.zeros(n, dtype=np.int64))


def _neighbors(
    rows: NDArray[np.int64], others: NDArray[np.int64], n_rows: int, n_others: int
) -> Columns:
    """Each of the other side that a row met, worth one by the root of their number."""
    counts = np.bincount(rows, minlength=n_rows)
    values = (1.0 / np.sqrt(counts[rows])).astype(np.float32)
    return Columns(rows, others, values, np.zeros(n_others, dtype=np.int64))


def _told(features: Features | None) -> Iterator[Columns]:
    """Profile or product fields, a group each; none where nothing is told."""
    if features is None or not features.names:
        return
    groups = np.unique(np.array(features.fields), return_inverse=True)[1]
    rows = np.repeat(np.arange(len(features)), np.diff(features.indptr))
    columns = features.columns.astype(np.int64)
    yield Columns(rows, columns, np.ones(len(rows), dtype=np.float32), groups.astype(np.int64))
