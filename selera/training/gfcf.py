r"""GF-CF and its relatives: users' histories smoothed over the graph of items, without gradients.

Shen, Wu, Zhang, Shan et al. 2021, "How powerful is graph convolution for recommendation?", eq. 15:
with R the users x items evidence, R~ = D_U^-1/2 R D_I^-1/2 and V the leading right singular vectors
of R~, a user is scored by

    s_u = r_u (R~^T R~ + alpha D_I^-1/2 V V^T D_I^1/2)

The first term joins what the same users have; the second is an ideal low-pass filter. With
P = R~^T R~ this is the simplest case of a polynomial filter that sharpens as well as it smooths::

    s_u = r_u (P + second_order P^2 + third_order P^3 + low_pass D_I^-1/2 V V^T D_I^1/2) D_I^x

x is `output_exponent`: how much more of their popularity popular items get. P is exact (or keeps
the `n_neighbors` largest entries of each row); of its powers, V Sigma^4 V^T and V Sigma^6 V^T
stand for P^2 and P^3: what V leaves out is small already in P. Sharpening by P^2 follows the idea
of BSPM (Choi et al. 2023), the exponent that of EigenRec; the paper is the case 0, 0, alpha, 0.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from ..contracts.histories import Histories
from ..contracts.protocols import Progress, silent
from ..contracts.sparse import SparseMatrix
from ..models.spectral import SpectralFilterModel
from .products import largest_of_product, scipy_of, transposed
from .spectral import truncated_svd
from .typed import Values, matrix_of, power, sums_by

Coefficient = Annotated[float, Meta(ge=-10.0, le=10.0)]


class GfcfConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Settings of the spectral filter; `n_neighbors` 0 keeps all edges."""

    n_factors: Annotated[int, Meta(ge=1, le=4096)] = 256
    n_neighbors: Annotated[int, Meta(ge=0, le=100_000)] = 1000
    low_pass: Coefficient = 0.3
    second_order: Coefficient = 0.0
    third_order: Coefficient = 0.0
    output_exponent: Annotated[float, Meta(ge=-1.0, le=2.0)] = 0.0
    n_power_iterations: Annotated[int, Meta(ge=0, le=100)] = 64


def fit_gfcf(
    histories: Histories,
    n_items: int,
    config: GfcfConfig,
    *,
    seed: int,
    n_threads: int | None = None,
    progress: Progress = silent,
) -> SpectralFilterModel:
    """Learn edges and factors from the weights of all users' histories.

    Items without any weight have neither, and so the score 0 for everyone.
    """
    weights = histories.weights.astype(np.float64)
    of_users = sums_by(histories.rows, weights, len(histories))
    of_items = sums_by(histories.items, weights, n_items)
    damped = (
        weights * power(of_users, -0.5)[histories.rows] * power(of_items, -0.5)[histories.items]
    )
    matrix = matrix_of(histories, damped, n_items)
    output = power(of_items, config.output_exponent)
    edges = largest_of_product(
        transposed(matrix),
        matrix,
        config.n_neighbors or None,
        column_scales=output.astype(np.float32),
        n_threads=n_threads,
    )
    values, vectors = truncated_svd(
        scipy_of(matrix),
        config.n_factors,
        n_power_iterations=config.n_power_iterations,
        seed=seed,
        n_threads=n_threads,
        progress=progress,
    )
    return _filter(edges, values, vectors, of_items, output, config)


def _filter(
    edges: SparseMatrix,
    values: NDArray[np.float32],
    vectors: NDArray[np.float32],
    popularity: Values,
    output: Values,
    config: GfcfConfig,
) -> SpectralFilterModel:
    """The model: the powers share the query V, the low-pass filter has one of its own."""
    queries: list[Values] = []
    answers: list[Values] = []
    powers = config.second_order * values**4 + config.third_order * values**6
    if powers.any():
        queries.append(vectors.astype(np.float64))
        answers.append(vectors * powers * output[:, None])
    if config.low_pass != 0:
        queries.append(vectors * power(popularity, -0.5)[:, None])
        answers.append(vectors * (config.low_pass * power(popularity, 0.5) * output)[:, None])
    nothing = [np.zeros((len(vectors), 0))]
    return SpectralFilterModel(
        edges=edges,
        query_factors=np.hstack(queries or nothing, dtype=np.float32, casting="same_kind"),
        item_factors=np.hstack(answers or nothing, dtype=np.float32, casting="same_kind"),
    )
