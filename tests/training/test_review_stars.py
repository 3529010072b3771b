"""Reviews without stars get those of their texts, in training as at a request."""

import csv
from pathlib import Path

import numpy as np
import pytest

from selera.artifact import open_artifact, write_artifact
from selera.contracts.behaviors import BEHAVIORS, BehaviorRow, Behaviors
from selera.contracts.columns import TRAINING_COLUMNS
from selera.contracts.interactions import Interactions
from selera.etl import load_training_csv
from selera.models.recommender import Recommender
from selera.models.signals import histories_of
from selera.shop.phrases import TEXTS_PER_STAR, review_texts
from selera.training.recipes import fit_recommender
from selera.training.settings import TrainingConfig

N_USERS, N_ITEMS = 30, 20
TEXTS = review_texts("id")
RATED_ELSEWHERE, BARE = 3, 4
"""Of five reviews three have stars, one has them in a rating beside it, and one has none."""


def star_of(user: int, item: int) -> int:
    return 5 if user % 2 == item % 2 else 1


@pytest.fixture(scope="module")
def interactions(tmp_path_factory: pytest.TempPathFactory) -> Interactions:
    path = tmp_path_factory.mktemp("reviews") / "data-training.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, TRAINING_COLUMNS, lineterminator="\n", restval="")
        writer.writeheader()
        for user in range(N_USERS):
            for item in range(N_ITEMS):
                stars, kind = star_of(user, item), (3 * user + item) % 5
                place = (stars - 1) * TEXTS_PER_STAR + (user + item) % TEXTS_PER_STAR
                row = {"user_id": user, "product_id": item, "at": "2026-01-01T00:00:00Z"}
                if kind == RATED_ELSEWHERE:
                    writer.writerow(row | {"behavior": "rating", "rating": stars})
                own = stars if kind < RATED_ELSEWHERE else ""
                text = TEXTS[place]
                writer.writerow(row | {"behavior": "review", "rating": own, "review_text": text})
    return load_training_csv(path).interactions


@pytest.fixture(scope="module")
def recommender(interactions: Interactions) -> Recommender:
    return fit_recommender(interactions, "popularity", TrainingConfig(), seed=1)


def rows_of(interactions: Interactions, user: int) -> list[BehaviorRow]:
    """One user's behaviors as the database would tell them."""
    assert interactions.texts is not None
    own = interactions.where(interactions.user_rows == user)
    assert own.text_places is not None
    return [
        BehaviorRow(
            interactions.items.id(int(item)),
            BEHAVIORS[behavior],
            float(value),
            int(at),
            "" if place < 0 else interactions.texts.read([int(place)])[0],
        )
        for item, behavior, value, at, place in zip(
            own.item_rows,
            own.behaviors,
            own.values,
            own.timestamps,
            own.text_places,
            strict=True,
        )
    ]


def test_a_text_stands_for_the_stars_that_are_missing(
    interactions: Interactions, recommender: Recommender
) -> None:
    told = recommender.histories
    raw = histories_of(interactions, now=recommender.reference_time, config=recommender.signals)
    read = np.isnan(raw.ratings)
    wanted = [
        star_of(int(interactions.users.id(user)), int(interactions.items.id(item)))
        for user, item in zip(told.rows.tolist(), told.items.tolist(), strict=True)
    ]
    assert np.count_nonzero(read) == N_USERS * N_ITEMS // 5
    assert not np.isnan(told.ratings).any()
    assert np.abs(told.ratings - wanted)[read].max() < 1
    np.testing.assert_array_equal(told.ratings[~read], raw.ratings[~read])
    assert (told.weights[read] > 0).tolist() == (np.array(wanted)[read] > 3).tolist()


def test_a_request_reads_texts_as_the_training_did(
    interactions: Interactions, recommender: Recommender, tmp_path: Path
) -> None:
    write_artifact(tmp_path / "m.pkl", *recommender.to_parts(), run={})
    artifact = open_artifact(tmp_path / "m.pkl")
    opened = Recommender.from_parts(artifact.metadata, artifact.arrays, artifact.run)
    for user in (0, 7, 29):
        stored = recommender.histories.take(user, user + 1)
        folded = opened.history(Behaviors.of(rows_of(interactions, user)))
        np.testing.assert_array_equal(folded.items, stored.items)
        np.testing.assert_array_equal(folded.ratings, stored.ratings)
        np.testing.assert_allclose(folded.weights, stored.weights, rtol=1e-6)


def test_the_facts_say_what_was_learnt(recommender: Recommender) -> None:
    said = recommender.facts["review_text"]
    assert said["used"]
    assert said["n_texts"] == N_USERS * N_ITEMS * 4 // 5
    assert said["rmse"] < said["mean_rmse"]


def test_stars_that_are_there_are_never_replaced(
    interactions: Interactions, recommender: Recommender
) -> None:
    """A review without stars after a rating of the same product leaves the rating alone."""
    item = interactions.items.id(0)
    rows = [
        BehaviorRow(item, "rating", 1.0, 0),
        BehaviorRow(item, "review", float("nan"), 1, TEXTS[-1]),
    ]
    assert recommender.history(Behaviors.of(rows)).ratings.tolist() == [1.0]
    assert recommender.history(Behaviors.of(rows[1:])).ratings[0] > 3


def test_too_few_texts_leave_the_reviews_without_stars(interactions: Interactions) -> None:
    few = interactions.where(interactions.user_rows < 8)
    model = fit_recommender(few, "popularity", TrainingConfig(), seed=1)
    assert model.review_text is None
    assert model.facts["review_text"] == {
        "n_texts": 128,
        "used": False,
        "rmse": None,
        "mean_rmse": None,
    }
    assert np.isnan(model.histories.ratings).any()
