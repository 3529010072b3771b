"""Session neighbors against a slow twin that is written straight from the formulas."""

import math
from pathlib import Path

import numpy as np
import pytest

from selera.artifact import open_artifact, write_artifact
from selera.contracts.histories import Histories
from selera.models.session import SessionModel
from selera.training.vstan import VstanConfig, fit_vstan

N_ITEMS = 12
CONFIG = VstanConfig(
    session_gap=2.0, session_half_life=20.0, n_neighbors=6, n_query=5, n_sessions=4, query_decay=0.7
)
Timed = dict[int, float]


def histories(*users: Timed) -> Histories:
    """One history per dict of item -> age in days."""
    return Histories.plain(
        indptr=np.cumsum([0, *map(len, users)]).astype(np.int64),
        items=np.array([item for user in users for item in sorted(user)], np.int32),
        ages=np.array([user[item] for user in users for item in sorted(user)], np.float32),
    )


def shop(n_users: int = 30, seed: int = 3) -> list[Timed]:
    """Users who come a few times and look at up to four items each time, some of them at once."""
    rng = np.random.default_rng(seed)
    users: list[Timed] = []
    for _ in range(n_users):
        user: Timed = {}
        for visit in rng.choice(50, size=3, replace=False) * 5.0:
            for item in rng.choice(N_ITEMS, size=4, replace=False):
                user.setdefault(int(item), float(visit + rng.integers(3) / 4))
        users.append(user)
    return users


def twin_sessions(users: list[Timed]) -> list[list[tuple[float, int]]]:
    """(age, item) of each session, oldest first."""
    sessions: list[list[tuple[float, int]]] = []
    for user in users:
        entries = sorted(((age, item) for item, age in user.items()), key=lambda e: (-e[0], e[1]))
        for place, (age, item) in enumerate(entries):
            if place == 0 or entries[place - 1][0] - age > CONFIG.session_gap:
                sessions.append([])
            sessions[-1].append((age, item))
    return sessions


def twin_scores(users: list[Timed], query: Timed) -> list[float]:
    """The module's formulas, read aloud."""
    sessions = twin_sessions(users)
    having = {
        item: sorted(
            (s for s, session in enumerate(sessions) if item in [i for _, i in session]),
            key=lambda s: (sessions[s][-1][0], s),
        )[: CONFIG.n_sessions]
        for item in range(N_ITEMS)
    }
    n_with = {i: sum(i in [each for _, each in s] for s in sessions) for i in range(N_ITEMS)}
    asked = sorted(query.items(), key=lambda e: (e[1], e[0]))[: CONFIG.n_query]
    ages = [age for _, age in asked]
    similarity: dict[int, float] = {}
    last_shared: dict[int, tuple[int, int]] = {}
    for item, age in asked:
        step = sorted(set(ages)).index(age)
        for s in having[item]:
            recency = 2 ** (-sessions[s][-1][0] / CONFIG.session_half_life)
            part = CONFIG.query_decay**step * math.log1p(len(sessions) / n_with[item])
            part *= recency / math.sqrt(len(sessions[s]))
            similarity[s] = similarity.get(s, 0.0) + part
            last_shared.setdefault(s, (item, step))
    scores = [0.0] * N_ITEMS
    nearest = sorted(similarity, key=lambda s: (-np.float32(similarity[s]), s))
    for s in nearest[: CONFIG.n_neighbors]:
        anchor, step = last_shared[s]
        times = sorted({age for age, _ in sessions[s]}, reverse=True)
        place = {item: times.index(age) for age, item in sessions[s]}
        for item in place:
            decay = CONFIG.neighbor_decay ** abs(place[item] - place[anchor])
            scores[item] += similarity[s] * CONFIG.anchor_decay**step * decay
    return scores


@pytest.fixture(scope="module")
def model() -> SessionModel:
    return fit_vstan(histories(*shop()), N_ITEMS, CONFIG)


def test_scores_are_those_of_the_slow_twin(model: SessionModel) -> None:
    queries = [*shop()[:6], *shop(20, seed=8), {3: 0.0}, {5: 1.0, 6: 1.0}]
    expected = [twin_scores(shop(), query) for query in queries]
    np.testing.assert_allclose(model.score(histories(*queries)), expected, rtol=1e-5)


def test_a_batch_and_one_alone_get_the_same(model: SessionModel) -> None:
    batch = histories(*shop(8, seed=5))
    for user, scores in enumerate(model.score(batch)):
        np.testing.assert_array_equal(model.score(batch.take(user, user + 1))[0], scores)


def test_the_parts_of_an_explanation_sum_to_the_score(model: SessionModel) -> None:
    for user in shop(10, seed=9):
        query = histories(user)
        scores = model.score(query)[0]
        for item in range(N_ITEMS):
            explanation = model.explain(query, item)
            assert explanation.score == pytest.approx(float(scores[item]), rel=1e-5, abs=1e-9)
            np.testing.assert_array_equal(explanation.items, query.items)


def test_what_the_user_met_last_matters_most() -> None:
    users = [{0: 10.1, 1: 10.0}, {2: 10.1, 3: 10.0}]
    model = fit_vstan(histories(*users), N_ITEMS, CONFIG)
    first, second = model.score(histories({0: 0.0, 2: 1.0}, {0: 1.0, 2: 0.0}))
    assert first[1] > first[3] > 0
    assert second[3] > second[1] > 0


def test_what_stood_nearer_to_the_shared_item_counts_more() -> None:
    model = fit_vstan(histories({0: 10.3, 1: 10.2, 2: 10.1, 3: 10.0}), N_ITEMS, CONFIG)
    scores = model.score(histories({0: 0.0}))[0]
    assert scores[1] > scores[2] > scores[3] > 0


def test_a_fresh_session_outweighs_an_old_one() -> None:
    model = fit_vstan(histories({0: 90.1, 1: 90.0}, {0: 3.1, 2: 3.0}), N_ITEMS, CONFIG)
    scores = model.score(histories({0: 0.0}))[0]
    assert scores[2] > scores[1] > 0
    assert scores[2] / scores[1] == pytest.approx(2 ** (87 / 20), rel=1e-5)


def test_without_times_a_history_is_one_session_in_which_nothing_decays() -> None:
    users = [{0: math.nan, 1: math.nan, 2: math.nan, 3: math.nan}, {4: math.nan}]
    model = fit_vstan(histories(*users), N_ITEMS, CONFIG)
    assert model.session_indptr.tolist() == [0, 4, 5]
    scores = model.score(histories({0: math.nan, 1: math.nan}))[0]
    np.testing.assert_allclose(scores[:4], 2 * math.log1p(2) / 2, rtol=1e-6)
    assert scores[4:].max() == 0


def test_disliked_items_neither_ask_nor_answer() -> None:
    liked = histories({0: 5.1, 1: 5.0}, {0: 2.1, 2: 2.0})
    weights = np.array([1, 1, 1, 0], np.float32)
    users = Histories.plain(liked.indptr, liked.items, ages=liked.ages, weights=weights)
    model = fit_vstan(users, N_ITEMS, CONFIG)
    scores = model.score(users)
    assert scores[0][1] > 0
    assert scores[:, 2].max() == 0
    disliked = Histories.plain(liked.indptr, liked.items, ages=liked.ages, weights=0 * weights)
    assert model.score(disliked).max() == 0


def test_similar_are_items_of_the_same_sessions_by_cosine() -> None:
    model = fit_vstan(histories({0: 9.0, 1: 9.0}, {0: 5.0, 2: 5.0, 1: 5.0}, {2: 1.0}), 4, CONFIG)
    top = model.similar(np.array([0, 3], np.int32), 3)
    assert top.items.tolist() == [[1, 2, -1], [-1, -1, -1]]
    np.testing.assert_allclose(top.scores[0, :2], [1.0, 0.5], rtol=1e-6)


def test_writing_and_opening_change_no_score(model: SessionModel, tmp_path: Path) -> None:
    write_artifact(tmp_path / "m.pkl", {}, model.to_arrays(), run={})
    opened = SessionModel.from_arrays(open_artifact(tmp_path / "m.pkl").arrays)
    queries = histories(*shop(5, seed=2))
    assert opened.rules == model.rules
    np.testing.assert_array_equal(opened.score(queries), model.score(queries))
