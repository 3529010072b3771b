"""Products of two sparse matrices of which each row keeps its largest entries only.

A row is summed up in a dense accumulator, so nothing of the size of the full product is ever held.
Columns are marked in groups of eight: a short row is read back without a walk over all columns.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

_GROUP_BITS = 3

_CSR = "int64[::1], int32[::1], float32[::1]"


@numba.njit(
    f"void({_CSR}, {_CSR}, int64, float32[::1], float32[::1], uint8[::1])", nogil=True, cache=True
)
def _sum_row(
    left_indptr: NDArray[np.int64],
    left_columns: NDArray[np.int32],
    left_values: NDArray[np.float32],
    right_indptr: NDArray[np.int64],
    right_columns: NDArray[np.int32],
    right_values: NDArray[np.float32],
    row: int,
    sums: NDArray[np.float32],
    counts: NDArray[np.float32],
    marks: NDArray[np.uint8],
) -> None:
    """Add one row of `left @ right` to `sums`, its summands to `counts`; mark what was hit."""
    for entry in range(left_indptr[row], left_indptr[row + 1]):
        middle = left_columns[entry]
        factor = left_values[entry]
        for other in range(right_indptr[middle], right_indptr[middle + 1]):
            column = right_columns[other]
            sums[column] += factor * right_values[other]
            marks[column >> _GROUP_BITS] = 1
            if len(counts) > 0:
                counts[column] += np.float32(1.0)


@numba.njit(
    "int64(float32[::1], float32[::1], uint8[::1], float32[::1], float32, int32[::1],"
    " float32[::1])",
    nogil=True,
    cache=True,
)
def _read_row(
    sums: NDArray[np.float32],
    counts: NDArray[np.float32],
    marks: NDArray[np.uint8],
    column_scales: NDArray[np.float32],
    shrinkage: np.float32,
    found: NDArray[np.int32],
    entries: NDArray[np.float32],
) -> int:
    """Write the columns and scaled entries of a summed row, columns rising; clear the sums.

    Returns how many entries there are.
    """
    n = 0
    for group in range(len(marks)):
        if marks[group] == 0:
            continue
        marks[group] = 0
        for column in range(group << _GROUP_BITS, min((group + 1) << _GROUP_BITS, len(sums))):
            entry = sums[column] * column_scales[column]
            sums[column] = np.float32(0.0)
            if len(counts) > 0:
                entry *= counts[column] / (counts[column] + shrinkage)
                counts[column] = np.float32(0.0)
            found[n] = column  # without a branch: which entries are 0 cannot be foreseen
            entries[n] = entry
            n += entry != 0
    return n


@numba.njit("float32(float32[::1], int64)", nogil=True, cache=True)
def _largest(values: NDArray[np.float32], k: int) -> np.float32:
    """The k-th largest value, 1 <= k <= len(values), by Hoare's selection; reorders in place."""
    low, high, wanted = 0, len(values) - 1, k - 1
    while low < high:
        pivot = values[(low + high) // 2]
        left, right = low, high
        while left <= right:
            while values[left] > pivot:
                left += 1
            while values[right] < pivot:
                right -= 1
            if left <= right:
                values[left], values[right] = values[right], values[left]
                left += 1
                right -= 1
        if wanted <= right:
            high = right
        elif wanted >= left:
            low = left
        else:
            break
    found: np.float32 = values[wanted]
    return found


@numba.njit(
    "int64(int32[::1], float32[::1], float32[::1], int64, int32[::1], float32[::1], int64)",
    nogil=True,
    cache=True,
)
def _keep_largest(
    found: NDArray[np.int32],
    entries: NDArray[np.float32],
    scratch: NDArray[np.float32],
    most: int,
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
    end: int,
) -> int:
    """Append the `most` largest entries, in their order, from place `end`; returns the new end."""
    least, n_ties = np.float32(-np.inf), 0
    if len(entries) > most:
        scratch[: len(entries)] = entries
        least = _largest(scratch[: len(entries)], most)
        n_ties = most
        for place in range(len(entries)):
            if entries[place] > least:
                n_ties -= 1
    for place in range(len(entries)):
        is_tie = entries[place] == least
        if entries[place] > least or (is_tie and n_ties > 0):
            columns[end] = found[place]
            values[end] = entries[place]
            end += 1
            if is_tie:
                n_ties -= 1
    return end


@numba.njit(
    f"void({_CSR}, {_CSR}, float32[::1], float32, float32, int64, int64,"
    " int64[::1], int32[::1], float32[::1])",
    nogil=True,
    cache=True,
)
def product_rows(
    left_indptr: NDArray[np.int64],
    left_columns: NDArray[np.int32],
    left_values: NDArray[np.float32],
    right_indptr: NDArray[np.int64],
    right_columns: NDArray[np.int32],
    right_values: NDArray[np.float32],
    column_scales: NDArray[np.float32],
    shrinkage: np.float32,
    self_weight: np.float32,
    most: int,
    start: int,
    ends: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: NDArray[np.float32],
) -> None:
    """Write the `most` largest entries of each of len(ends) rows of `left @ right`, in place.

    left, right : CSR matrices, int64 (n_rows + 1,), int32 (nnz,), float32 (nnz,)
    column_scales : float32 (n_columns of right,); each entry is multiplied by that of its column
    shrinkage : if > 0, each entry is multiplied by n / (n + shrinkage), n the number of summands
    self_weight : the entry on the diagonal is multiplied by it
    most : >= 1; of equal entries those in lower columns are kept; 0 is no entry
    start : the first row
    ends : int64 (n_rows,), where row start, start + 1, ... ends in `columns` and `values`
    columns, values : int32, float32 (at least as many as there are entries,), rows one after
        another, columns rising within a row
    """
    n_columns = len(column_scales)
    sums = np.zeros(n_columns, dtype=np.float32)
    counts = np.zeros(n_columns if shrinkage > 0 else 0, dtype=np.float32)
    marks = np.zeros((n_columns >> _GROUP_BITS) + 1, dtype=np.uint8)
    found = np.empty(n_columns + 1, dtype=np.int32)
    entries = np.empty(n_columns + 1, dtype=np.float32)
    scratch = np.empty(n_columns, dtype=np.float32)
    end = 0
    for place in range(len(ends)):
        row = start + place
        _sum_row(
            left_indptr,
            left_columns,
            left_values,
            right_indptr,
            right_columns,
            right_values,
            row,
            sums,
            counts,
            marks,
        )
        if row < n_columns:
            sums[row] *= self_weight
        n = _read_row(sums, counts, marks, column_scales, shrinkage, found, entries)
        end = _keep_largest(found[:n], entries[:n], scratch, most, columns, values, end)
        ends[place] = end
