"""What every trainer learns from, and what a trainer of stars gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..contracts.features import Features
from ..contracts.histories import Histories, ItemSets
from ..contracts.interactions import Interactions, RatingScale
from ..contracts.protocols import Rater


@dataclass(frozen=True, slots=True)
class Evidence:
    """The weighed histories of all users, and what is known beside them.

    histories : one per user row
    n_items : items that there are, those in no history included
    rating_scale : None where nobody rated anything
    user_features, item_features : one row per user row, item row; None where nothing is known
    holdout : an earlier state of the same and what came after it, for trainers that choose among
        settings or components; None where nothing was held out
    interactions : the single behaviors that the histories sum up; None where they are not known
    """

    histories: Histories
    n_items: int
    rating_scale: RatingScale | None = None
    user_features: Features | None = None
    item_features: Features | None = None
    holdout: Holdout | None = None
    interactions: Interactions | None = None


@dataclass(frozen=True, slots=True)
class Holdout:
    """What a trainer may try its choices on: never the test that judges it.

    earlier : the evidence without what is held out; users have the same rows, items rows of its own
    users : int64 (m,), rows of the users whose held-out items are known
    new : for each of them the items, in no history of `earlier`; none of the sets empty
    returning_users, returning : the same for all held-out items, those had before included
    """

    earlier: Evidence
    users: NDArray[np.int64]
    new: ItemSets
    returning_users: NDArray[np.int64]
    returning: ItemSets


def evidence_of(interactions: Interactions, histories: Histories) -> Evidence:
    """The evidence of a shop, whose behaviors the histories sum up."""
    return Evidence(
        histories=histories,
        n_items=interactions.n_items,
        rating_scale=interactions.rating_scale,
        user_features=interactions.user_features,
        item_features=interactions.item_features,
        interactions=interactions,
    )


class FittedStars(Protocol):
    """What a trainer of stars learnt: the users of training as well as a rater for everybody."""

    def predict(
        self,
        user_rows: NDArray[np.int32],
        item_rows: NDArray[np.int32],
        ages: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """Stars of (user, item) pairs of users that were in training, float32 (n,), in the scale.

        ages : days before the time from which ages count, as in `Histories`; None where unknown,
            or where a rating at some later time is meant
        """
        ...

    def rater(self) -> Rater:
        """The item side, as a frozen rater that folds any user in."""
        ...


@dataclass(frozen=True, slots=True)
class FoldedStars:
    """The `FittedStars` of a trainer that keeps nothing of the users: they are folded in.

    model : the rater
    histories : those of training
    """

    model: Rater
    histories: Histories

    def predict(
        self,
        user_rows: NDArray[np.int32],
        item_rows: NDArray[np.int32],
        ages: NDArray[np.float32] | None = None,
    ) -> NDArray[np.float32]:
        """See `FittedStars`; `ages` say nothing here."""
        stars = np.empty(len(user_rows), dtype=np.float32)
        order = np.argsort(user_rows, kind="stable")
        users, starts = np.unique(user_rows[order], return_index=True)
        for user, places in zip(users.tolist(), np.split(order, starts[1:]), strict=True):
            history = self.histories.take(user, user + 1)
            stars[places] = self.model.predict(history, item_rows[places])[0]
        return stars

    def rater(self) -> Rater:
        """The rater."""
        return self.model
