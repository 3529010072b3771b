"""Two models on the same users: the cut, the difference, and what nobody may have seen."""

import numpy as np
import pytest

from selera.contracts.behaviors import BUY_CODE
from selera.contracts.ids import IdMap
from selera.contracts.interactions import Interactions
from selera.evaluation.duel import ask, cut_at, duel
from selera.evaluation.metrics import relative_gain
from selera.training import TrainingConfig, fit_recommender

N = 12


def bought(day_of: dict[tuple[int, int], int]) -> Interactions:
    """Purchases (user, item) -> day."""
    pairs = sorted(day_of)
    return Interactions(
        users=IdMap.from_ids([f"u{user}" for user in range(N)]),
        items=IdMap.from_ids([f"i{item}" for item in range(N)]),
        user_rows=np.array([user for user, _ in pairs], np.int32),
        item_rows=np.array([item for _, item in pairs], np.int32),
        behaviors=np.full(len(pairs), BUY_CODE, np.uint8),
        values=np.ones(len(pairs), np.float32),
        timestamps=np.array([86_400 * day_of[pair] for pair in pairs], np.int64),
        rating_scale=None,
    )


SHOP = bought(
    {(u, i): (u + i) % 9 for u in range(N) for i in range(N) if u % 2 == i % 2 and (u + i) % 5}
)
CUT = 86_400 * 6


def test_the_cut_keeps_times_and_ids_together() -> None:
    split = cut_at(SHOP, CUT, seed=1)

    assert split.train.timestamps.max() <= CUT < split.test.timestamps.min()
    told = {
        (str(part.users.id(int(user))), str(part.items.id(int(item))))
        for part in (split.train, split.test)
        for user, item in zip(part.user_rows, part.item_rows, strict=True)
    }
    assert told == {(f"u{u}", f"i{i}") for u, i in zip(SHOP.user_rows, SHOP.item_rows, strict=True)}


def test_a_model_is_its_own_equal_whatever_its_rows_are() -> None:
    split = cut_at(SHOP, CUT, seed=1)
    other = cut_at(SHOP, CUT, seed=2)
    models = [
        fit_recommender(each.train, "itemknn", TrainingConfig(), seed=0) for each in (split, other)
    ]
    asked = ask(split, "buy", max_users=99, seed=0, seen_by=models[0])
    found = duel(models[0], models[0], asked, n=5, seed=0)

    assert found.n_users > 5
    assert found.champion == found.challenger > 0
    assert (found.difference.low, found.difference.high) == (0.0, 0.0)
    popular = fit_recommender(split.train, "popularity", TrainingConfig(), seed=0)
    assert duel(models[1], popular, asked, n=5, seed=0).difference.mean < 0


def test_what_the_champion_has_seen_is_no_target() -> None:
    split = cut_at(SHOP, CUT, seed=1)
    knows_all = fit_recommender(SHOP, "popularity", TrainingConfig(), seed=0)

    assert len(ask(split, "buy", max_users=99, seed=0, seen_by=None).targets.users)
    assert not len(ask(split, "buy", max_users=99, seed=0, seen_by=knows_all).targets.users)


def test_the_relative_gain_is_a_share_of_the_champion() -> None:
    champion = np.tile([0.2, 0.6], 500)

    gain = relative_gain(champion * 0.9, champion, seed=0)
    assert (gain.mean, gain.low, gain.high) == pytest.approx((-0.1, -0.1, -0.1))
    noisy = relative_gain(np.tile([0.6, 0.2], 500), champion, seed=0)
    assert noisy.mean == pytest.approx(0)
    assert noisy.low is not None
    assert noisy.high is not None
    assert -0.1 < noisy.low < -0.01 < 0.01 < noisy.high < 0.1
    nothing = np.zeros(9)
    assert relative_gain(nothing, nothing, seed=0).low == 0
    assert relative_gain(nothing + 1, nothing, seed=0).mean == 1
    with pytest.raises(ValueError, match="at least one user"):
        relative_gain(nothing[:0], nothing[:0], seed=0)
