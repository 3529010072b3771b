"""The cuts of the published protocols: what is in which part, and that nothing is in two."""

from pathlib import Path

import numpy as np
import pytest

from selera.contracts.errors import DataError
from selera.contracts.pairs import Pairs, PlainData
from selera.etl.plain_files import read_plain
from selera.evaluation.carving import one_left_out, random_part, tail
from selera.evaluation.folds import Fold, five_folds, given, one_of_each, random_tenth
from tests.evaluation.plain import ratings, write_ratings


@pytest.fixture
def data(tmp_path: Path) -> PlainData:
    return ratings(tmp_path)


def _pairs(pairs: Pairs) -> set[tuple[int, int, float]]:
    return set(
        zip(
            pairs.user_rows.tolist(),
            pairs.ages.tolist(),
            pairs.ratings.tolist(),
            strict=True,
        )
    )


def test_each_rating_is_test_in_one_of_the_five_folds(data: PlainData) -> None:
    folds = list(five_folds(data, 3))

    assert [len(fold.test) for fold in folds] == [120] * 5
    assert set().union(*(_pairs(fold.test) for fold in folds)) == _pairs(data.train)
    for fold in folds:
        assert not set(fold.test.keys(fold.n_items)) & set(fold.train.keys(fold.n_items))
        assert len(fold.train) + len(fold.test) == len(data.train)


def test_the_same_seed_cuts_alike_and_another_one_does_not(data: PlainData) -> None:
    first, again, other = (next(random_tenth(data, seed)) for seed in (1, 1, 2))

    assert len(first.test) == 60
    assert _pairs(first.test) == _pairs(again.test) != _pairs(other.test)


def test_items_stand_by_falling_popularity_in_train(data: PlainData) -> None:
    fold = next(random_tenth(data, 1))

    counts = np.bincount(fold.train.item_rows, minlength=fold.n_items)
    assert (np.diff(counts) <= 0).all()


def test_a_pair_in_train_and_in_test_is_refused_with_its_ids(tmp_path: Path) -> None:
    train, test = tmp_path / "train.txt", tmp_path / "test.txt"
    train.write_text("1 10 11 12\n2 11 10\n")
    test.write_text("1 13\n2 11\n")

    with pytest.raises(DataError, match=r"1 of the 2 pairs of test stand in train too.*item 11"):
        list(given(read_plain(train, test), 0))


def test_the_latest_item_of_each_user_is_left_out_among_100_unseen_ones(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    write_ratings(path, n_users=8, n_items=240)
    data = read_plain(path)

    (fold,) = one_of_each(data, 4)

    assert fold.test.user_rows.tolist() == list(range(8))
    newest = [data.train.ages[data.train.user_rows == user].min() for user in range(8)]
    assert fold.test.ages.tolist() == newest
    assert fold.negatives is not None
    for place, user in enumerate(range(8)):
        drawn = set(fold.negatives[place].tolist())
        had = set(fold.train.item_rows[fold.train.user_rows == user].tolist())
        assert len(drawn) == 100
        assert not drawn & (had | {int(fold.test.item_rows[place])})
    assert one_left_out(fold, 0).negatives is not None


def test_too_few_items_for_100_others_is_said(data: PlainData) -> None:
    with pytest.raises(DataError, match="ranks each held-out item among 100 others"):
        list(one_of_each(data, 0))


def test_a_random_validation_is_a_tenth_of_train_and_has_nothing_of_test(data: PlainData) -> None:
    fold = next(five_folds(data, 0))

    part = random_part(fold, 0, share_of_users=0.5)

    assert len(part.train) + len(part.test) == len(fold.train)
    assert 20 < len(part.test) < 80
    assert len(np.unique(part.test.user_rows)) < 35
    assert not _pairs(part.test) & _pairs(fold.test)


def test_the_tail_is_the_last_tenth_of_each_line_and_at_least_one() -> None:
    lengths = {0: 30, 1: 5, 2: 4}
    users = np.repeat(list(lengths), list(lengths.values())).astype(np.int32)
    items = np.concatenate([np.arange(n) for n in lengths.values()]).astype(np.int32)
    unknown = np.full(len(users), np.nan, np.float32)
    ages = items.astype(np.float32)  # the lower row came later
    train = Pairs(users, items, unknown, ages)

    part = tail(Fold(train, train.where(users < 0), 3, 30, "places"))

    held_out = zip(part.test.user_rows.tolist(), part.test.ages.tolist(), strict=True)
    assert sorted(held_out) == [(0, 0), (0, 1), (0, 2), (1, 0)]  # ages tell the items here
