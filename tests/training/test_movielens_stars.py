"""The raters on real ratings: MovieLens 100K, a random fifth held out."""

import os
from pathlib import Path

import numpy as np
import pytest

from selera.contracts.histories import Histories
from selera.contracts.interactions import RatingScale
from selera.training.svd import SvdConfig, SvdFactors, fit_svd
from selera.training.svdpp import SvdPpConfig, fit_svdpp

DATA = Path(os.environ.get("SELERA_DATA", Path(__file__).parents[2] / "../shared/data"))
RATINGS = DATA / "ml-100k" / "u.data"
SCALE = RatingScale(1, 5)

pytestmark = pytest.mark.skipif(not RATINGS.exists(), reason=f"MovieLens 100K is not in {DATA}")


@pytest.fixture(scope="module")
def split() -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Users, items and stars of train, sorted, and of test."""
    table = np.loadtxt(RATINGS, dtype=np.int64)
    users, items = (np.unique(table[:, c], return_inverse=True)[1] for c in (0, 1))
    columns = users.astype(np.int32), items.astype(np.int32), table[:, 2].astype(np.float32)
    held_out = np.random.default_rng(0).permutation(len(table)) % 5 == 0
    order = np.lexsort((items[~held_out], users[~held_out]))
    return tuple(c[~held_out][order] for c in columns), tuple(c[held_out] for c in columns)


def rmse(factors: SvdFactors, test: tuple[np.ndarray, ...]) -> float:
    users, items, stars = test
    return float(np.sqrt(np.mean((factors.predict(users, items) - stars) ** 2)))


def test_the_explicit_svd_is_as_good_as_when_it_was_tuned(split: tuple) -> None:
    train, test = split
    factors = fit_svd(*train, 943, 1682, SvdConfig(), scale=SCALE, seed=0)
    assert rmse(factors, test) < 0.907


def test_svdpp_is_as_good_as_when_it_was_tuned(split: tuple) -> None:
    (users, items, stars), test = split
    indptr = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=943))]).astype(np.int64)
    histories = Histories.plain(indptr, items, ratings=stars)
    factors = fit_svdpp(histories, 1682, SvdPpConfig(), scale=SCALE, seed=0)
    assert rmse(factors, test) < 0.907
