"""Weights of a blend: their laws, their loss written plainly, and metrics against slow twins."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from selera.training.pool import Pool
from selera.training.weighing import learn_weights, pooled_ndcg

PENALTY = 1e-3


def pool_of(n_users: int = 80, *, strengths: tuple[float, ...], seed: int = 0) -> Pool:
    """Rankers whose terms rise by their strength where the user chose, noise beside."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(3, 12, n_users)
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    is_target = rng.random(indptr[-1]) < 0.25
    terms = rng.normal(size=(indptr[-1], len(strengths))) + np.outer(is_target, strengths)
    proposed = np.add.reduceat(is_target.astype(np.int64), indptr[:-1])
    n_targets = np.maximum(proposed + rng.integers(0, 2, n_users), 1)
    return Pool(indptr, terms.astype(np.float32), is_target, n_targets)


def plain_loss(pool: Pool, weights: NDArray[np.float64]) -> float:
    """The loss of the module's docstring, in loops."""
    surprises = []
    for start, stop in zip(pool.indptr[:-1], pool.indptr[1:], strict=True):
        scores = [float(np.dot(pool.terms[i].astype(float), weights)) for i in range(start, stop)]
        chosen = pool.is_target[start:stop]
        if chosen.any():
            total = np.log(sum(np.exp(score) for score in scores))
            own = [total - score for score, is_one in zip(scores, chosen, strict=True) if is_one]
            surprises.append(np.mean(own))
    return float(np.mean(surprises) + PENALTY * np.dot(weights, weights))


def test_the_ranker_that_knows_gets_most_and_one_that_is_wrong_nothing() -> None:
    weights = learn_weights(pool_of(strengths=(1.5, 0.0, -1.0, 0.5)))
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)
    assert weights.argmax() == 0
    assert weights[3] > weights[1]
    assert weights[2] == 0


@pytest.mark.parametrize("strengths", [(1.5, 0.0, -1.0, 0.5), (0.8, 0.7), (1.0, 0.9, 0.8)])
def test_the_weights_are_where_the_plain_loss_is_least(strengths: tuple[float, ...]) -> None:
    """Along their ray; there its slopes are 0, or rising at a weight of 0."""
    pool = pool_of(strengths=strengths)
    weights = learn_weights(pool)
    scale = minimize_scalar(lambda s: plain_loss(pool, s * weights), bounds=(0, 50)).x
    found = scale * weights
    for place in range(len(strengths)):
        step = np.zeros(len(strengths))
        step[place] = 1e-4
        slope = (plain_loss(pool, found + step) - plain_loss(pool, found - step)) / 2e-4
        assert slope > -1e-3
        if weights[place] > 0:
            assert slope == pytest.approx(0, abs=1e-3)


def test_users_given_twice_change_nothing() -> None:
    pool = pool_of(strengths=(1.0, 0.6, 0.2))
    twice = Pool(
        indptr=np.concatenate([pool.indptr, pool.indptr[1:] + pool.indptr[-1]]),
        terms=np.concatenate([pool.terms] * 2),
        is_target=np.concatenate([pool.is_target] * 2),
        n_targets=np.concatenate([pool.n_targets] * 2),
    )
    np.testing.assert_allclose(learn_weights(twice), learn_weights(pool), atol=1e-3)


def test_users_of_whose_choices_nobody_proposed_any_say_nothing() -> None:
    pool = pool_of(strengths=(1.0, 0.6))
    terms = np.array([[9, 0], [0, 9], [9, 9]], np.float32)
    more = Pool(
        indptr=np.concatenate([[0], pool.indptr + 3]),
        terms=np.concatenate([terms, pool.terms]),
        is_target=np.concatenate([[False] * 3, pool.is_target]),
        n_targets=np.concatenate([[1], pool.n_targets]),
    )
    np.testing.assert_allclose(learn_weights(more), learn_weights(pool), rtol=1e-12)


def test_where_nobody_proposed_any_choice_all_weights_are_equal() -> None:
    pool = pool_of(strengths=(1.0, 0.6, 0.1, 0.0))
    nothing = Pool(pool.indptr, pool.terms, np.zeros_like(pool.is_target), pool.n_targets)
    assert learn_weights(nothing).tolist() == [0.25] * 4


def test_a_single_ranker_has_all_the_weight() -> None:
    assert learn_weights(pool_of(strengths=(0.5,))).tolist() == [1.0]


def plain_pooled_ndcg(pool: Pool, weights: NDArray[np.float64], n: int) -> float:
    """Sort each user's candidates, the chosen behind others of equal score."""
    values = []
    for user, (start, stop) in enumerate(zip(pool.indptr[:-1], pool.indptr[1:], strict=True)):
        scores = pool.terms[start:stop] @ weights.astype(np.float32)
        order = np.lexsort((pool.is_target[start:stop], -scores))
        hits = pool.is_target[start:stop][order][:n]
        gain = sum(1 / np.log2(place + 2) for place, hit in enumerate(hits) if hit)
        ideal = sum(1 / np.log2(place + 2) for place in range(min(n, pool.n_targets[user])))
        values.append(gain / ideal)
    return float(np.mean(values))


@pytest.mark.parametrize("n", [1, 3, 10])
@pytest.mark.parametrize("tied", [False, True])
def test_pooled_ndcg_is_that_of_sorted_candidates(n: int, tied: bool) -> None:
    pool = pool_of(strengths=(1.0, 0.3), seed=n)
    if tied:
        pool = Pool(pool.indptr, np.round(pool.terms), pool.is_target, pool.n_targets)
    weights = np.array([0.75, 0.25])
    assert pooled_ndcg(pool, weights, n) == pytest.approx(plain_pooled_ndcg(pool, weights, n))


def test_a_tie_counts_as_lost() -> None:
    terms, chosen = np.zeros((3, 1), np.float32), np.array([True, False, False])
    pool = Pool(np.array([0, 3]), terms, chosen, np.array([1]))
    assert pooled_ndcg(pool, np.ones(1), 10) == pytest.approx(1 / np.log2(4))
    assert pooled_ndcg(pool, np.ones(1), 2) == 0
