r"""Which items users with a feature like more than others do, shrunk by the evidence.

For item i and feature v, with x_ui the weight of the pair and s = sum x / sum x^2, which makes the
variance of a sum of weights about equal to its mean, as that of a count is::

    c_iv = s * sum over users u with v of x_ui         observed
    E_iv = (sum over i of c_iv) * p_i                  expected; p_i is the item's share of all x
    lift_iv = (c_iv + a_f) / (E_iv + a_f)

It is the posterior mean of theta_iv where c_iv ~ Poisson(theta_iv * E_iv) and, within a field f,
theta ~ Gamma(a_f, a_f): mean 1, variance 1 / a_f. That variance follows from the moments
E[(c - E)^2] = E + E^2 / a_f, so that all the cells of a field say together how far one of them is
to be believed::

    1 / a_f = sum((c - E)^2 - (1 - q_v) E) / sum(E^2)

where q_v is the share of v in all x: users with v have a part in p_i. A field whose 1 / a_f is
below twice its standard error under theta = 1 tells nothing: its lifts are 1.
Source: the gamma-Poisson shrinker of DuMouchel, "Bayesian data mining in large frequency
tables", The American Statistician 53 (1999), with one gamma instead of a mixture of two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
import numpy as np
import scipy.sparse
from msgspec import Meta
from numpy.typing import NDArray

from ..contracts.features import Features
from ..contracts.histories import Histories
from ..models.profile import ProfileModel
from .evidence import Evidence

_STANDARD_ERRORS = 2.0
_LEAST_CHANGE = 0.01
"""Lifts nearer to 1 than this are left out."""


class ProfileConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lists for users of whom nothing but the profile is known.

    strength : exponent of the lifts; below 1 where the fields of a profile say the same
    n_items : items stored per feature at most: those that it changes most
    """

    strength: Annotated[float, Meta(gt=0.0, le=2.0)] = 1.0
    n_items: Annotated[int, Meta(ge=1, le=1_000_000)] = 500


def fit_profile(evidence: Evidence, config: ProfileConfig) -> ProfileModel | None:
    """Learn the lifts; None where there are no profiles, or where they say nothing of taste."""
    features, histories = evidence.user_features, evidence.histories
    if features is None or not histories.weights.any():
        return None
    weights = histories.weights.astype(np.float64)
    weights *= weights.sum() / np.square(weights).sum()
    observed = _observed(histories, weights, features, evidence.n_items)
    totals = np.bincount(histories.items, weights, minlength=evidence.n_items)
    shares = totals / totals.sum()
    variances = _field_variances(observed, totals.sum(), shares, np.array(features.fields))
    if not any(variances.values()):
        return None
    kept = [
        _strongest(_lifts(counts, shares, variances[field]), shares, config.n_items)
        for counts, field in zip(_rows(observed), features.fields, strict=True)
    ]
    return ProfileModel(
        indptr=np.concatenate([[0], np.cumsum([len(items) for items, _ in kept])]).astype(np.int64),
        items=np.concatenate([items for items, _ in kept]).astype(np.int32),
        lifts=np.concatenate([lifts**config.strength for _, lifts in kept]).astype(np.float32),
    )


def _observed(
    histories: Histories, weights: NDArray[np.float64], features: Features, n_items: int
) -> scipy.sparse.csr_array:
    """The counts c, float64 (n_features, n_items)."""
    liked = scipy.sparse.csr_array(
        (weights, histories.items, histories.indptr), shape=(len(histories), n_items)
    )
    has = scipy.sparse.csr_array(
        (np.ones(len(features.columns)), features.columns, features.indptr),
        shape=(len(features), len(features.names)),
    )
    return (has.T @ liked).tocsr()


def _field_variances(
    observed: scipy.sparse.csr_array,
    total: float,
    shares: NDArray[np.float64],
    fields: NDArray[np.str_],
) -> dict[str, float]:
    """1 / a of each field; 0 where it tells nothing."""
    variances = {}
    for field in np.unique(fields).tolist():
        chosen = np.flatnonzero(fields == field)
        moments = [_moments(counts, total, shares) for counts in _rows(observed[chosen])]
        excess, noise, expected = np.sum(moments, axis=0)
        tells = excess > _STANDARD_ERRORS * np.sqrt(noise)
        variances[field] = float(excess / expected) if tells else 0.0
    return variances


def _moments(
    counts: NDArray[np.float64], total: float, shares: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Of one feature: sum((c - E)^2 - (1 - q) E), its variance under theta = 1, and sum(E^2)."""
    expected = counts.sum() * shares
    noise = (1 - counts.sum() / total) * expected
    excess = np.square(counts - expected).sum() - noise.sum()
    variance = 2 * np.square(noise).sum() + noise.sum()
    return float(excess), float(variance), float(np.square(expected).sum())


def _lifts(
    counts: NDArray[np.float64], shares: NDArray[np.float64], variance: float
) -> NDArray[np.float64]:
    """The posterior mean of theta of each item, float64 (n_items,); 1 for variance 0."""
    expected = counts.sum() * shares
    lifts: NDArray[np.float64] = (variance * counts + 1) / (variance * expected + 1)
    return lifts


def _strongest(
    lifts: NDArray[np.float64], shares: NDArray[np.float64], n: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The n items whose share a feature changes most, rising, and their lifts."""
    change = np.where(np.abs(lifts - 1) < _LEAST_CHANGE, 0.0, np.abs(lifts - 1) * shares)
    order = np.argsort(-change, kind="stable")[:n]
    items = np.sort(order[change[order] > 0])
    return items, lifts[items]


def _rows(observed: scipy.sparse.csr_array) -> Iterator[NDArray[np.float64]]:
    """Its rows, dense, one at a time."""
    for row in range(observed.shape[0]):
        yield observed[[row]].toarray().ravel()
