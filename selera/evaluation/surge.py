"""What new behaviors do to few items: how much of them is beyond what the past lets expect.

A pair is a user and an item of the user's history, however many behaviors lie between them. For
each item i let h_i be its pairs in the champion and g_i those that a model of newer data has gained
(none where it lost some); H and G are their sums. Had every item gained as it was liked before, it
would have gained (h_i + 1) G / H, where the 1 stands for what is new. With e_i three times that,

    surge = sum over i of max(0, g_i - e_i - 3 sqrt(e_i + 1)) / G

The root is what chance may add to a Poisson count of e_i, at three standard deviations. Pairs are
counted, and neither behaviors nor times, so a single user can add little and dates hide nothing.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..contracts.ids import UNKNOWN_ROW
from ..models.recommender import Recommender

FEWEST_PAIRS = 100
"""With fewer new pairs nothing is said."""

_MOST_GROWTH = 3.0
_DEVIATIONS = 3.0
_NAMED = 3


class Surge(msgspec.Struct, frozen=True):
    """How much of the new pairs is a surge of few items.

    n_pairs : the pairs that were gained; n_items : items that surged
    share : of the gained pairs, beyond what the past lets expect, 0..1
    foremost : ids of the at most three items that are furthest beyond it
    """

    n_pairs: int
    n_items: int
    share: float
    foremost: tuple[int | str, ...]


def find_surge(champion: Recommender, model: Recommender) -> Surge | None:
    """What `model` learnt from beside what the champion did; None with fewer than 100 new pairs."""
    has = np.bincount(model.histories.items, minlength=len(model.items))
    rows = champion.items.rows_of(model.items)
    counts = np.bincount(champion.histories.items, minlength=len(champion.items))
    had = np.where(rows != UNKNOWN_ROW, counts[rows], 0)
    gained = np.maximum(has - had, 0)
    n_pairs = int(gained.sum())
    if n_pairs < FEWEST_PAIRS:
        return None
    beyond = beyond_expectation(had, gained)
    furthest = np.argsort(-beyond, kind="stable")[:_NAMED]
    return Surge(
        n_pairs=n_pairs,
        n_items=int(np.count_nonzero(beyond)),
        share=float(beyond.sum() / n_pairs),
        foremost=tuple(model.items.ids(furthest[beyond[furthest] > 0])),
    )


def beyond_expectation(had: NDArray[np.int64], gained: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many of the pairs that each item gained are beyond what its past lets expect.

    had, gained : int64 (n_items,), pairs before and new ones, >= 0

    float64 (n_items,), >= 0; 0 where nothing was gained.
    """
    growth = gained.sum() / max(int(had.sum()), 1)
    expected = _MOST_GROWTH * (had + 1) * growth
    beyond: NDArray[np.float64] = gained - expected - _DEVIATIONS * np.sqrt(expected + 1)
    return np.maximum(beyond, 0)
