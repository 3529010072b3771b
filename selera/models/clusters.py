r"""An index of item factors: search a large catalogue for the largest inner products, by clusters.

Items of like factors lie together, cluster after cluster, so that looking into one is the product
of a slice and a vector. Clusters are looked into in the order of the best score that each may hold.
Of m items whose scores spread normally about that of their center c, with the variances v of the
factors about it, the largest is expected near (Cramer 1946, section 28.6) ::

    hope(u) = u . c + sqrt(2 log m) * sqrt(u^2 . v)

Enough is looked into when `share` of the open items has been scored. The bound u . c + |u| r, which
would prove that nothing better is left, prunes next to nothing in 64 dimensions: the recall is
measured instead (`benchmarks/retrieval.py`).

Mean and covariance of all factors give the mean and the deviation of a user's scores in closed
form: u . mean, sqrt(u . covariance u).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..contracts.protocols import Arrays
from .topn import best_places

DIRECT, _FEWEST = 4096, 1024
"""Open items up to which all of them are scored, and how many are at least."""


@dataclass(frozen=True, slots=True)
class ClusterIndex:
    """Item factors, cluster after cluster.

    indptr : int64 (n_clusters + 1,), cluster c is the slice indptr[c] : indptr[c + 1]
    items : int32 (n_items,), the item of each line, rising within a cluster
    factors : float32 (n_items, n_factors), a copy of the item factors, in this order
    lengths : float32 (n_items,), of these lines
    centers, variances : float32 (n_clusters, n_factors), mean and variance of each cluster's lines
    mean, covariance : float64 (n_factors,), (n_factors, n_factors), over all items
    share : of the open items that are scored for an answer
    """

    indptr: NDArray[np.int64]
    items: NDArray[np.int32]
    factors: NDArray[np.float32]
    lengths: NDArray[np.float32]
    centers: NDArray[np.float32]
    variances: NDArray[np.float32]
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    share: float

    def moments(self, user: NDArray[np.float32]) -> tuple[float, float]:
        """Mean and standard deviation of the inner products of float32 (n_factors,) and all."""
        exact = user.astype(np.float64)
        variance = float(exact @ self.covariance @ exact)
        return float(self.mean @ exact), float(np.sqrt(max(variance, 0.0)))

    def best(
        self, user: NDArray[np.float32], n: int, open: NDArray[np.bool_], *, cosine: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The n open items of the largest inner products found, and these: int64, float32.

        With `cosine` the products are divided by the lengths of the lines; a line of length 0 is
        not found then.
        """
        n_open = int(np.count_nonzero(open))
        order = np.argsort(-self._hopes(user, cosine), kind="stable")
        ends = np.cumsum(np.diff(self.indptr)[order])
        items, scores = [np.empty(0, np.int32)], [np.empty(0, np.float32)]
        least, seen, start = max(_FEWEST, 16 * n, int(self.share * n_open)), 0, 0
        while seen < least and start < len(order):
            # As many clusters at once as should hold the open items that are still wanted.
            wanted = (least - seen) * len(open) / max(n_open, 1)
            stop = int(np.searchsorted(ends, (ends[start - 1] if start else 0) + wanted)) + 1
            rows, found = self._look_into(order[start:stop], user, open, cosine)
            items.append(rows)
            scores.append(found)
            seen, start = seen + len(rows), stop
        every = np.concatenate(scores)
        chosen = best_places(every, n)
        return np.concatenate(items)[chosen].astype(np.int64), every[chosen]

    def _look_into(
        self,
        clusters: NDArray[np.int64],
        user: NDArray[np.float32],
        open: NDArray[np.bool_],
        cosine: bool,
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The open items of some clusters, and their inner products or cosines."""
        starts, stops = self.indptr[clusters], self.indptr[clusters + 1]
        parts = list(map(slice, starts.tolist(), stops.tolist()))
        items = np.concatenate([self.items[part] for part in parts])
        there = open[items]
        if cosine:
            lengths = np.concatenate([self.lengths[part] for part in parts])
            there &= lengths > 0
        if np.count_nonzero(there) < len(there) // 2:
            chosen, ends = np.flatnonzero(there), np.cumsum(stops - starts)
            lines = chosen + (stops - ends)[np.searchsorted(ends, chosen, side="right")]
            products = self.factors[lines] @ user
        else:
            products = np.concatenate([self.factors[part] @ user for part in parts])[there]
        return items[there], products / lengths[there] if cosine else products

    def _hopes(self, user: NDArray[np.float32], cosine: bool) -> NDArray[np.float32]:
        """The best score that each cluster may be expected to hold, float32 (n_clusters,)."""
        sizes = np.maximum(np.diff(self.indptr), 1)
        spreads = np.sqrt(self.variances @ np.square(user)) * np.sqrt(2 * np.log(sizes))
        hopes: NDArray[np.float32] = self.centers @ user + spreads
        if cosine:
            squares = np.square(self.centers).sum(axis=1) + self.variances.sum(axis=1)
            hopes /= np.sqrt(np.maximum(squares, np.finfo(np.float32).tiny))
        return hopes

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays named in the class docstring, and the share."""
        arrays = {f"{_PREFIX}{name}": getattr(self, name) for name in _ARRAYS}
        return arrays | {f"{_PREFIX}share": np.array([self.share])}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self | None:
        """The inverse of `to_arrays` among those of a model; None where it has no index."""
        if f"{_PREFIX}share" not in arrays:
            return None
        held = {name: arrays[f"{_PREFIX}{name}"] for name in _ARRAYS}
        return cls(**held, share=float(arrays[f"{_PREFIX}share"][0]))


_PREFIX = "clusters_"
_ARRAYS = ClusterIndex.__slots__[:-1]
