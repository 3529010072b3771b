r"""Leading eigenvectors of a large symmetric matrix A that is known by its products alone.

A block Krylov space [B, A B, A^2 B, ..., A^q B] of a random block B, orthonormalized block by block
as in the Lanczos process, each new block against all before it; then Rayleigh-Ritz: the leading
eigenvectors of the small matrix Q^T A Q, lifted back by the basis Q. (Golub & Van Loan, Matrix
Computations, section 10.3; accuracy from a random start: Musco & Musco 2015.)

A first projection takes the last two blocks off, with which alone a new one has much in common, and
a second all blocks: together as exact as two full ones at half the cost. Where A has nothing new to
say the space goes on from a fresh random block.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import eigh

from ..contracts.protocols import Progress
from .tall import Matrix, inner_products, orthonormal, subtract_product, times
from .workers import Workers

_NEGLIGIBLE = 1e-4
_ROUNDING = 3e-6


def leading_eigenvectors(
    multiply: Callable[[Matrix], Matrix],
    n: int,
    k: int,
    *,
    size: int,
    n_steps: int,
    rng: np.random.Generator,
    workers: Workers,
    progress: Progress,
) -> Matrix:
    """The k leading eigenvectors of A, float32 (n, k), by falling eigenvalue.

    multiply : A times a block, float32 (n, any)
    size : dimensions of the space, k <= size <= n
    n_steps : products after the first one, that is q: more of them make narrower blocks
    """
    space = _Space(n, size)
    width = -(-size // (n_steps + 1))
    while space.n_found < size:
        block = space.next_block
        if not block.shape[1]:
            drawn = rng.standard_normal((n, min(width, size - space.n_found)), dtype=np.float32)
            block = space.outside(drawn, workers)
        space.grow(block, multiply, workers)
        progress("truncated svd", space.n_found, size)
    leading = [size - k, size - 1]
    _, vectors = eigh(space.projected, subset_by_index=leading, driver="evr", lower=False)
    return times(space.basis, vectors[:, ::-1], workers)


class _Space:
    """An orthonormal basis that grows, and A projected onto it.

    basis : float32 (n, size), its first n_found columns are known
    projected : float64 (size, size), the upper triangle of basis^T A basis
    next_block : float32 (n, any), the orthonormal part of A's last product that is new; no columns
        where nothing is
    """

    def __init__(self, n: int, size: int) -> None:
        self.basis = np.zeros((n, size), dtype=np.float32)
        self.projected = np.zeros((size, size))
        self.n_found = 0
        self.next_block = np.zeros((n, 0), dtype=np.float32)
        self._previous = 0
        self._longest = 0.0

    def grow(self, block: Matrix, multiply: Callable[[Matrix], Matrix], workers: Workers) -> None:
        """Add orthonormal columns, as many as there is room for, and look at A times them."""
        start = self.n_found
        block = np.ascontiguousarray(block[:, : self.basis.shape[1] - start])
        self.n_found = start + block.shape[1]
        self.basis[:, start : self.n_found] = block
        image = multiply(block)
        longest = float(np.linalg.norm(image, axis=0).max())
        self._longest = max(self._longest, longest)
        for first in (self._previous, 0):
            known = self.basis[:, first : self.n_found]
            shares = inner_products(known, image, workers)
            subtract_product(image, known, shares, workers)
            self.projected[first : self.n_found, start : self.n_found] += shares
        self._previous = start
        least = max(_NEGLIGIBLE * longest, _ROUNDING * self._longest)
        self.next_block = orthonormal(image, least, workers)

    def outside(self, block: Matrix, workers: Workers) -> Matrix:
        """An orthonormal block of what the given one has outside of the space."""
        known = self.basis[:, : self.n_found]
        for _ in range(2):
            subtract_product(block, known, inner_products(known, block, workers), workers)
        return orthonormal(block, 0.0, workers)
