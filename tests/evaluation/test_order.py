"""Whether the places in a line are an order in time is found from train alone."""

from dataclasses import replace

import numpy as np

from selera.contracts.pairs import Pairs
from selera.evaluation.order import looks_ordered

N_USERS, N_ITEMS, LENGTH = 400, 120, 15


def _walks(seed: int) -> Pairs:
    """Users wander from an item to one close by: neighbors of a line are neighbors for others."""
    rng = np.random.default_rng(seed)
    users, items, ages = [], [], []
    for user in range(N_USERS):
        place, line = int(rng.integers(N_ITEMS)), []
        while len(line) < LENGTH:
            if place not in line:
                line.append(place)
            place = int(place + rng.integers(-6, 7)) % N_ITEMS
        order = np.argsort(line)
        users += [user] * LENGTH
        items += np.array(line)[order].tolist()
        ages += (LENGTH - 1 - order).tolist()
    return Pairs(
        np.array(users, np.int32),
        np.array(items, np.int32),
        np.full(len(users), np.nan, np.float32),
        np.array(ages, np.float32),
    )


def _look(pairs: Pairs, ranks: np.ndarray | None = None) -> bool:
    shuffled = np.random.default_rng(5).permutation(N_ITEMS)
    return looks_ordered(pairs, N_USERS, N_ITEMS, shuffled if ranks is None else ranks, seed=0)


def test_lines_in_the_order_of_a_walk_are_ordered() -> None:
    assert _look(_walks(0))


def test_shuffled_lines_are_not() -> None:
    pairs = _walks(0)
    ages = np.random.default_rng(2).random(len(pairs)).astype(np.float32)

    assert not _look(replace(pairs, ages=ages))


def test_lines_sorted_by_id_are_not_although_neighbors_go_together() -> None:
    pairs = _walks(0)
    sorted_by_id = replace(pairs, ages=-pairs.item_rows.astype(np.float32))

    assert not _look(sorted_by_id, ranks=np.arange(N_ITEMS))
    assert not _look(sorted_by_id, ranks=np.arange(N_ITEMS)[::-1])


def test_short_lines_say_nothing() -> None:
    pairs = _walks(0)

    assert not _look(pairs.where(pairs.ages < 4))
