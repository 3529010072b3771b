r"""What is rising: items that more users met of late than their own past would let expect.

Of the histories that a model holds, each (user, item) pair counts once, at its latest behavior::

    r_i = pairs of the last w days          o_i = pairs of the three windows before
    e_i = (o_i + m) / 3 * R / E             R, E: sums of r and of (o + m) / 3 over all items
    trend_i = (r_i - e_i) / sqrt(e_i)

the excess over the expected count in its own (Poisson) standard deviations; m, a quarter of the
mean of o, keeps an item with one pair from leading. A robot that meets one item a thousand times is
one pair. w is 7 days, or a quarter of what the data spans where that is less.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import Histories

WINDOW_DAYS = 7.0
_WINDOWS_BEFORE = 3
_CHUNK = 1 << 22
"""Pairs that are looked at together: histories are mapped, and may be larger than memory."""


def trending(histories: Histories, n_items: int) -> tuple[NDArray[np.float32], float]:
    """The trend of each item, float32 (n_items,), and the days that count as of late.

    -inf for an item that nobody met of late. Where no time is known all are, and the window is NaN.
    """
    chunks = [slice(at, at + _CHUNK) for at in range(0, len(histories.ages), _CHUNK)]
    oldest = np.nanmax(
        [-np.inf, *(np.fmax.reduce(histories.ages[chunk]) for chunk in chunks)], initial=-np.inf
    )
    if oldest == -np.inf:
        return np.full(n_items, -np.inf, dtype=np.float32), float("nan")
    window = min(WINDOW_DAYS, max(float(oldest) / (_WINDOWS_BEFORE + 1), 1e-9))
    recent, before = np.zeros(n_items, np.int64), np.zeros(n_items, np.int64)
    for chunk in chunks:
        ages, items = histories.ages[chunk], histories.items[chunk]
        recent += np.bincount(items[ages <= window], minlength=n_items)
        is_before = (ages > window) & (ages <= (_WINDOWS_BEFORE + 1) * window)
        before += np.bincount(items[is_before], minlength=n_items)
    usual = (before + max(float(before.mean()) / 4, 1e-3)) / _WINDOWS_BEFORE
    expected = usual * recent.sum() / usual.sum()
    trend = (recent - expected) / np.sqrt(np.maximum(expected, 1e-12))
    return np.where(recent > 0, trend, -np.inf).astype(np.float32), window
