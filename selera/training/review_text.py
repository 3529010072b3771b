r"""Learn the stars of reviews from their texts: ridge regression on hashed runs of characters.

    minimize  sum over texts t of (stars_t - mean - x_t . w)^2 + lambda |w|^2

x_t has 1 / sqrt(n_t) at each of the n_t distinct buckets of text t (`models/review_text.py`), so
lambda is in texts. The normal equations (X^T X + lambda I) w = X^T y are solved by conjugate
gradients from 0, a fixed number of steps: Hestenes and Stiefel, "Methods of conjugate gradients for
solving linear systems", 1952.

The texts are the shop's own reviews with stars. With too few of them, or where folds that were held
out are not predicted better than by the mean, nothing is learnt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
import numpy as np
import scipy.sparse
from msgspec import Meta
from numpy.typing import NDArray

from ..contracts.interactions import RatingScale
from ..models.review_text import ReviewTextModel, text_buckets

_N_FOLDS = 5
_N_STEPS = 20
_MOST_JUDGED = 4_000
_LEAST_GAIN = 0.02
"""A lower error than this share below the mean's is no gain."""


class ReviewTextConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stars of reviews that have none, from their texts.

    least_texts : texts with stars below which nothing is learnt
    most_texts : texts with stars that are learnt from at most, drawn at random
    regularization : lambda, in texts
    hash_bits : two to this power are the buckets
    """

    least_texts: Annotated[int, Meta(ge=10)] = 200
    most_texts: Annotated[int, Meta(ge=10)] = 10_000
    regularization: Annotated[float, Meta(gt=0.0)] = 0.5
    hash_bits: Annotated[int, Meta(ge=10, le=22)] = 16


class LearntTexts(msgspec.Struct, frozen=True):
    """What the training says of itself.

    n_texts : texts with stars that were learnt from
    rmse, mean_rmse : of held-out texts, in stars: by the text, and by the mean of the others; None
        where nothing was held out
    used : whether the model is good for anything
    """

    n_texts: int
    used: bool
    rmse: float | None = None
    mean_rmse: float | None = None


def fit_review_text(
    texts: Sequence[str],
    stars: NDArray[np.float32],
    scale: RatingScale,
    config: ReviewTextConfig,
    *,
    seed: int,
) -> tuple[ReviewTextModel | None, LearntTexts]:
    """Learn from texts with their stars, float32 (len(texts),); None where it is of no use."""
    if len(texts) < config.least_texts:
        return None, LearntTexts(len(texts), used=False)
    chosen = np.random.default_rng(seed).permutation(len(texts))[: config.most_texts]
    matrix = text_matrix([texts[place] for place in chosen.tolist()], config)
    wanted = stars[chosen].astype(np.float64)
    rmse, mean_rmse = _judged(matrix[:_MOST_JUDGED], wanted[:_MOST_JUDGED], config)
    used = rmse < (1 - _LEAST_GAIN) * mean_rmse
    said = LearntTexts(len(wanted), used, round(rmse, 4), round(mean_rmse, 4))
    if not used:
        return None, said
    weights, mean = _solved(matrix, wanted, config.regularization)
    numbers = np.array([mean, scale.low, scale.high], dtype=np.float32)
    return ReviewTextModel(weights.astype(np.float32), numbers), said


def text_matrix(texts: Sequence[str], config: ReviewTextConfig) -> scipy.sparse.csr_array:
    """The rows x, float64 (len(texts), 2 ** hash_bits)."""
    n_buckets = 2**config.hash_bits
    rows, buckets = text_buckets(texts, n_buckets)
    lengths = np.bincount(rows, minlength=len(texts))
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    values = np.repeat(1.0 / np.sqrt(np.maximum(lengths, 1)), lengths)
    return scipy.sparse.csr_array((values, buckets, indptr), shape=(len(texts), n_buckets))


def _judged(
    matrix: scipy.sparse.csr_array,
    stars: NDArray[np.float64],
    config: ReviewTextConfig,
) -> tuple[float, float]:
    """The root mean square error of held-out texts, by the text and by the mean of the others."""
    folds = np.arange(len(stars)) % _N_FOLDS
    errors, mean_errors = np.empty_like(stars), np.empty_like(stars)
    for fold in range(_N_FOLDS):
        out = folds == fold
        weights, mean = _solved(matrix[~out], stars[~out], config.regularization)
        errors[out] = stars[out] - mean - matrix[out] @ weights
        mean_errors[out] = stars[out] - mean
    return float(np.sqrt(np.square(errors).mean())), float(np.sqrt(np.square(mean_errors).mean()))


def _solved(
    matrix: scipy.sparse.csr_array, stars: NDArray[np.float64], regularization: float
) -> tuple[NDArray[np.float64], float]:
    """The weights, float64 (n_buckets,), and the mean."""
    mean = float(stars.mean())
    turned = matrix.T.tocsr()
    weights = np.zeros(matrix.shape[1])
    residual = turned @ (stars - mean)
    direction, square = residual.copy(), _dot(residual, residual)
    for _ in range(_N_STEPS):
        if square <= 1e-12:
            break
        image = turned @ (matrix @ direction) + regularization * direction
        step = square / _dot(direction, image)
        weights += step * direction
        residual -= step * image
        before, square = square, _dot(residual, residual)
        direction = residual + (square / before) * direction
    return weights, mean


def _dot(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The inner product, without BLAS, whose sums depend on the number of its threads."""
    return float(np.einsum("i,i->", one, other))
