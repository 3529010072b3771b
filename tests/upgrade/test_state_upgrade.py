"""A state file of the first version is opened, brought up to date, and keeps what it held.

`state-version-1.sql` is written down apart from `selera/state/schema.py`: a migration that is
changed there after it was published does not lead on from the files that it once made.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from selera.contracts.errors import Busy
from selera.contracts.rules import Rule
from selera.state import (
    Conversion,
    Decision,
    Decisions,
    Experiments,
    Keys,
    Rules,
    State,
    Tokens,
    hash_of_user,
    schema,
)

SQL = (Path(__file__).parent / "state-version-1.sql").read_text(encoding="utf-8")
ACTIVE, REVOKED = f"sel_1_{'k' * 43}", f"sel_2_{'o' * 43}"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file as the first version has left it."""
    with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
        connection.executescript(SQL)
        connection.execute("PRAGMA journal_mode = WAL")
    return tmp_path / "state.db"


@pytest.fixture
def state(path: Path) -> Iterator[State]:
    with State.open(path) as opened:
        yield opened


def test_its_keys_are_known_and_revoked_ones_stay_so(state: State) -> None:
    keys = Keys(state)

    known = keys.check(ACTIVE)
    assert known is not None
    assert (known.name, known.scopes, known.rate_per_minute) == ("shop", ("read", "events"), 600)
    assert keys.check(REVOKED) is None
    assert keys.create("new", ["read"]).key.key_id == 3


def test_its_decisions_and_rules_are_told(state: State) -> None:
    assert Decisions(state).all()[0] == Decision(
        version="v2",
        decided_at="2026-01-07T01:00:00Z",
        action="kept_aside",
        reason="it is worse",
        champion="v1",
        relative_difference=-0.25,
        low=-0.3,
        high=-0.2,
        metric="ndcg@10",
        n_users=812,
    )
    assert [each.version for each in Decisions(state).all()] == ["v2", "v1"]
    assert Rules(state).all() == [Rule(name="no-7", action="hide", product_ids=(7,))]


def test_it_signs_with_the_same_secret(state: State, path: Path) -> None:
    tokens = Tokens(state)
    assert tokens.check(tokens.issue(3, 60)) == 3
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT secret FROM signing_secret").fetchall() == [(b"*" * 32,)]


def test_its_experiment_runs_on_and_the_ended_one_is_counted(state: State) -> None:
    experiments = Experiments(state)

    running = experiments.running()
    assert running is not None
    assert (running.name, running.share, experiments.versions_in_use()) == (
        "autumn",
        0.2,
        frozenset({"v1", "v2"}),
    )
    with pytest.raises(Busy, match="'autumn' is running"):
        experiments.start("winter", "v1", "v2")
    assert experiments.tally("autumn") == {"control": (1, 0), "treatment": (1, 1)}
    now = int(time.time())
    experiments.record_conversions([Conversion("answer-2", "order-2", hash_of_user(6), now)])
    assert experiments.tally("autumn") == {"control": (1, 1), "treatment": (1, 1)}
    assert not experiments.prune(now)
    assert experiments.tally("summer") == {"control": (1, 1), "treatment": (1, 0)}
    assert experiments.erase_user(4) == 1, "of the ended one nobody is known any more"


def test_its_tables_are_those_of_a_new_file(state: State, tmp_path: Path) -> None:
    with State.open(tmp_path / "new.db") as new:
        assert _columns(state) == _columns(new)
    with state.reading("test") as connection:
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() == schema.VERSION
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


def _columns(state: State) -> set[tuple[str, ...]]:
    """Tables and indexes, each with its columns."""
    with state.reading("test") as connection:
        names = connection.exec_driver_sql("SELECT type, name FROM sqlite_master").all()
        return {
            (
                kind,
                name,
                *map(str, connection.exec_driver_sql(f"PRAGMA {kind}_info('{name}')").all()),
            )
            for kind, name in names
        }
