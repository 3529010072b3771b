"""Published accuracy on the public Gowalla split, to four digits; skipped where it is missing."""

import numpy as np
import pytest

from benchmarks.gowalla import FOLDER, ROWS, Split, accuracy, read_split
from selera.training.ranking import rank

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.exists(), reason=f"the data set is not at {FOLDER}"),
]

PUBLISHED = {
    "rp3beta, Anelli et al. 2023": (0.1786, 0.1491),
    "gfcf, Shen et al. 2021": (0.1849, 0.1518),
    "turbocf, Park et al. 2024": (0.1830, 0.1513),
}


@pytest.fixture(scope="module")
def split() -> Split:
    return read_split(FOLDER)


def test_the_split_is_the_public_one(split: Split) -> None:
    assert (len(split.train), split.n_items) == (29_858, 40_981)
    assert (len(split.train.items), len(split.test_items)) == (810_128, 217_242)
    assert not np.isin(
        split.test_users * split.n_items + split.test_items,
        split.train.rows * split.n_items + split.train.items,
    ).any()


@pytest.mark.parametrize("name", PUBLISHED)
def test_accuracy_is_the_published_one(name: str, split: Split) -> None:
    found = accuracy(rank(ROWS[name](split), split.train, 20), split)
    assert (found["recall@20"], found["ndcg@20"]) == PUBLISHED[name]
