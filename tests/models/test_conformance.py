"""What every recipe promises. A new recipe joins by its name in RECIPES."""

from pathlib import Path

import numpy as np
import pytest

from selera.artifact import open_artifact, write_artifact
from selera.contracts.behaviors import BEHAVIORS, NO_TIME, BehaviorRow, Behaviors
from selera.contracts.histories import Histories
from selera.models.recommender import Recommender
from selera.training.puresvd import PureSvdConfig
from selera.training.recipes import RECIPES, fit_recommender
from selera.training.settings import TrainingConfig
from tests.tastes import checkerboard

CONFIG = TrainingConfig(puresvd=PureSvdConfig(n_factors=4))
INTERACTIONS = checkerboard()


@pytest.fixture(scope="module", params=sorted(RECIPES))
def recommender(request: pytest.FixtureRequest) -> Recommender:
    return fit_recommender(INTERACTIONS, request.param, CONFIG, seed=1, data_sha256="abc")


def rows_of(user: int) -> list[BehaviorRow]:
    """One user's behaviors as the database would tell them."""
    own = INTERACTIONS.where(INTERACTIONS.user_rows == user)
    return [
        BehaviorRow(INTERACTIONS.items.id(int(i)), BEHAVIORS[b], float(v), int(t))
        for i, b, v, t in zip(own.item_rows, own.behaviors, own.values, own.timestamps, strict=True)
    ]


def test_a_list_is_ordered_unique_and_without_what_was_seen(recommender: Recommender) -> None:
    top = recommender.recommend(recommender.histories, 10)
    for user in range(len(recommender.histories)):
        items = [item for item, _ in top.list(user)]
        scores = [score for _, score in top.list(user)]
        seen = recommender.histories.items[recommender.histories.entries(user)]
        assert scores == sorted(scores, reverse=True)
        assert len(set(items)) == len(items) > 0
        assert not set(items) & set(seen.tolist())


def test_seen_items_come_back_when_asked_for(recommender: Recommender) -> None:
    top = recommender.recommend(recommender.histories, 30, exclude_seen=False)
    assert (top.items >= 0).all()


def test_a_filter_of_three_gives_those_three(recommender: Recommender) -> None:
    allowed = np.zeros(INTERACTIONS.n_items, dtype=bool)
    allowed[[3, 8, 21]] = True
    top = recommender.recommend(recommender.histories, 10, allowed=allowed, exclude_seen=False)
    assert all({item for item, _ in top.list(u)} == {3, 8, 21} for u in range(len(top.items)))
    assert {item for item, _ in recommender.popular(10, allowed=allowed)} == {3, 8, 21}
    assert {item for item, _ in recommender.similar(8, 10, allowed=allowed)} <= {3, 21}


def test_one_user_and_a_batch_get_the_same(recommender: Recommender) -> None:
    batch = recommender.recommend(recommender.histories, 5)
    for user in (0, 7, 39):
        alone = recommender.recommend(recommender.histories.take(user, user + 1), 5)
        np.testing.assert_array_equal(alone.items[0], batch.items[user])


def test_a_history_from_the_database_is_the_history_of_training(recommender: Recommender) -> None:
    for user in (0, 13):
        folded = recommender.history(Behaviors.of(rows_of(user)))
        stored = recommender.histories.take(user, user + 1)
        np.testing.assert_array_equal(folded.items, stored.items)
        np.testing.assert_allclose(folded.weights, stored.weights, rtol=1e-6)
        np.testing.assert_array_equal(folded.ratings, stored.ratings)


def test_unknown_products_in_a_history_are_left_out(recommender: Recommender) -> None:
    known = rows_of(3)
    unknown = [BehaviorRow(-5, "visit", 1.0, 0), BehaviorRow(2**62, "buy", 1.0, NO_TIME)]
    np.testing.assert_array_equal(
        recommender.history(Behaviors.of(known + unknown)).items,
        recommender.history(Behaviors.of(known)).items,
    )
    of_another_kind = [BehaviorRow("no such", "buy", 1.0, NO_TIME)]
    for each in (unknown, of_another_kind):
        assert len(recommender.history(Behaviors.of(each)).items) == 0


def test_stars_outside_of_the_scale_are_left_out(recommender: Recommender) -> None:
    impossible = BehaviorRow(INTERACTIONS.items.id(3), "rating", 11.0, NO_TIME)
    assert len(recommender.history(Behaviors.of([impossible])).items) == 0
    review = BehaviorRow(INTERACTIONS.items.id(3), "review", 11.0, NO_TIME)
    history = recommender.history(Behaviors.of([review]))
    assert history.items.tolist() == [3]
    assert np.isnan(history.ratings).all()


def test_contributions_and_baseline_sum_to_the_score(recommender: Recommender) -> None:
    history = recommender.histories.take(5, 6)
    scores = recommender.ranker.score(history)[0]
    for item in range(INTERACTIONS.n_items):
        explanation = recommender.explain(history, item)
        assert explanation.score == pytest.approx(float(scores[item]), abs=1e-5)
        np.testing.assert_array_equal(explanation.items, history.items)


def test_many_items_are_explained_as_one_is(recommender: Recommender) -> None:
    asked = np.array([7, 0, 29])
    for history in (recommender.histories.take(5, 6), recommender.history(Behaviors.of([]))):
        explanations = recommender.taste(history).explain(asked)
        assert explanations.contributions.shape == (3, len(history.items))
        for place, item in enumerate(asked.tolist()):
            one, other = explanations.of(place), recommender.ranker.explain(history, item)
            assert one.baseline == pytest.approx(other.baseline, abs=1e-6)
            np.testing.assert_array_equal(one.items, other.items)
            np.testing.assert_allclose(one.contributions, other.contributions, atol=1e-6)


def test_a_taste_has_the_scores_of_its_model(recommender: Recommender) -> None:
    scores = recommender.ranker.score(recommender.histories)
    for user in (0, 5, 39):
        taste = recommender.taste(recommender.histories.take(user, user + 1))
        np.testing.assert_allclose(taste.all(), scores[user], atol=1e-5)
        some = np.array([4, 28, 0])
        np.testing.assert_allclose(taste.of(some), scores[user, some], atol=1e-5)
        mean, deviation = taste.moments()
        assert mean == pytest.approx(float(scores[user].mean()), abs=1e-5)
        assert deviation == pytest.approx(float(scores[user].std()), abs=1e-4)


def test_the_best_open_items_are_among_the_candidates(recommender: Recommender) -> None:
    for user, step in ((0, 1), (5, 2), (39, 7)):
        taste = recommender.taste(recommender.histories.take(user, user + 1))
        open = np.arange(INTERACTIONS.n_items) % step == 0
        found = taste.best(4, open)
        assert open[found].all()
        assert len(set(found.tolist())) == len(found) >= 4
        least = np.sort(taste.all()[open])[-4]
        assert np.sum(taste.of(found) >= least) >= 4


def test_an_empty_mask_leaves_nothing(recommender: Recommender) -> None:
    nothing = np.zeros(INTERACTIONS.n_items, dtype=bool)
    taste = recommender.taste(recommender.histories.take(0, 1))
    assert recommender.best(taste, 5, allowed=nothing) == []
    assert recommender.popular(5, allowed=nothing) == []
    assert recommender.similar(3, 5, allowed=nothing) == []


def test_similar_items_are_filtered_before_they_are_cut(recommender: Recommender) -> None:
    every = [item for item, _ in recommender.similar(4, 30)]
    allowed = np.zeros(INTERACTIONS.n_items, dtype=bool)
    allowed[every[-3:]] = True
    assert [item for item, _ in recommender.similar(4, 2, allowed=allowed)] == every[-3:-1]


def test_a_boost_counts_in_deviations_of_the_users_own_scores(recommender: Recommender) -> None:
    for user in (0, 39):
        taste = recommender.taste(recommender.histories.take(user, user + 1))
        plain = dict(recommender.best(taste, 30, exclude_seen=False))
        boost = np.zeros(INTERACTIONS.n_items, dtype=np.float32)
        boost[[2, 9]] = 2.0, -1.5
        boosted = dict(recommender.best(taste, 30, exclude_seen=False, boost=boost))
        _, deviation = taste.moments()
        for item, score in boosted.items():
            assert score == pytest.approx(plain[item] + boost[item] * deviation, abs=1e-5)
        assert list(boosted.values()) == sorted(boosted.values(), reverse=True)


def test_likeness_is_one_on_its_diagonal_or_not_said(recommender: Recommender) -> None:
    likeness = recommender.likeness(np.array([3, 8, 21]))
    if likeness is not None:
        np.testing.assert_allclose(np.diag(likeness), 1, atol=1e-5)
        np.testing.assert_allclose(likeness, likeness.T, atol=1e-6)


def test_an_empty_history_is_answered(recommender: Recommender) -> None:
    empty = Histories.plain(np.zeros(2, np.int64), np.empty(0, np.int32))
    assert np.isfinite(recommender.ranker.score(empty)).all()
    ratings = recommender.predict_ratings(empty, np.arange(4, dtype=np.int32))
    assert ratings is not None
    assert np.isfinite(ratings).all()


def test_similar_leaves_the_item_itself_out(recommender: Recommender) -> None:
    similar = recommender.similar(4, 10)
    assert 4 not in [item for item, _ in similar]
    assert len(similar) == 10


def test_predicted_stars_lie_in_the_scale(recommender: Recommender) -> None:
    ratings = recommender.predict_ratings(
        recommender.histories, np.arange(INTERACTIONS.n_items, dtype=np.int32)
    )
    assert ratings is not None
    assert ratings.dtype == np.float32
    assert ratings.min() >= 1
    assert ratings.max() <= 5


def test_writing_and_opening_change_no_answer(recommender: Recommender, tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    write_artifact(path, *recommender.to_parts(), run={"version": "v", "trained_at": "now"})
    artifact = open_artifact(path)
    opened = Recommender.from_parts(artifact.metadata, artifact.arrays, artifact.run)
    assert (opened.version, opened.data_sha256) == ("v", "abc")
    assert opened.algorithm == recommender.algorithm
    assert opened.users.ids(range(3)) == recommender.users.ids(range(3))
    for exclude_seen in (True, False):
        one, other = (
            each.recommend(each.histories, 7, exclude_seen=exclude_seen)
            for each in (recommender, opened)
        )
        np.testing.assert_array_equal(one.items, other.items)
        np.testing.assert_array_equal(one.scores, other.scores)
    np.testing.assert_array_equal(
        opened.predict_ratings(opened.histories, np.arange(5, dtype=np.int32)),
        recommender.predict_ratings(recommender.histories, np.arange(5, dtype=np.int32)),
    )


def test_the_same_data_and_seed_make_the_same_bytes(recommender: Recommender) -> None:
    again = fit_recommender(INTERACTIONS, recommender.algorithm, CONFIG, seed=1, data_sha256="abc")
    one, other = recommender.to_parts(), again.to_parts()
    assert one[0] == other[0]
    assert {name: array.tobytes() for name, array in one[1].items()} == {
        name: array.tobytes() for name, array in other[1].items()
    }


def test_string_ids_of_any_characters_work(tmp_path: Path) -> None:
    interactions = checkerboard(string_ids=True)
    model = fit_recommender(interactions, "svd", CONFIG, seed=1)
    write_artifact(tmp_path / "m.pkl", *model.to_parts(), run={})
    artifact = open_artifact(tmp_path / "m.pkl")
    opened = Recommender.from_parts(artifact.metadata, artifact.arrays, artifact.run)
    assert opened.items.row("prod/ué 7") == 7
    assert opened.users.row("user 3") == 3


def test_svd_recommends_the_held_out_item_of_the_own_kind() -> None:
    model = fit_recommender(INTERACTIONS, "svd", CONFIG, seed=1)
    top = model.recommend(model.histories, 1)
    assert top.items[:, 0].tolist() == [user % 30 for user in range(40)]
