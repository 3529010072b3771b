r"""Weights of a blend from what users chose next.

For each user the candidates of the pool compete by the blend's score; the weights w >= 0 minimize
the listwise loss (Cao et al. 2007, "Learning to rank: from pairwise approach to listwise approach",
ListNet's top-one probabilities) with a small pull towards 0::

    sum over users of  - mean over the user's targets t of  log softmax(terms . w)_t
        + penalty * |w|^2,     the loss being a mean over users

It is convex: the same data give the same weights, from any start.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .pool import Pool

_PENALTY = 1e-3


def learn_weights(pool: Pool) -> NDArray[np.float64]:
    """Non-negative weights of the rankers, float64 (n_rankers,), that sum to 1.

    All equal where no target stands in the pool.
    """
    from scipy.optimize import minimize  # a tenth of a second that only the blend needs

    n_rankers = pool.terms.shape[1]
    proposed = np.add.reduceat(pool.is_target.astype(np.float64), pool.indptr[:-1])
    heard = np.repeat(proposed > 0, np.diff(pool.indptr))
    if not heard.any():
        return np.full(n_rankers, 1 / n_rankers)
    terms = pool.terms[heard].astype(np.float64)
    lengths = np.diff(pool.indptr)[proposed > 0]
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    shares = pool.is_target[heard] / np.repeat(proposed[proposed > 0], lengths)

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        scores = terms @ weights
        scores -= np.repeat(np.maximum.reduceat(scores, starts), lengths)
        powers = np.exp(scores)
        sums = np.add.reduceat(powers, starts)
        surprise = np.log(sums).sum() - shares @ scores
        gradient = (powers / np.repeat(sums, lengths) - shares) @ terms
        penalty = _PENALTY * float(weights @ weights)
        return (
            float(surprise) / len(lengths) + penalty,
            gradient / len(lengths) + 2 * _PENALTY * weights,
        )

    start = np.full(n_rankers, 1 / n_rankers)
    bounds = [(0.0, None)] * n_rankers
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    weights: NDArray[np.float64] = np.maximum(found.x, 0.0)
    return weights / weights.sum() if weights.sum() > 0 else start


def pooled_ndcg(pool: Pool, weights: NDArray[np.float64], n: int) -> float:
    """Mean NDCG@n of the users by the blend's order of their candidates; a tie counts as lost."""
    scores = pool.terms @ weights.astype(np.float32)
    discounts = 1 / np.log2(np.arange(2, n + 2))
    ideals = np.concatenate([[0.0], np.cumsum(discounts)])
    gains = np.zeros(len(pool.n_targets))
    for user, (start, stop) in enumerate(zip(pool.indptr[:-1], pool.indptr[1:], strict=True)):
        own, chosen = scores[start:stop], pool.is_target[start:stop]
        others = np.sort(own[~chosen])
        wanted = -np.sort(-own[chosen])
        places = len(others) - np.searchsorted(others, wanted, "left") + np.arange(len(wanted))
        gains[user] = discounts[places[places < n]].sum()
    return float((gains / ideals[np.minimum(pool.n_targets, n)]).mean())
