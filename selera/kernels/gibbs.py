"""One sweep of the Gibbs sampler of a factorization machine."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(nogil=True, cache=True, fastmath=True)
def _others(
    is_bias: bool, products: NDArray[np.float32], totals: NDArray[np.float64], place: int, row: int
) -> float:
    """What a rating's block row is multiplied by: the rows of the other blocks; 1 for a bias."""
    return 1.0 if is_bias else products[place] - totals[row]


@numba.njit(nogil=True, cache=True, fastmath=True)
def _condense(
    is_bias: bool,
    rows: NDArray[np.int32],
    products: NDArray[np.float32],
    residuals: NDArray[np.float32],
    totals: NDArray[np.float64],
    curvature: NDArray[np.float64],
    slope: NDArray[np.float64],
) -> None:
    """What the ratings say of their block rows: sums of h * h and of h * residual."""
    for place in range(len(rows)):
        row = rows[place]
        h = _others(is_bias, products, totals, place, row)
        curvature[row] += h * h
        slope[row] += h * residuals[place]


@numba.njit(nogil=True, cache=True, fastmath=True)
def _draw(
    feature: int,
    starts: NDArray[np.int64],
    feature_rows: NDArray[np.int32],
    values: NDArray[np.float32],
    prior_mean: float,
    prior_precision: float,
    noise_precision: float,
    normal: float,
    weights: NDArray[np.float64],
    curvature: NDArray[np.float64],
    slope: NDArray[np.float64],
    steps: NDArray[np.float64],
) -> None:
    """Draw one weight from its conditional normal distribution, and tell its block rows."""
    squares, dot = 0.0, 0.0
    for place in range(starts[feature], starts[feature + 1]):
        x, row = values[place], feature_rows[place]
        squares += x * x * curvature[row]
        dot += x * slope[row]
    old = weights[feature]
    precision = prior_precision + noise_precision * squares
    pull = prior_precision * prior_mean + noise_precision * (dot + squares * old)
    weights[feature] = pull / precision + normal / math.sqrt(precision)
    step = weights[feature] - old
    for place in range(starts[feature], starts[feature + 1]):
        x, row = values[place], feature_rows[place]
        slope[row] -= x * step * curvature[row]
        steps[row] += x * step


@numba.njit(nogil=True, cache=True, fastmath=True)
def _trade(
    feature: int,
    id_offset: int,
    starts: NDArray[np.int64],
    feature_rows: NDArray[np.int32],
    values: NDArray[np.float32],
    prior_mean: float,
    prior_precision: float,
    id_mean: float,
    id_precision: float,
    normal: float,
    weights: NDArray[np.float64],
    curvature: NDArray[np.float64],
    steps: NDArray[np.float64],
) -> None:
    """Move a weight against those of its rows' ids: rows with ratings keep their total.

    The id of a row without ratings is not asked: it is drawn from its prior in every sweep.
    """
    squares, dot = 0.0, 0.0
    for place in range(starts[feature], starts[feature + 1]):
        x, row = values[place], feature_rows[place]
        if curvature[row] > 0:
            squares += x * x
            dot += x * (weights[id_offset + row] - id_mean)
    precision = prior_precision + id_precision * squares
    pull = id_precision * dot - prior_precision * (weights[feature] - prior_mean)
    step = pull / precision + normal / math.sqrt(precision)
    weights[feature] += step
    for place in range(starts[feature], starts[feature + 1]):
        x, row = values[place], feature_rows[place]
        if curvature[row] > 0:
            weights[id_offset + row] -= x * step
        else:
            steps[row] += x * step


@numba.njit(nogil=True, cache=True, fastmath=True)
def _apply(
    is_bias: bool,
    rows: NDArray[np.int32],
    steps: NDArray[np.float64],
    totals: NDArray[np.float64],
    products: NDArray[np.float32],
    residuals: NDArray[np.float32],
) -> None:
    """Move the residuals by the steps of their block rows."""
    for place in range(len(rows)):
        row = rows[place]
        h = _others(is_bias, products, totals, place, row)
        residuals[place] -= h * steps[row]
        products[place] += steps[row]


@numba.njit(nogil=True, cache=True, fastmath=True)
def _visit_block(
    features: tuple[int, int, int],
    starts: NDArray[np.int64],
    feature_rows: NDArray[np.int32],
    values: NDArray[np.float32],
    groups: NDArray[np.int32],
    means: NDArray[np.float64],
    precisions: NDArray[np.float64],
    noise_precision: float,
    normals: NDArray[np.float32],
    weights: NDArray[np.float64],
    curvature: NDArray[np.float64],
    slope: NDArray[np.float64],
    steps: NDArray[np.float64],
) -> None:
    """Draw the weights of one line and block: features are ids from the first, then the others."""
    first, others, end = features
    for feature in range(first, end):
        _draw(
            feature,
            starts,
            feature_rows,
            values,
            means[groups[feature]],
            precisions[groups[feature]],
            noise_precision,
            normals[0, feature],
            weights,
            curvature,
            slope,
            steps,
        )
    id_offset = first - feature_rows[starts[first]]
    for feature in range(others, end):
        _trade(
            feature,
            id_offset,
            starts,
            feature_rows,
            values,
            means[groups[feature]],
            precisions[groups[feature]],
            means[groups[first]],
            precisions[groups[first]],
            normals[1, feature],
            weights,
            curvature,
            steps,
        )


@numba.njit(
    "void(int32[:, ::1], int64[:, ::1], int64[::1], int32[::1], float32[::1], int32[::1],"
    " float64[:, ::1], float64[:, ::1], float64, float32[:, :, ::1],"
    " float64[:, ::1], float64[:, ::1], float32[::1])",
    nogil=True,
    cache=True,
    fastmath=True,
)
def gibbs_sweep(
    rows: NDArray[np.int32],
    blocks: NDArray[np.int64],
    starts: NDArray[np.int64],
    feature_rows: NDArray[np.int32],
    values: NDArray[np.float32],
    groups: NDArray[np.int32],
    means: NDArray[np.float64],
    precisions: NDArray[np.float64],
    noise_precision: float,
    normals: NDArray[np.float32],
    weights: NDArray[np.float64],
    totals: NDArray[np.float64],
    residuals: NDArray[np.float32],
) -> None:
    """Draw every weight once, given all others; the last three arrays are changed in place.

    rows : int32 (n_blocks, n), the block row of each rating in each block
    blocks : int64 (n_blocks, 3), the first feature of each block, the first one that is not an id,
        and the end; there is one id for each row of the block
    starts, feature_rows, values : the features by columns (CSC), n_features columns
    groups : int32 (n_features,)
    means, precisions : float64 (1 + n_factors, n_groups), the priors; line 0 is of the biases
    normals : float32 (1 + n_factors, 2, n_features), standard normal draws
    weights : float64 (1 + n_factors, n_features)
    totals : float64 (1 + n_factors, n_block_rows), the sums of value * weight of each block row
    residuals : float32 (n,), rating - prediction

    The updates are those of `selera.training.bayes`.
    """
    products = np.empty(len(residuals), dtype=np.float32)
    curvature = np.empty(totals.shape[1])
    slope = np.empty(totals.shape[1])
    steps = np.empty(totals.shape[1])
    for line in range(len(weights)):
        is_bias = line == 0
        for place in range(len(products)):
            products[place] = 0.0
        for block in range(len(rows)):
            for place in range(len(products)):
                products[place] += totals[line, rows[block, place]]
        for block in range(len(rows)):
            for row in range(len(steps)):
                curvature[row] = slope[row] = steps[row] = 0.0
            _condense(is_bias, rows[block], products, residuals, totals[line], curvature, slope)
            _visit_block(
                (blocks[block, 0], blocks[block, 1], blocks[block, 2]),
                starts,
                feature_rows,
                values,
                groups,
                means[line],
                precisions[line],
                noise_precision,
                normals[line],
                weights[line],
                curvature,
                slope,
                steps,
            )
            _apply(is_bias, rows[block], steps, totals[line], products, residuals)
            for row in range(len(steps)):
                totals[line, row] += steps[row]
