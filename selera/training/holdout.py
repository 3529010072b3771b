"""Hold out the latest behaviors of a shop, for trainers that choose among settings or parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import ItemSets
from ..contracts.interactions import Interactions
from ..models.signals import histories_of
from .evidence import Holdout, evidence_of
from .review_stars import read_reviews
from .settings import TrainingConfig
from .splits import by_popularity, make_splits
from .targets import Targets, View, find_targets, strongest_behavior

_SHARE = 0.1
_VIEWS: tuple[View, View] = ("new", "all")


def hold_out(interactions: Interactions, config: TrainingConfig, *, seed: int) -> Holdout | None:
    """The last tenth in time (or a random tenth of the pairs), as the evaluation would judge it.

    `interactions` are those of the CSV: reviews without stars are read anew, by a model of what is
    left. None where what is left teaches nothing or nothing is left to choose by.
    """
    split = next(make_splits(interactions, n_cuts=1, test_share=_SHARE, seed=seed))
    split = by_popularity(split, seed)
    train, _, _ = read_reviews(split.train, config.review_text, seed=seed)
    target = strongest_behavior(interactions)
    histories = histories_of(train, now=split.now, config=config.signals)
    liked = np.bincount(histories.rows, histories.weights, minlength=len(histories)) > 0
    most = config.blend.max_users
    (users, new), (returning_users, returning) = (
        _of_warm(find_targets(split, target, view=view, max_users=most, seed=seed), liked)
        for view in _VIEWS
    )
    if not len(users):
        return None
    earlier = evidence_of(train, histories)
    return Holdout(earlier, users, new, returning_users, returning)


def _of_warm(targets: Targets, liked: NDArray[np.bool_]) -> tuple[NDArray[np.int64], ItemSets]:
    """The users whose histories say that they like something: the others teach no choice."""
    warm = np.flatnonzero(liked[targets.users])
    return targets.users[warm], targets.sets.gather(warm)
