"""How histories become sessions and the index of their items."""

import numpy as np

from selera.contracts.histories import Histories
from selera.training.vstan import VstanConfig, fit_vstan
from tests.models.test_session import histories


def sessions(users: Histories, config: VstanConfig) -> list[list[int]]:
    """The items of each session."""
    model = fit_vstan(users, 10, config)
    return [part.tolist() for part in np.split(model.session_items, model.session_indptr[1:-1])]


def test_a_pause_longer_than_the_gap_ends_a_session() -> None:
    users = histories({5: 9.0, 1: 8.5, 2: 3.0, 0: 2.5}, {7: 3.0, 6: 2.9})
    assert sessions(users, VstanConfig(session_gap=2.0)) == [[5, 1], [2, 0], [7, 6]]
    assert sessions(users, VstanConfig(session_gap=6.0)) == [[5, 1, 2, 0], [7, 6]]


def test_the_gap_grows_where_most_items_would_stand_alone() -> None:
    weekly = histories({0: 28.0, 1: 21.0, 2: 14.0, 3: 7.0}, {4: 70.0, 5: 63.0})
    assert sessions(weekly, VstanConfig(session_gap=1.0)) == [[0, 1, 2, 3], [4, 5]]


def test_users_of_a_single_item_let_the_gap_be() -> None:
    users = histories({0: 9.0, 1: 8.9, 2: 3.0, 3: 2.9}, *({4: 1.0} for _ in range(9)))
    assert sessions(users, VstanConfig())[:2] == [[0, 1], [2, 3]]


def test_items_without_a_time_are_a_session_of_their_own_before_the_others() -> None:
    users = histories({3: np.nan, 4: np.nan, 1: 5.0, 2: 4.9})
    assert sessions(users, VstanConfig()) == [[3, 4], [1, 2]]


def test_a_long_session_keeps_its_latest_items() -> None:
    users = histories({0: 5.4, 1: 5.3, 2: 5.2, 3: 5.1})
    assert sessions(users, VstanConfig(session_length=2)) == [[2, 3]]


def test_items_met_at_the_same_time_share_a_step() -> None:
    model = fit_vstan(histories({0: 5.5, 1: 5.2, 2: 5.2, 3: 5.0}), 10, VstanConfig())
    assert model.session_steps.tolist() == [0, 1, 1, 2]


def test_the_index_keeps_the_latest_sessions_of_an_item() -> None:
    users = histories({0: 30.0, 1: 30.0}, {0: 5.0, 1: 5.0}, {0: 9.0, 2: 9.0}, {0: 1.0, 2: 1.0})
    model = fit_vstan(users, 4, VstanConfig(n_sessions=2))
    assert model.posting_sessions[model.posting_indptr[0] : model.posting_indptr[1]].tolist() == [
        3,
        1,
    ]
    assert np.diff(model.posting_indptr).tolist() == [2, 2, 2, 0]


def test_nobody_who_likes_anything_gives_a_model_that_scores_zero() -> None:
    model = fit_vstan(histories({}, {}), 3, VstanConfig())
    assert model.score(histories({}, {1: 2.0})).tolist() == [[0, 0, 0], [0, 0, 0]]
