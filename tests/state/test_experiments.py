import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from selera.contracts.errors import Busy, ConfigError, NameNotFound
from selera.contracts.ids import Id
from selera.state import (
    Conversion,
    Experiment,
    Experiments,
    Exposure,
    State,
    Variant,
    assign,
    hash_of_user,
    schema,
)
from selera.state.pruning import CONVERSION_WINDOW_S, PRUNED_AT_ONCE
from selera.state.remembered import FRESH_S
from tests.processes import STALL_S


@pytest.fixture
def experiments(state: State) -> Experiments:
    kept = Experiments(state)
    kept.start("autumn", "v1", "v2", 0.5)
    return kept


def _exposure(
    recommendation_id: str,
    user_id: Id,
    variant: Variant = "control",
    experiment: str = "autumn",
    at: int = 100,
) -> Exposure:
    return Exposure(recommendation_id, experiment, variant, hash_of_user(user_id), at)


def _conversion(recommendation_id: str, event_id: str, user_id: Id, at: int) -> Conversion:
    return Conversion(recommendation_id, event_id, hash_of_user(user_id), at)


def _experiment(name: str = "autumn", share: float = 0.5) -> Experiment:
    return Experiment(name, "v1", "v2", share, "2026-11-23T07:20:04+00:00")


def test_one_experiment_runs_at_a_time_and_every_process_knows_which(
    experiments: Experiments, other_state: State
) -> None:
    other = Experiments(other_state)
    running = other.running()

    assert running is not None
    assert (running.name, running.control_version, running.treatment_version) == (
        "autumn",
        "v1",
        "v2",
    )
    assert running.version_of("treatment") == "v2"
    with pytest.raises(Busy, match="'autumn' is running, and only one can"):
        other.start("winter", "v1", "v3", 0.5)

    experiments.stop("autumn")
    stopped_at = time.monotonic()

    assert experiments.running() is None
    while other.running() is not None:
        assert time.monotonic() < stopped_at + FRESH_S + STALL_S
        time.sleep(0.02)
    other.start("winter", "v1", "v3", 0.5)
    assert [each.name for each in other.all()] == ["winter", "autumn"]
    assert other.all()[1].stopped_at is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("", "v1", "v2", 0.5), "cannot be the name of an? experiment"),
        (("x", "v1", "v1", 0.5), "Both sides would get v1"),
        (("x", "v1", "v2", 0.0), "above 0 and below 1, got 0"),
        (("x", "v1", "v2", 1.0), "above 0 and below 1, got 1"),
        (("x", "v1", "v2", float("nan")), "above 0 and below 1, got nan"),
        (("autumn", "v1", "v2", 0.5), "There was an experiment named 'autumn' already"),
    ],
)
def test_what_cannot_be_an_experiment_is_refused(
    experiments: Experiments, arguments: tuple[str, str, str, float], said: str
) -> None:
    experiments.stop("autumn")

    with pytest.raises(ConfigError, match=said):
        experiments.start(*arguments)

    assert experiments.running() is None


def test_stopping_what_does_not_run_is_said(experiments: Experiments) -> None:
    experiments.stop("autumn")

    for name in ("autumn", "never"):
        with pytest.raises(NameNotFound, match=f"No running experiment is named '{name}'"):
            experiments.stop(name)


def test_a_user_stays_on_one_side() -> None:
    sides = [assign(_experiment(), user_id) for user_id in range(1000)]

    assert [assign(_experiment(), user_id) for user_id in range(1000)] == sides
    assert sides[:8] == [
        "treatment" if letter == "t" else "control" for letter in _FIRST_EIGHT_OF_AUTUMN
    ]


_FIRST_EIGHT_OF_AUTUMN = "ttcttccc"
"""Written down so that no later version moves users to the other side."""


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.9])
def test_the_share_of_the_users_gets_the_treatment(share: float) -> None:
    n_users = 40_000

    counts = Counter(assign(_experiment(share=share), user_id) for user_id in range(n_users))

    four_sigma = 4 * (share * (1 - share) * n_users) ** 0.5
    assert abs(counts["treatment"] - share * n_users) < four_sigma


def test_another_experiment_mixes_the_users_anew() -> None:
    n_users = 10_000
    same = sum(
        assign(_experiment("a"), user) == assign(_experiment("b"), user) for user in range(n_users)
    )

    assert abs(same - n_users / 2) < 4 * (n_users / 4) ** 0.5


def test_who_has_the_treatment_keeps_it_when_the_share_grows() -> None:
    for user in range(2000):
        if assign(_experiment(share=0.2), user) == "treatment":
            assert assign(_experiment(share=0.3), user) == "treatment"


def test_an_integer_and_its_text_are_two_users() -> None:
    assert hash_of_user(7) != hash_of_user("7")
    sides = [(assign(_experiment(), n), assign(_experiment(), str(n))) for n in range(200)]
    assert any(first != second for first, second in sides)
    assign(_experiment(), "\ud800\0")


def test_users_are_counted_once_however_often_they_are_exposed(experiments: Experiments) -> None:
    experiments.record_exposures(
        [
            _exposure("r1", 1),
            _exposure("r2", 1),
            _exposure("r3", 2),
            _exposure("r4", 3, "treatment"),
        ]
    )
    experiments.record_exposures([_exposure("r1", 1), _exposure("r5", 2, at=300)])

    assert experiments.tally("autumn") == {"control": (2, 0), "treatment": (1, 0)}


def test_a_conversion_counts_once_for_an_event_and_a_user(experiments: Experiments) -> None:
    experiments.record_exposures(
        [_exposure("r1", 1), _exposure("r2", 1), _exposure("r3", 2, "treatment")]
    )

    experiments.record_conversions([_conversion("r1", "e1", 1, 200)] * 2)
    experiments.record_conversions(
        [_conversion("r1", "e1", 1, 201), _conversion("r2", "e2", 1, 202)]
    )

    assert experiments.tally("autumn") == {"control": (1, 1), "treatment": (1, 0)}


def test_an_event_told_with_two_recommendations_counts_for_the_first(
    experiments: Experiments,
) -> None:
    experiments.record_exposures([_exposure("r1", 1), _exposure("r2", 2, "treatment")])

    experiments.record_conversions([_conversion("r1", "e1", 1, 200)])
    experiments.record_conversions([_conversion("r2", "e1", 2, 200)])

    assert experiments.tally("autumn") == {"control": (1, 1), "treatment": (1, 0)}


def test_a_conversion_of_an_unknown_recommendation_counts_for_nobody(
    experiments: Experiments,
) -> None:
    experiments.record_exposures([_exposure("r1", 1)])

    experiments.record_conversions(
        [_conversion("r9", "e1", 1, 200), _conversion("'--", "e2", 1, 200)]
    )

    assert experiments.tally("autumn") == {"control": (1, 0), "treatment": (0, 0)}


def test_a_purchase_of_another_user_counts_for_nobody_and_is_not_kept(
    experiments: Experiments, state: State
) -> None:
    experiments.record_exposures([_exposure("r1", 1), _exposure("r2", 2)])

    experiments.record_conversions(
        [_conversion("r1", "e1", 2, 200), _conversion("r1", "e2", 3, 200)]
    )

    assert experiments.tally("autumn") == {"control": (2, 0), "treatment": (0, 0)}
    assert _n_rows(state)["conversion"] == 0


def test_a_conversion_counts_within_the_window_even_where_nothing_was_pruned(
    experiments: Experiments,
) -> None:
    experiments.record_exposures([_exposure("r1", 1), _exposure("r2", 2)])
    last = 100 + CONVERSION_WINDOW_S

    experiments.record_conversions(
        [_conversion("r1", "e1", 1, last), _conversion("r2", "e2", 2, last + 1)]
    )

    assert experiments.tally("autumn") == {"control": (2, 1), "treatment": (0, 0)}


def test_an_exposure_to_an_unknown_experiment_is_left_out(experiments: Experiments) -> None:
    experiments.record_exposures([_exposure("r1", 1, experiment="never"), _exposure("r2", 2)])
    experiments.record_conversions([_conversion("r1", "e1", 1, 200)])

    assert experiments.tally("autumn") == {"control": (1, 0), "treatment": (0, 0)}
    with pytest.raises(NameNotFound, match="No experiment is named 'never'"):
        experiments.tally("never")


def test_experiments_are_counted_apart(experiments: Experiments) -> None:
    experiments.record_exposures([_exposure("r1", 1)])
    experiments.stop("autumn")
    experiments.start("winter", "v2", "v3", 0.5)
    experiments.record_exposures([_exposure("r2", 1, "treatment", "winter")])
    experiments.record_conversions([_conversion("r2", "e2", 1, 300)])

    assert experiments.tally("autumn") == {"control": (1, 0), "treatment": (0, 0)}
    assert experiments.tally("winter") == {"control": (0, 0), "treatment": (1, 1)}


def test_what_no_conversion_can_name_any_more_is_forgotten_and_stays_counted(
    experiments: Experiments, state: State
) -> None:
    old, late = 1_000, 1_000 + CONVERSION_WINDOW_S
    experiments.record_exposures([_exposure("r1", 1, at=old), _exposure("r2", 2, at=late)])
    experiments.record_conversions([_conversion("r1", "e1", 1, old + 1)])

    assert not experiments.prune(late)
    assert _n_rows(state) == {"exposure": 2, "conversion": 1}
    assert not experiments.prune(late + 2)

    assert _n_rows(state) == {"exposure": 1, "conversion": 0}
    assert experiments.tally("autumn") == {"control": (2, 1), "treatment": (0, 0)}
    experiments.record_conversions(
        [_conversion("r1", "e3", 1, late), _conversion("r2", "e4", 2, late)]
    )
    assert experiments.tally("autumn")["control"] == (2, 2)


def test_pruning_takes_turns_with_those_who_write(experiments: Experiments, state: State) -> None:
    n_exposures = PRUNED_AT_ONCE + 5
    experiments.record_exposures([_exposure(f"r{n}", n % 7) for n in range(n_exposures)])
    now = 200 + CONVERSION_WINDOW_S

    assert experiments.prune(now)
    assert _n_rows(state)["exposure"] == 5
    assert not experiments.prune(now)
    assert _n_rows(state)["exposure"] == 0


def test_who_took_part_is_forgotten_when_an_experiment_is_over_and_stays_counted(
    experiments: Experiments, state: State
) -> None:
    now = int(time.time())
    n_users = PRUNED_AT_ONCE + 20
    experiments.record_exposures(
        [_exposure(f"r{n}", n, "control" if n % 2 else "treatment", at=now) for n in range(n_users)]
    )
    experiments.record_conversions([_conversion(f"r{n}", f"e{n}", n, now) for n in range(30)])
    tally = {"control": (n_users // 2, 15), "treatment": (n_users // 2, 15)}
    after = now + CONVERSION_WINDOW_S + 60
    while experiments.prune(after):
        pass
    assert _n_participants(state) == n_users, "it runs"
    experiments.stop("autumn")
    experiments.start("winter", "v1", "v2")
    experiments.record_exposures([_exposure("of winter", 1, experiment="winter", at=now)])

    assert not experiments.prune(now)
    assert _n_participants(state) == n_users + 1, "purchases may still count"
    assert experiments.prune(after)
    assert experiments.tally("autumn") == tally
    assert not experiments.prune(after)

    assert _n_participants(state) == 1
    assert experiments.tally("autumn") == tally
    assert experiments.tally("winter") == {"control": (1, 0), "treatment": (0, 0)}
    assert experiments.erase_user(3) == 0
    assert experiments.erase_user(1) == 1
    assert experiments.tally("autumn") == tally


def test_a_user_of_whom_a_purchase_may_still_count_is_not_forgotten(
    experiments: Experiments, state: State
) -> None:
    """Whatever the clock says of the end: an exposure may be told late."""
    now = int(time.time())
    late = now + 3600
    experiments.stop("autumn")
    experiments.record_exposures([_exposure("r1", 1, at=late)])

    experiments.prune(late + CONVERSION_WINDOW_S - 1)
    experiments.record_conversions([_conversion("r1", "e1", 1, late + CONVERSION_WINDOW_S - 1)])
    assert experiments.tally("autumn")["control"] == (1, 1)
    experiments.prune(late + CONVERSION_WINDOW_S + 1)

    assert experiments.tally("autumn")["control"] == (1, 1)
    assert _n_participants(state) == 0


def _n_participants(state: State) -> int:
    with state.reading("count rows of") as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM participant").scalar_one())


def test_a_file_from_before_the_window_keeps_its_exposures_for_it(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    schema.bring_up_to_date(path, 5.0, schema.MIGRATIONS[:1])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO experiment VALUES (1, 'a', 'v1', 'v2', 0.5, 'then', NULL)")
        connection.execute("INSERT INTO participant VALUES (1, 1, x'00', 'control', 5, NULL)")
        connection.execute("INSERT INTO exposure VALUES ('r1', 1)")
    with State.open(path) as state:
        kept = Experiments(state)

        kept.prune(int(time.time()))
        assert _n_rows(state)["exposure"] == 1
        kept.prune(int(time.time()) + CONVERSION_WINDOW_S + 10)
        assert _n_rows(state)["exposure"] == 0


def _n_rows(state: State) -> dict[str, int]:
    with state.reading("count rows of") as connection:
        return {
            table: int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())
            for table in ("exposure", "conversion")
        }


def test_empty_batches_are_nothing(experiments: Experiments) -> None:
    experiments.record_exposures([])
    experiments.record_conversions([])

    assert experiments.tally("autumn") == {"control": (0, 0), "treatment": (0, 0)}


def test_an_erased_user_leaves_no_trace_in_the_files(
    experiments: Experiments, state: State
) -> None:
    experiments.record_exposures(
        [_exposure(f"answer-of-{user}-{n}", user) for user in range(50) for n in range(20)]
    )
    experiments.record_conversions(
        [_conversion(f"answer-of-{user}-3", f"event-of-{user}-x", user, 200) for user in range(50)]
    )
    traces = (hash_of_user(7), b"answer-of-7-", b"event-of-7-")
    assert all(_is_in_files(state, each) for each in traces)

    assert experiments.erase_user(7) == 1
    state.settle()

    assert not any(_is_in_files(state, each) for each in traces)
    assert _is_in_files(state, hash_of_user(8))
    assert experiments.tally("autumn")["control"] == (49, 49)
    assert experiments.erase_user(7) == 0
    assert experiments.erase_user("8") == 0


def _is_in_files(state: State, trace: bytes) -> bool:
    return any(trace in each.read_bytes() for each in state.path.parent.iterdir())
