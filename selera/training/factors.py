"""Where factors begin: small, random, and laid out as vector registers want them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LINE_BYTES = 64
_REGISTER = 16
_UNROLLED = 64


def random_factors(
    rng: np.random.Generator, n: int, n_factors: int, std: float
) -> NDArray[np.float32]:
    """Factors drawn from normal(0, std), float32 (n, width), laid out as by `zero_factors`."""
    factors = zero_factors(n, n_factors)
    draw_factors(rng, std, factors[:, :n_factors])
    return factors


def zero_factors(n: int, n_factors: int) -> NDArray[np.float32]:
    """Zeros, float32 (n, width) with `width` >= `n_factors`.

    Columns past `n_factors` are to stay 0, as every update of ours keeps them. The width is a
    multiple of 16 numbers, past 64 of 64, and every row begins at a cache line: whole vector
    registers, unrolled, with no rest to loop over and no load from two lines.
    """
    unit = _REGISTER if n_factors <= _UNROLLED else _UNROLLED
    width = -(-n_factors // unit) * unit
    size = n * width * np.dtype(np.float32).itemsize
    memory = np.zeros(size + _LINE_BYTES, dtype=np.uint8)
    start = -memory.ctypes.data % _LINE_BYTES
    return memory[start : start + size].view(np.float32).reshape(n, width)


def draw_factors(rng: np.random.Generator, std: float, out: NDArray[np.float32]) -> None:
    """Fill `out`, float32 (n, n_factors), from normal(0, std)."""
    drawn = rng.standard_normal(out.shape, dtype=np.float32)
    np.multiply(drawn, np.float32(std), out=out)


def where_learned(
    factors: NDArray[np.float32], rows: NDArray[np.int32], n_factors: int
) -> NDArray[np.float32]:
    """The first `n_factors` columns; 0 in rows that are not among `rows` and so learned nothing."""
    learned = np.bincount(rows, minlength=len(factors)) > 0
    return np.where(learned[:, None], factors[:, :n_factors], np.float32(0))
