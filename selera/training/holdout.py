"""Hold out the latest behaviors of a shop, for trainers that choose among settings or parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contracts.behaviors import Behavior
from ..contracts.histories import ItemSets
from ..contracts.interactions import Interactions
from ..models.signals import histories_of
from .evidence import Holdout, evidence_of
from .review_stars import read_reviews
from .settings import TrainingConfig
from .splits import Split, by_popularity, last_choices, make_splits
from .targets import Targets, View, find_targets, is_liked, strongest_behavior

_SHARE = 0.1
_VIEWS: tuple[View, View] = ("new", "all")


def hold_out(interactions: Interactions, config: TrainingConfig, *, seed: int) -> Holdout | None:
    """The last tenth in time (or a random tenth of the pairs), as the evaluation would judge it.

    Where that holds too few choices of users with a history, each user's last choice instead.
    `interactions` are those of the CSV: reviews without stars are read anew, by a model of what is
    left. None where what is left teaches nothing or nothing is left to choose by.
    """
    target = strongest_behavior(interactions)
    split = next(make_splits(interactions, n_cuts=1, test_share=_SHARE, seed=seed))
    holdout = _of_split(split, target, config, seed)
    if split.kind == "random" or _n_choices(holdout) >= config.blend.least_targets:
        return holdout
    last = last_choices(interactions, is_liked(interactions, target))
    return max(holdout, _of_split(last, target, config, seed), key=_n_choices)


def _n_choices(holdout: Holdout | None) -> int:
    return 0 if holdout is None else len(holdout.new.items)


def _of_split(split: Split, target: Behavior, config: TrainingConfig, seed: int) -> Holdout | None:
    split = by_popularity(split, seed)
    train, _, _ = read_reviews(split.train, config.review_text, seed=seed)
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
