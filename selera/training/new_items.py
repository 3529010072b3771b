"""What is learnt about product features once, so that a request can score items without behavior.

See `models/new_items.py` for the regression. Only warm items teach it: those that somebody likes.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from threadpoolctl import threadpool_limits

from ..models.new_items import NewItemModel, moments
from .evidence import Evidence

_TEACHERS = 2048
"""Warm items that teach at most, every k-th of more: a request has to score all of them."""


class NewItemConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Scores of products without any behavior.

    regularization : the ridge, in items: a feature that so many items have is halved
    boldness : 0 gives new items their expected score, 1 the same chance of the top as others have
    """

    regularization: Annotated[float, Meta(gt=0.0)] = 10.0
    boldness: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.25


def fit_new_items(evidence: Evidence, config: NewItemConfig) -> NewItemModel | None:
    """Prepare the regression; None where there are no product features, or no two warm items."""
    features, histories = evidence.item_features, evidence.histories
    if features is None:
        return None
    liked = np.bincount(histories.items, histories.weights, minlength=evidence.n_items) > 0
    items = np.flatnonzero(liked).astype(np.int32)
    items = items[:: -(-len(items) // _TEACHERS) or 1]
    known = features.gather(items)
    if len(items) < 2 or not len(known.columns):
        return None
    n = len(features.names)
    shares, covariance = moments(known.indptr, known.columns, n)
    gram = len(items) * covariance
    gram[np.diag_indices(n)] += config.regularization
    with threadpool_limits(1, user_api="blas"):  # the same bytes at any number of threads
        inverse = np.linalg.inv(gram)
    return NewItemModel(
        items=items,
        indptr=known.indptr,
        columns=known.columns,
        inverse=inverse.astype(np.float32),
        shares=shares,
        covariance=covariance.astype(np.float32),
        boldness=np.array([config.boldness], dtype=np.float32),
    )
