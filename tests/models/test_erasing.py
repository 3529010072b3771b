"""A model without a user is the model that never met the user, in all that names users."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from selera.contracts.histories import Histories
from selera.contracts.ids import UNKNOWN_ROW, Id, IdMap
from selera.models.erasing import user_row, without_user
from selera.models.session import SessionModel
from selera.training.vstan import VstanConfig, fit_vstan

N_ITEMS, N_USERS = 31, 53
CONFIG = VstanConfig(session_gap=2.0, n_sessions=10_000)


def _histories(n_users: int = N_USERS) -> Histories:
    """Users who came at three times; some of them liked nothing."""
    rng = np.random.default_rng(3)
    items, ages, weights, indptr = [], [], [], [0]
    for user in range(n_users):
        chosen = np.sort(rng.choice(N_ITEMS, size=int(rng.integers(0, 9)), replace=False))
        items.append(chosen)
        ages.append(rng.integers(3, size=len(chosen)) * 10.0 + rng.random(len(chosen)))
        weights.append(np.full(len(chosen), float(user % 7 > 0)))
        indptr.append(indptr[-1] + len(chosen))
    return Histories.plain(
        np.array(indptr),
        np.concatenate(items).astype(np.int32),
        weights=np.concatenate(weights).astype(np.float32),
        ages=np.concatenate(ages).astype(np.float32),
    )


def _arrays(ids: list[Id], histories: Histories, *prefixes: str) -> dict[str, NDArray[Any]]:
    """What a model file holds of these users, its session models under these prefixes."""
    sessions = fit_vstan(histories, N_ITEMS, CONFIG).to_arrays()
    users = IdMap.from_ids(ids).to_arrays()  # type: ignore[arg-type]
    names = Histories.__dataclass_fields__
    return {
        **{prefix + name: array for prefix in prefixes for name, array in sessions.items()},
        **{f"users.{name}": array for name, array in users.items()},
        **{f"users.histories.{name}": getattr(histories, name) for name in names},
    }


def _without(arrays: dict[str, NDArray[Any]], row: int) -> dict[str, NDArray[Any]]:
    changed = without_user(arrays, row).arrays
    return arrays | {name: np.concatenate(pieces) for name, pieces in changed.items()}


TEXT_IDS: list[Id] = [f"user-{(7 * place) % N_USERS:02}é" for place in range(N_USERS)]
INTEGER_IDS: list[Id] = [(7 * place) % N_USERS + 1000 for place in range(N_USERS)]


@pytest.mark.parametrize("ids", [TEXT_IDS, INTEGER_IDS], ids=["texts", "integers"])
@pytest.mark.parametrize("prefix", ["ranker.", "ranker.3/"])
def test_any_user_can_go_and_what_is_left_is_as_if_fitted_without(
    ids: list[Id], prefix: str
) -> None:
    histories = _histories()
    arrays = _arrays(ids, histories, prefix)
    for row in range(N_USERS):
        others = np.delete(np.arange(N_USERS), row)
        wanted = _arrays([ids[each] for each in others], histories.gather(others), prefix)

        assert user_row(arrays, ids[row]) == row
        found = _without(arrays, row)

        assert user_row(found, ids[row]) == UNKNOWN_ROW
        for name, array in wanted.items():
            if name.endswith("idf"):
                continue  # learnt from all sessions, it stays
            assert found[name].dtype == array.dtype, name
            np.testing.assert_array_equal(found[name], array, err_msg=f"{name} without {row}")


def test_users_go_one_after_the_other_until_nobody_is_left() -> None:
    histories = _histories(9)
    ids = TEXT_IDS[:9]
    arrays = _arrays(ids, histories, "ranker.0/", "ranker.2/")

    for id in ids:
        arrays = _without(arrays, user_row(arrays, id))

    assert all(user_row(arrays, id) == UNKNOWN_ROW for id in ids)
    for name in ("users.text", "users.histories.items", "ranker.0/session_items"):
        assert len(arrays[name]) == 0
    assert len(arrays["ranker.2/postings"]) == 0


def test_an_item_keeps_those_of_its_latest_sessions_that_are_others() -> None:
    histories = _histories()
    few = VstanConfig(session_gap=2.0, n_sessions=3)
    fitted = fit_vstan(histories, N_ITEMS, few).to_arrays()
    arrays = _arrays(TEXT_IDS, histories) | {f"ranker.{n}": each for n, each in fitted.items()}
    row = int(np.argmax(np.diff(fitted["user_sessions"])))

    found = _without(arrays, row)

    named = {name.removeprefix("ranker."): each for name, each in found.items()}
    model = SessionModel.from_arrays(named)
    items = model.session_items[model.postings]
    assert items.tolist() == np.repeat(np.arange(N_ITEMS), np.diff(model.posting_indptr)).tolist()
    starts = model.session_indptr[model.posting_sessions]
    stops = model.session_indptr[model.posting_sessions + 1]
    assert ((starts <= model.postings) & (model.postings < stops)).all()
    assert np.diff(model.posting_indptr).max() <= 3


def test_sessions_of_nobody_known_are_said() -> None:
    histories = _histories()
    arrays = _arrays(TEXT_IDS, histories, "ranker.")
    del arrays["ranker.user_sessions"]

    erased = without_user(arrays, 3)

    assert erased.unattributed
    assert not any(name.startswith("ranker.") for name in erased.arrays)


def test_a_number_and_its_text_are_one_user_whatever_the_ids_were() -> None:
    arrays = _arrays(INTEGER_IDS, _histories())

    assert user_row(arrays, str(INTEGER_IDS[5])) == 5
    assert user_row(arrays, f"0{INTEGER_IDS[5]}") == UNKNOWN_ROW
