r"""Lists of different products: maximal marginal relevance (Carbonell & Goldstein 1998).

The list is filled place by place. With S what is on it already, the next one is::

    argmax over i not in S of  (1 - diversity) * relevance_i - diversity * max over j in S of sim_ij
    relevance_i = (score_i - least score) / (largest score - least score)

Scores are stretched to 0..1 over the candidates, so that they can be held against cosines; equal
scores all have the relevance 1. The first place has nothing beside it: it goes to the best.
diversity = 0 keeps the order; with 1 only the first place is due to the scores.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def diversify(
    scores: NDArray[np.float32],
    likeness: NDArray[np.float32] | None,
    n: int,
    diversity: float,
) -> list[int]:
    """Which of the candidates stand on a list of n, and in which order.

    scores : float32 (m,), of the candidates, falling; give the best max(100, 5 n)
    likeness : float32 (m, m), cosines; None where nobody can say, which keeps the order
    diversity : 0..1

    Ties go to the earlier candidate. Raises ValueError for a diversity outside of 0..1.
    """
    if not 0 <= diversity <= 1:
        raise ValueError(f"diversity must lie in 0..1, got {diversity}")
    n = min(n, len(scores))
    if diversity == 0 or likeness is None or n == 0:
        return list(range(n))
    relevance = (1 - diversity) * _stretched(scores)
    chosen = [int(relevance.argmax()) if diversity < 1 else 0]
    nearest = likeness[chosen[0]].astype(np.float64)
    left = np.ones(len(scores), dtype=np.bool_)
    left[chosen[0]] = False
    while len(chosen) < n:
        gains = np.where(left, relevance - diversity * nearest, -np.inf)
        best = int(gains.argmax())
        chosen.append(best)
        left[best] = False
        np.maximum(nearest, likeness[best], out=nearest)
    return chosen


def _stretched(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    exact = scores.astype(np.float64)
    low, high = exact.min(), exact.max()
    stretched: NDArray[np.float64] = (
        (exact - low) / (high - low) if high > low else np.ones_like(exact)
    )
    return stretched
