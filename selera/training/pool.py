"""The candidates that several rankers propose for held-out users, with what each says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from ..contracts.histories import Histories, ItemSets
from ..contracts.protocols import Scorer
from ..kernels.ranking import top_n_rows
from ..models.blend import tempered
from .algebra import KERNELS
from .workers import open_workers

_SCORES_AT_ONCE = 16_000_000


@dataclass(frozen=True, slots=True)
class Pool:
    """The union of the best candidates of all rankers, user by user (CSR).

    indptr : int64 (n_users + 1,)
    terms : float32 (n_candidates, n_rankers), the tempered score by each ranker
    is_target : bool (n_candidates,), whether the user then chose the item
    n_targets : int64 (n_users,), held-out items of each user, those that nobody proposed included
    """

    indptr: NDArray[np.int64]
    terms: NDArray[np.float32]
    is_target: NDArray[np.bool_]
    n_targets: NDArray[np.int64]

    def with_rankers(self, chosen: Sequence[int]) -> Pool:
        """The same candidates, judged by some of the rankers only."""
        terms = np.ascontiguousarray(self.terms[:, list(chosen)])
        return Pool(self.indptr, terms, self.is_target, self.n_targets)


def gather_pool(
    models: Sequence[Scorer],
    histories: Histories,
    targets: ItemSets,
    *,
    hidden: NDArray[np.bool_],
    n_candidates: int,
    n_threads: int | None = None,
) -> Pool:
    """The `n_candidates` best of each ranker for each history, and their terms.

    targets : of the same users; hidden : bool (nnz,), entries that may not be recommended
    """
    n_users = len(histories)
    found: list[tuple[NDArray[np.int32], NDArray[np.float32]]] = [_NOTHING] * n_users

    def propose(start: int, stop: int) -> None:
        batch = histories.take(start, stop)
        hides = hidden[int(histories.indptr[start]) : int(histories.indptr[stop])]
        terms = [tempered(model.score(batch, KERNELS)) for model in models]
        best = [_best(each, batch, hides, n_candidates) for each in terms]
        proposed = np.concatenate(best, axis=1)
        for user in range(len(batch)):
            items = np.unique(proposed[user])
            items = items[items >= 0]
            said = np.stack([each[user, items] for each in terms], axis=1)
            found[start + user] = items, said

    size = _batch_size(models, histories)
    with threadpool_limits(1, user_api="blas"), open_workers(n_threads) as workers:
        workers.run(
            partial(propose, start, min(start + size, n_users)) for start in range(0, n_users, size)
        )
    return Pool(
        indptr=np.cumsum([0, *(len(items) for items, _ in found)]).astype(np.int64),
        terms=np.concatenate([terms for _, terms in found]),
        is_target=np.concatenate(
            [np.isin(items, targets.of(user)) for user, (items, _) in enumerate(found)]
        ),
        n_targets=targets.sizes,
    )


_NOTHING = np.empty(0, np.int32), np.empty((0, 0), np.float32)


def _best(
    terms: NDArray[np.float32], batch: Histories, hides: NDArray[np.bool_], n: int
) -> NDArray[np.int32]:
    """The n best items that are not hidden, int32 (batch, n)."""
    open_terms = terms.copy()
    open_terms[batch.rows[hides], batch.items[hides]] = -np.inf
    items = np.empty((len(batch), n), dtype=np.int32)
    top_n_rows(open_terms, items, np.empty((len(batch), n), dtype=np.float32))
    return items


def _batch_size(models: Sequence[Scorer], histories: Histories) -> int:
    """Users scored at once, so that the scores of all rankers fit into a few hundred megabytes."""
    n_items = int(models[0].score(histories.take(0, 1)).shape[1])
    return max(1, min(256, _SCORES_AT_ONCE // (n_items * len(models))))
