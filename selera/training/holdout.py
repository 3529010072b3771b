"""Hold out the latest behaviors of a shop, for trainers that choose among settings or parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import ItemSets
from ..contracts.interactions import Interactions
from ..models.signals import SignalConfig, histories_of
from .evidence import Holdout, evidence_of
from .splits import make_splits
from .targets import Targets, View, find_targets, strongest_behavior

_SHARE = 0.1
_VIEWS: tuple[View, View] = ("new", "all")


def hold_out(
    interactions: Interactions, signals: SignalConfig, *, max_users: int, seed: int
) -> Holdout | None:
    """The last tenth in time (or a random tenth of the pairs), as the evaluation would judge it.

    None where what is left teaches nothing or nothing is left to choose by.
    """
    split = next(make_splits(interactions, n_cuts=1, test_share=_SHARE, seed=seed))
    target = strongest_behavior(interactions)
    histories = histories_of(split.train, now=split.now, config=signals)
    liked = np.bincount(histories.rows, histories.weights, minlength=len(histories)) > 0
    (users, new), (returning_users, returning) = (
        _of_warm(find_targets(split, target, view=view, max_users=max_users, seed=seed), liked)
        for view in _VIEWS
    )
    if not len(users):
        return None
    earlier = evidence_of(split.train, histories)
    return Holdout(earlier, users, new, returning_users, returning)


def _of_warm(targets: Targets, liked: NDArray[np.bool_]) -> tuple[NDArray[np.int64], ItemSets]:
    """The users whose histories say that they like something: the others teach no choice."""
    warm = np.flatnonzero(liked[targets.users])
    return targets.users[warm], targets.sets.gather(warm)
