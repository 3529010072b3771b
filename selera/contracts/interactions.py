"""All behaviors of a shop as flat arrays: what every trainer learns from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .behaviors import BEHAVIORS
from .features import Features
from .ids import IdMap
from .texts import Texts

STRETCHED = 4.0


@dataclass(frozen=True, slots=True)
class RatingScale:
    """The lowest and the highest rating that a shop's users can give, in stars."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise ValueError(f"rating scale must rise, got {self.low}..{self.high}")

    def stretch(self, ratings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Ratings on the scale 0..4, which is as wide as that of five stars."""
        return ((ratings - self.low) * (STRETCHED / (self.high - self.low))).astype(np.float32)

    def unstretch(self, ratings: NDArray[np.float32]) -> NDArray[np.float32]:
        """The inverse of `stretch`, clipped to the scale."""
        stars = ratings * ((self.high - self.low) / STRETCHED) + self.low
        return self.clip(stars.astype(np.float32))

    @property
    def middle(self) -> float:
        """The neutral rating: what lies below it says that the user did not like the product."""
        return (self.low + self.high) / 2

    def clip(self, ratings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Ratings moved to the nearest end of the scale where they lie outside."""
        return np.clip(ratings, np.float32(self.low), np.float32(self.high))


@dataclass(frozen=True, slots=True)
class Interactions:
    """One entry per behavior, sorted by user row, then item row, then time.

    users, items : which id stands at which row; items are sorted by falling popularity, so that hot
        rows lie together in the cache.
    user_rows, item_rows : int32 (n,)
    behaviors : uint8 (n,), positions in `BEHAVIORS`
    values : float32 (n,), visit count or quantity (1 if unknown), stars, or a review's own stars
        (NaN if it has none)
    timestamps : int64 (n,), UTC seconds, `NO_TIME` if unknown
    rating_scale : None where nobody rated anything
    user_features, item_features : one row per user row, item row; None where nothing is known
    texts : what reviews say; None where no review needs its text to be read
    text_places : int32 (n,), the place of each behavior's text in `texts`, -1 for none
    """

    users: IdMap
    items: IdMap
    user_rows: NDArray[np.int32]
    item_rows: NDArray[np.int32]
    behaviors: NDArray[np.uint8]
    values: NDArray[np.float32]
    timestamps: NDArray[np.int64]
    rating_scale: RatingScale | None
    user_features: Features | None = None
    item_features: Features | None = None
    texts: Texts | None = None
    text_places: NDArray[np.int32] | None = None

    def __post_init__(self) -> None:
        expected = {
            "user_rows": np.int32,
            "item_rows": np.int32,
            "behaviors": np.uint8,
            "values": np.float32,
            "timestamps": np.int64,
        }
        for name, dtype in expected.items():
            array = getattr(self, name)
            if array.dtype != dtype or array.shape != self.user_rows.shape:
                raise ValueError(
                    f"{name} must be {np.dtype(dtype).name} {self.user_rows.shape}, "
                    f"got {array.dtype.name} {array.shape}"
                )
        for name, rows, size in (
            ("user_rows", self.user_rows, len(self.users)),
            ("item_rows", self.item_rows, len(self.items)),
            ("behaviors", self.behaviors, len(BEHAVIORS)),
        ):
            if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < size:
                raise ValueError(f"{name} must lie in 0..{size - 1}")

    def __len__(self) -> int:
        return len(self.user_rows)

    @property
    def n_users(self) -> int:
        """Number of users, those without a behavior in this part included."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Number of items, those without a behavior in this part included."""
        return len(self.items)

    @property
    def pairs(self) -> NDArray[np.int64]:
        """The (user, item) of each behavior as one number, user_row * n_items + item_row."""
        return self.user_rows.astype(np.int64) * self.n_items + self.item_rows

    def where(self, chosen: NDArray[np.bool_]) -> Interactions:
        """The behaviors at which `chosen` (bool (n,)) is true; users and items keep their rows."""
        return replace(
            self,
            user_rows=self.user_rows[chosen],
            item_rows=self.item_rows[chosen],
            behaviors=self.behaviors[chosen],
            values=self.values[chosen],
            timestamps=self.timestamps[chosen],
            text_places=None if self.text_places is None else self.text_places[chosen],
        )

    def of(self, behavior: int) -> Interactions:
        """The behaviors with this code."""
        return self.where(self.behaviors == behavior)
