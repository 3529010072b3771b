"""Pick the best n of many scores, exactly and always the same way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..contracts.histories import NO_ITEM, TopN

_FEWEST_PER_BLOCK = 16


def top_n(scores: NDArray[np.float32], n: int) -> TopN:
    """Order the n >= 1 best items of each row of `scores`, float32 (batch, n_items).

    -inf marks items that must not appear. Ties go to the lower row. Raises ValueError for a NaN
    score: it has no place in an order.
    """
    batch = len(scores)
    items = np.full((batch, n), NO_ITEM, dtype=np.int32)
    best = np.full((batch, n), -np.inf, dtype=np.float32)
    for user in range(batch):
        chosen = best_places(scores[user], n)
        items[user, : len(chosen)] = chosen
        best[user, : len(chosen)] = scores[user, chosen]
    return TopN(items=items, scores=best)


def top_for_all(
    scores: NDArray[np.float32],
    items: NDArray[np.int32],
    n: int,
    allowed: NDArray[np.bool_] | None,
) -> TopN:
    """For each of `items` the n allowed items of the highest scores, itself left out.

    `scores`, float32 (n_items,), are the same for all of them.
    """
    rows = np.tile(scores, (len(items), 1))
    if allowed is not None:
        rows[:, ~allowed] = -np.inf
    rows[np.arange(len(items)), items] = -np.inf
    return top_n(rows, n)


def best_places(scores: NDArray[np.float32], n: int) -> NDArray[np.int64]:
    """Places of the n best of float32 (m,), best first, -inf left out; otherwise as `top_n`.

    The n-th largest of the maxima of some blocks is a score that at least n places reach, so only
    few places are ever sorted.
    """
    least = _reached(scores, n)
    places = np.flatnonzero(scores >= least if least > -np.inf else scores > -np.inf)
    if len(places) > 4 * n + _FEWEST_PER_BLOCK:
        found = scores[places]
        least = np.partition(found, len(found) - n)[len(found) - n]
        above = places[found > least]
        ties = places[found == least][: n - len(above)]
        places = np.sort(np.concatenate([above, ties]))
    return places[np.argsort(-scores[places], kind="stable")[:n]]


def _reached(scores: NDArray[np.float32], n: int) -> np.float32:
    """A score that at least n places reach; -inf where they are too few for a short cut."""
    if not len(scores):
        return np.float32(-np.inf)
    n_blocks = min(4 * n, len(scores) // _FEWEST_PER_BLOCK)
    if n_blocks < n:
        maxima = scores.max()
    else:
        width = len(scores) // n_blocks
        maxima = scores[: width * n_blocks].reshape(n_blocks, width).max(axis=1)
        rest = scores[width * n_blocks :]
        maxima = np.append(maxima, rest.max()) if len(rest) else maxima
    if np.isnan(maxima).any():
        raise ValueError("scores must not be NaN")
    if n_blocks < n:
        return np.float32(-np.inf)
    reached: np.float32 = np.partition(maxima, len(maxima) - n)[len(maxima) - n]
    return reached
