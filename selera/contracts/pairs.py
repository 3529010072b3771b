"""The (user, item) pairs of plain files: what the published protocols are played with."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from .features import Features
from .histories import Histories
from .ids import IdMap

Order = Literal["times", "places", "none"]
"""What ages are made of: times in days, places in the file, or nothing."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Distinct (user, item) pairs, sorted by user row, then item row.

    user_rows, item_rows : int32 (n,)
    ratings : float32 (n,), stars, NaN where there are none
    ages : float32 (n,), days before the newest pair of train; where files have no times, the number
        of pairs of the user that come later in the file: 0 for the last one
    """

    user_rows: NDArray[np.int32]
    item_rows: NDArray[np.int32]
    ratings: NDArray[np.float32]
    ages: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.user_rows)

    def where(self, chosen: NDArray[np.bool_]) -> Self:
        """The pairs at which `chosen`, bool (n,), is true."""
        return type(self)(*(getattr(self, each.name)[chosen] for each in fields(self)))

    def keys(self, n_items: int) -> NDArray[np.int64]:
        """Each pair as one number, user_row * n_items + item_row, rising."""
        return self.user_rows.astype(np.int64) * n_items + self.item_rows

    def histories(self, n_users: int, *, with_ages: bool, with_ratings: bool = False) -> Histories:
        """One history per user row, every weight 1; ages and stars only where they are wanted."""
        counts = np.bincount(self.user_rows, minlength=n_users)
        return Histories.plain(
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            self.item_rows,
            ratings=self.ratings if with_ratings else None,
            ages=self.ages if with_ages else None,
        )


@dataclass(frozen=True, slots=True)
class PlainData:
    """One or two plain files, their ids in common maps.

    users, items : rows are in random order, so that no row tells how popular an item will be; users
        and items of train have the lower rows, those of the test file alone come after them
    train, test : `test` is None where there is one file
    order : what the ages are made of
    n_repeated : lines that repeat a pair; the latest one counts
    user_features, item_features : one row per user row, item row; None where nothing is known
    """

    users: IdMap
    items: IdMap
    train: Pairs
    test: Pairs | None
    order: Order
    n_repeated: int = 0
    user_features: Features | None = None
    item_features: Features | None = None
