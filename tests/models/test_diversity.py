"""Maximal marginal relevance: by hand, its limits, and what it costs on lists of a real model."""

import numpy as np
import pytest

from selera.contracts.histories import ItemSets
from selera.models.diversity import diversify
from selera.training.list_metrics import list_metrics
from selera.training.puresvd import PureSvdConfig, fit_puresvd
from tests.dense import histories

SCORES = np.array([1.0, 0.9, 0.8, 0.0], np.float32)
LIKENESS = np.array(
    [[1, 0.9, 0.1, 0], [0.9, 1, 0.1, 0], [0.1, 0.1, 1, 0], [0, 0, 0, 1]], np.float32
)


def test_the_next_is_the_best_trade_of_score_and_likeness() -> None:
    # half and half, after 0: item 1 has 0.45 - 0.45, item 2 has 0.4 - 0.05, item 3 has 0
    # then item 1 has 0.45 - 0.45 = 0 and item 3 has 0: the earlier one
    assert diversify(SCORES, LIKENESS, 4, 0.5) == [0, 2, 1, 3]
    assert diversify(SCORES, LIKENESS, 2, 0.05) == [0, 1]


def test_no_diversity_is_the_order_and_all_of_it_leaves_one_place_to_the_scores() -> None:
    assert diversify(SCORES, LIKENESS, 3, 0.0) == [0, 1, 2]
    assert diversify(SCORES, LIKENESS, 4, 1.0) == [0, 3, 2, 1]


def test_lists_may_be_short_empty_equal_or_of_what_nobody_can_compare() -> None:
    nothing = np.empty(0, np.float32)
    assert diversify(nothing, np.empty((0, 0), np.float32), 5, 0.5) == []
    assert diversify(SCORES, LIKENESS, 9, 0.5) == [0, 2, 1, 3]
    assert diversify(np.ones(4, np.float32), LIKENESS, 4, 0.5) == [0, 3, 2, 1]
    assert diversify(SCORES, None, 2, 0.5) == [0, 1]


def test_a_diversity_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"diversity must lie in 0\.\.1, got 1\.5"):
        diversify(SCORES, LIKENESS, 2, 1.5)


def test_diversity_rises_and_ndcg_falls_slowly() -> None:
    rng = np.random.default_rng(0)
    n_users, n_items, n_kinds = 300, 240, 12
    kinds = np.arange(n_items) % n_kinds
    tastes = rng.dirichlet(np.full(n_kinds, 0.3), n_users)
    chance = tastes[:, kinds] * rng.pareto(2, n_items) + 0.002
    draws = np.log(chance) + rng.gumbel(size=chance.shape)
    ranks = (-draws).argsort(axis=1).argsort(axis=1)
    told = histories((ranks < 16).astype(np.float32))
    targets = [np.flatnonzero((ranks[user] >= 16) & (ranks[user] < 22)) for user in range(n_users)]
    wanted = ItemSets(np.arange(0, 6 * n_users + 1, 6), np.concatenate(targets).astype(np.int32))
    model = fit_puresvd(told, n_items, PureSvdConfig(n_factors=24), seed=0)
    scores = model.score(told)
    scores[told.rows, told.items] = -np.inf
    best = np.argsort(-scores, axis=1, kind="stable")[:, :100]
    differences, values = [], []
    for diversity in (0.0, 0.2, 0.4, 0.6, 0.8):
        lists, spreads = [], []
        for user in range(n_users):
            likeness = model.likeness(best[user])
            chosen = diversify(scores[user, best[user]], likeness, 10, diversity)
            lists.append(best[user, chosen])
            among = likeness[np.ix_(chosen, chosen)]
            spreads.append(1 - (among.sum() - np.trace(among)) / 90)
        differences.append(float(np.mean(spreads)))
        found = list_metrics(np.array(lists, np.int32), wanted, (10,))
        values.append(float(found["ndcg@10"].mean()))
    assert differences == sorted(differences)
    assert differences[-1] > differences[0] + 0.1
    assert values[1] > 0.95 * values[0]
    assert values[2] > 0.8 * values[0]
