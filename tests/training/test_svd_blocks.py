"""The blocks of the explicit SVD: what runs side by side shares nothing, and nothing is lost."""

from typing import Any

import numpy as np
import pytest

from selera.training import svd

N_USERS, N_ITEMS = 90, 70


def arranged(
    n: int, n_groups: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[Any, list[tuple[int, int, float]]]:
    """The blocks of n distinct pairs, some users and items far more active; and the pairs."""
    monkeypatch.setattr(svd, "_MANY_RATINGS", n if n_groups == svd._GROUPS_MANY else n + 1)
    rng = np.random.default_rng(n)
    liveliness = np.outer(rng.pareto(1.5, N_USERS) + 0.1, rng.pareto(1.5, N_ITEMS) + 0.1).ravel()
    pairs = rng.choice(N_USERS * N_ITEMS, n, replace=False, p=liveliness / liveliness.sum())
    users, items = (pairs // N_ITEMS).astype(np.int32), (pairs % N_ITEMS).astype(np.int32)
    stars = np.arange(n, dtype=np.float32)  # so that each rating can be told from all others
    blocks = svd._arrange(users, items, stars, N_USERS, N_ITEMS, np.random.default_rng(0))
    return blocks, list(zip(users.tolist(), items.tolist(), stars.tolist(), strict=True))


SIZES = pytest.mark.parametrize("n", [1, 3, 41, 600, 2003])
GROUPS = pytest.mark.parametrize("n_groups", [2, 8])


@SIZES
@GROUPS
def test_the_blocks_of_a_round_share_neither_a_user_nor_an_item(
    n: int, n_groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks, _ = arranged(n, n_groups, monkeypatch)
    assert [len(each) for each in blocks.rounds] == [n_groups] * n_groups
    for each in blocks.rounds:
        for rows in (blocks.user_rows, blocks.item_rows):
            met: set[int] = set()
            for part in each:
                own = set(rows[part].tolist())
                assert not own & met
                met |= own


@SIZES
@GROUPS
def test_every_rating_is_in_exactly_one_block(
    n: int, n_groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks, ratings = arranged(n, n_groups, monkeypatch)
    parts = [part for each in blocks.rounds for part in each]
    visited = [
        rating
        for part in parts
        for rating in zip(
            blocks.user_rows[part].tolist(),
            blocks.item_rows[part].tolist(),
            blocks.ratings[part].tolist(),
            strict=True,
        )
    ]
    assert sorted(visited) == sorted(ratings)


@GROUPS
def test_the_work_of_a_large_arrangement_is_shared_by_all_groups(
    n_groups: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks, _ = arranged(2003, n_groups, monkeypatch)
    users = [set(blocks.user_rows[part].tolist()) for part in blocks.rounds[0]]
    assert all(users)
    assert len(set.union(*users)) > 0.5 * N_USERS


@pytest.mark.parametrize("n", range(14))
def test_an_interleaved_block_keeps_all_its_ratings(n: int) -> None:
    places = np.arange(100, 100 + n)
    assert sorted(svd._interleaved(places).tolist()) == places.tolist()


def test_an_interleaved_block_takes_four_parts_in_turn() -> None:
    assert svd._interleaved(np.arange(11)).tolist() == [0, 2, 4, 6, 1, 3, 5, 7, 8, 9, 10]


def test_the_order_within_a_user_is_shuffled() -> None:
    n = 64
    zeros, items = np.zeros(n, np.int32), np.arange(n, dtype=np.int32)
    blocks = svd._arrange(zeros, items, np.ones(n, np.float32), 1, n, np.random.default_rng(3))
    for part in blocks.rounds[0] + blocks.rounds[1]:
        own = blocks.item_rows[part].tolist()
        assert len(own) in (0, n // 2)
        assert not own or own != svd._interleaved(np.sort(own)).tolist()
