r"""SVD, ranking: a truncated SVD of the weighted behavior matrix (PureSVD).

Cremonesi, Koren & Turrin 2010, "Performance of recommender algorithms on top-N recommendation
tasks": unknown entries count as 0, W is approximated by its k leading singular triplets, and a user
is scored by the projection of the user's row (eq. 5)::

    W S = U Sigma V^T,    score_u = w_u S V V^T T

S and T are diagonal. S = diag(|column|^(-column_damping)) moves the factors away from the most
popular items before they are found (EigenRec, Nikolakopoulos et al. 2019, with d = 1 - damping);
T = diag(|column|^output_exponent) gives popularity back in the answer. damping = exponent = 0 is
PureSVD. We store query factors S V / Sigma and item factors T V Sigma, whose product is the same:
the query factors map a history onto its row of U, so folding in a user is the formula that trained.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from scipy.sparse import csr_array

from ..contracts.histories import Histories
from ..contracts.protocols import Progress, silent
from ..models.factor import FactorModel
from .spectral import truncated_svd


class PureSvdConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the ranking SVD."""

    n_factors: Annotated[int, Meta(ge=1, le=4096)] = 32
    column_damping: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.5
    output_exponent: Annotated[float, Meta(ge=-1.0, le=2.0)] = 0.5
    n_power_iterations: Annotated[int, Meta(ge=0, le=50)] = 8


def fit_puresvd(
    histories: Histories,
    n_items: int,
    config: PureSvdConfig,
    *,
    seed: int,
    n_threads: int | None = None,
    progress: Progress = silent,
) -> FactorModel:
    """Learn both factor matrices from the weights of all users' histories.

    Items without any weight get factors 0, and so the score 0 for everyone.
    """
    lengths = np.sqrt(
        np.bincount(
            histories.items,
            weights=np.square(histories.weights, dtype=np.float64),
            minlength=n_items,
        )
    )
    known = lengths > 0
    damping = np.zeros(n_items, dtype=np.float32)
    damping[known] = lengths[known] ** -config.column_damping
    output = np.zeros(n_items, dtype=np.float32)
    output[known] = lengths[known] ** config.output_exponent
    matrix = csr_array(
        (histories.weights * damping[histories.items], histories.items, histories.indptr),
        shape=(len(histories), n_items),
    )
    values, vectors = truncated_svd(
        matrix,
        config.n_factors,
        n_power_iterations=config.n_power_iterations,
        seed=seed,
        n_threads=n_threads,
        progress=progress,
    )
    kept = values > values[:1] * np.finfo(np.float32).eps * max(matrix.shape)
    vectors, values = vectors[:, kept], values[kept]
    return FactorModel(
        query_factors=np.ascontiguousarray(damping[:, None] * vectors / values),
        item_factors=np.ascontiguousarray(output[:, None] * vectors * values),
    )
