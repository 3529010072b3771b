"""The best n of many scores, row by row."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit("boolean(float32[:, ::1], int32[:, ::1], float32[:, ::1])", nogil=True, cache=True)
def top_n_rows(
    scores: NDArray[np.float32], items: NDArray[np.int32], best: NDArray[np.float32]
) -> bool:
    """Write the n best columns of each row into `items`, their scores into `best`, in place.

    scores : float32 (batch, n_items); -inf marks what must not appear
    items : int32 (batch, n), -1 where a list is shorter than n
    best : float32 (batch, n), falling, -inf where there is no item; ties: the lower column first

    Returns whether a score is NaN: then the lists say nothing.
    """
    n = items.shape[1]
    found_nan = False
    for row in range(scores.shape[0]):
        for place in range(n):
            items[row, place] = -1
            best[row, place] = -np.inf
        least = -np.inf
        for column in range(scores.shape[1]):
            score = scores[row, column]
            if score > least:
                place = n - 1
                while place > 0 and best[row, place - 1] < score:
                    best[row, place] = best[row, place - 1]
                    items[row, place] = items[row, place - 1]
                    place -= 1
                best[row, place] = score
                items[row, place] = column
                least = best[row, n - 1]
            elif score != score:
                found_nan = True
    return found_nan
