"""The pool of candidates against its definition, user by user."""

import numpy as np
import pytest
from numpy.typing import NDArray

from selera.contracts.histories import Histories, ItemSets
from selera.models.blend import tempered
from selera.models.item_graph import ItemGraphModel
from selera.models.popularity import PopularityModel
from selera.training.pool import Pool, gather_pool
from tests.dense import histories, item_sets, sparse

N_USERS, N_ITEMS, N = 300, 20, 3
"""More users than are scored at once."""

RNG = np.random.default_rng(4)


def graph() -> ItemGraphModel:
    edges = RNG.normal(size=(N_ITEMS, N_ITEMS)).astype(np.float32)
    return ItemGraphModel(sparse(edges))


def some_histories() -> Histories:
    held = np.where(RNG.random((N_USERS, N_ITEMS)) < 0.2, RNG.gamma(2, 1, (N_USERS, N_ITEMS)), 0)
    held[0] = 0
    return histories(held.astype(np.float32))


MODELS = [graph(), graph(), PopularityModel(RNG.random(N_ITEMS).astype(np.float32))]
TOLD = some_histories()
CHOSEN = item_sets(*({int(i) for i in RNG.choice(N_ITEMS, 2, replace=False)} for _ in range(300)))


def pool_of(
    hidden: NDArray[np.bool_], targets: ItemSets = CHOSEN, n_threads: int | None = None
) -> Pool:
    return gather_pool(MODELS, TOLD, targets, hidden=hidden, n_candidates=N, n_threads=n_threads)


EVERYTHING = np.ones(len(TOLD.items), np.bool_)


@pytest.mark.parametrize("share_hidden", [0.0, 0.5, 1.0])
def test_candidates_are_the_union_of_what_each_ranker_finds_best(share_hidden: float) -> None:
    hidden = RNG.random(len(TOLD.items)) < share_hidden
    pool = pool_of(hidden)
    terms = [tempered(model.score(TOLD)) for model in MODELS]
    for user in range(N_USERS):
        entries = TOLD.entries(user)
        closed = TOLD.items[entries][hidden[entries]]
        best: set[int] = set()
        for each in terms:
            order = [i for i in np.argsort(-each[user], kind="stable") if i not in closed]
            best |= set(order[:N])
        items = sorted(best)
        part = slice(pool.indptr[user], pool.indptr[user + 1])
        expected = np.stack([each[user, items] for each in terms], axis=1)
        np.testing.assert_allclose(pool.terms[part], expected, atol=1e-4)
        assert pool.is_target[part].tolist() == [item in CHOSEN.of(user) for item in items]


def test_what_is_hidden_is_never_a_candidate() -> None:
    """Every user then chooses something that is hidden: nothing of it is in the pool."""
    first = [set(TOLD.items[TOLD.entries(user)][:1].tolist()) for user in range(N_USERS)]
    pool = pool_of(EVERYTHING, item_sets(*first))
    assert not pool.is_target.any()
    assert pool.n_targets.tolist() == [len(each) for each in first]


def test_the_pool_is_the_same_at_any_number_of_threads() -> None:
    one, three = pool_of(EVERYTHING, n_threads=1), pool_of(EVERYTHING, n_threads=3)
    np.testing.assert_array_equal(one.indptr, three.indptr)
    np.testing.assert_array_equal(one.terms, three.terms)
    np.testing.assert_array_equal(one.is_target, three.is_target)


def test_rankers_left_out_leave_the_candidates_as_they_are() -> None:
    pool = pool_of(EVERYTHING)
    fewer = pool.with_rankers([2, 0])
    np.testing.assert_array_equal(fewer.terms, pool.terms[:, [2, 0]])
    np.testing.assert_array_equal(fewer.is_target, pool.is_target)
    np.testing.assert_array_equal(fewer.indptr, pool.indptr)
