import os
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from selera.contracts.errors import StateError
from selera.state import Decision, Decisions, State, engine, schema
from tests.processes import ROOT, clean_environment

INSERT = text("INSERT INTO rule VALUES (:name, '{}')")
COUNT = text("SELECT count(*) FROM rule")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_file_is_its_owners_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        with State.open(path) as state, state.writing("test") as connection:
            connection.execute(INSERT, {"name": "x"})
            made = sorted(each for each in path.parent.iterdir())
            assert {path.name, f"{path.name}-wal", f"{path.name}-shm"} <= {e.name for e in made}
            assert {each.name: oct(_mode(each)) for each in made} == {
                each.name: oct(0o600) for each in made
            }
    finally:
        os.umask(before)


def test_connections_are_set_up(state: State) -> None:
    with state.reading("test") as connection:
        told = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }

    assert told == {
        "journal_mode": "wal",
        "synchronous": 1,
        "foreign_keys": 1,
        "busy_timeout": engine.BUSY_TIMEOUT_S * 1000,
    }


def test_what_was_written_is_there_after_closing(path: Path) -> None:
    with State.open(path) as state, state.writing("test") as connection:
        connection.execute(INSERT, {"name": "x"})

    with State.open(path) as state, state.reading("test") as connection:
        assert connection.execute(COUNT).scalar_one() == 1


def test_a_block_that_raises_keeps_nothing(state: State) -> None:
    def fail_halfway() -> None:
        with state.writing("test") as connection:
            connection.execute(INSERT, {"name": "x"})
            raise KeyError

    with pytest.raises(KeyError):
        fail_halfway()

    with state.reading("test") as connection:
        assert connection.execute(COUNT).scalar_one() == 0


def test_a_reader_sees_one_moment_and_does_not_wait_for_a_writer(
    state: State, other_state: State
) -> None:
    with state.reading("test") as reader:
        assert reader.execute(COUNT).scalar_one() == 0
        with other_state.writing("test") as writer:
            writer.execute(INSERT, {"name": "x"})
            assert reader.execute(COUNT).scalar_one() == 0
        assert reader.execute(COUNT).scalar_one() == 0

    with state.reading("test") as reader:
        assert reader.execute(COUNT).scalar_one() == 1


def test_threads_take_turns_in_writing(state: State) -> None:
    def write(thread: int) -> None:
        for number in range(25):
            with state.writing("test") as connection:
                n_before = connection.execute(COUNT).scalar_one()
                connection.execute(INSERT, {"name": f"{thread} {number}"})
                assert connection.execute(COUNT).scalar_one() == n_before + 1

    threads = [threading.Thread(target=write, args=(each,)) for each in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    with state.reading("test") as connection:
        assert connection.execute(COUNT).scalar_one() == 150


@pytest.mark.slow
def test_processes_that_open_it_at_once_all_can_use_it(path: Path) -> None:
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from selera.state import Decision, Decisions, State\n"
        "sys.stdin.read()\n"
        "with State.open(Path(sys.argv[1])) as state:\n"
        "    for n in range(20):\n"
        "        Decisions(state).record(Decision(version=f'{sys.argv[2]}-{n}', decided_at='x',\n"
        "            action='published', reason='r'))\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(path), str(number)],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for number in range(6)
    ]
    for each in started:
        assert each.stdin is not None
        each.stdin.close()
        each.stdin = None
    for each in started:
        assert each.communicate(timeout=60)[1] == b""
        assert each.returncode == 0

    with State.open(path) as state:
        assert len({each.version for each in Decisions(state).all()}) == 120


def test_a_newer_file_is_refused_and_left_as_it_is(path: Path) -> None:
    State.open(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    before = path.read_bytes()

    with pytest.raises(StateError, match=r"written by a newer Selera \(version \d+ of the file"):
        State.open(path)

    assert path.read_bytes() == before


def test_an_older_file_is_brought_up_to_date_and_keeps_its_rows(path: Path) -> None:
    with State.open(path) as state:
        Decisions(state).record(
            Decision(version="v1", decided_at="2026-01-01", action="published", reason="first")
        )
    newer = (
        *schema.MIGRATIONS,
        ("ALTER TABLE decision ADD COLUMN author TEXT DEFAULT 'gate'",),
        ("CREATE TABLE added (x INTEGER)", "INSERT INTO added VALUES (7)"),
    )

    schema.bring_up_to_date(path, 5.0, newer)

    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version, author FROM decision").fetchall() == [
            ("v1", "gate")
        ]
        assert connection.execute("SELECT x FROM added").fetchall() == [(7,)]
        assert connection.execute("PRAGMA user_version").fetchone() == (schema.VERSION + 2,)


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    State.open(path).close()
    broken = (*schema.MIGRATIONS, ("CREATE TABLE added (x INTEGER)", "CREATE TABEL oops (x)"))

    with pytest.raises(sqlite3.OperationalError):
        schema.bring_up_to_date(path, 5.0, broken)

    with State.open(path) as state, state.reading("test") as connection:
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() == schema.VERSION
        tables = connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars().all()
        assert "added" not in tables


def test_the_database_of_another_program_is_refused_and_left_as_it_is(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE data_user_profile (user_id INTEGER)")
    before = path.read_bytes()

    with pytest.raises(StateError, match="is a database of another program"):
        State.open(path)

    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(path: Path) -> None:
    path.write_text("user_id,product_id\n" * 100)

    with pytest.raises(StateError, match=r"Cannot open .*not a database.*state_file"):
        State.open(path)

    assert path.read_text() == "user_id,product_id\n" * 100


def test_a_folder_of_that_name_or_no_folder_around_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="Name a file inside it"):
        State.open(tmp_path)
    with pytest.raises(StateError, match=r"There is no folder .*missing for state\.db"):
        State.open(tmp_path / "missing" / "state.db")
    assert not (tmp_path / "missing").exists()


def test_a_file_that_was_taken_away_is_said_and_one_put_back_is_used(
    state: State, tmp_path: Path
) -> None:
    with state.writing("test") as connection:
        connection.execute(INSERT, {"name": "x"})
    state.settle()
    aside = tmp_path / "aside.db"
    state.path.rename(aside)

    with pytest.raises(StateError, match="Cannot look into"), state.reading("look into"):
        pass
    assert not state.path.exists()

    aside.rename(state.path)
    with state.reading("look into") as connection:
        assert connection.execute(COUNT).scalar_one() == 1


def test_nothing_of_deleted_rows_is_left_on_pages_that_once_held_them(state: State) -> None:
    names = [f"rule-{n * 7919 % 10_007:05}-{n}" for n in range(1000)]
    for name in names:
        with state.writing("test") as connection:
            connection.exec_driver_sql("PRAGMA secure_delete = OFF")
            connection.execute(INSERT, {"name": name})
    with state.writing("test") as connection:
        connection.exec_driver_sql("PRAGMA secure_delete = ON")
        for name in names[:50]:
            connection.execute(text("DELETE FROM rule WHERE name = :name"), {"name": name})

    state.settle()

    files = [each.read_bytes() for each in state.path.parent.iterdir()]
    assert [name for name in names[:50] if any(name.encode() in each for each in files)] == []
    with state.reading("test") as connection:
        assert connection.execute(COUNT).scalar_one() == 950


def test_who_keeps_the_file_from_being_settled_is_told(
    state: State, other_state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.2)
    with State.open(state.path) as hasty, other_state.reading("test") as reader:
        reader.execute(COUNT).scalar_one()
        with pytest.raises(StateError, match="-wal still holds copies .*another program is using"):
            hasty.settle()
    state.settle()
    assert Path(f"{state.path}-wal").stat().st_size == 0


def test_a_damaged_file_is_said(state: State) -> None:
    with state.writing("test") as connection:
        connection.execute(INSERT, {"name": "x" * 100_000})
    state.close()
    content = bytearray(state.path.read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    state.path.write_bytes(content)

    with (
        pytest.raises(StateError, match=r"Cannot (open|count) .*(malformed|damaged).*backup"),
        State.open(state.path) as damaged,
        damaged.reading("count") as connection,
    ):
        connection.execute(COUNT)


def test_a_writer_without_a_turn_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_TIMEOUT_S", 0.1)
    with (
        State.open(path) as state,
        closing(sqlite3.connect(path, isolation_level=None)) as other,
    ):
        other.execute("BEGIN IMMEDIATE")
        with (
            pytest.raises(StateError, match=r"locked\. Another process has been writing"),
            state.writing("write to"),
        ):
            pass


def test_no_parameter_of_a_query_is_in_an_error(state: State) -> None:
    with state.writing("test") as connection:
        connection.execute(INSERT, {"name": "hush-hush"})

    with pytest.raises(StateError) as caught, state.writing("keep in") as connection:
        connection.execute(INSERT, {"name": "hush-hush"})

    error: BaseException | None = caught.value
    while error is not None:
        assert "hush-hush" not in f"{error} {error!r}"
        error = error.__cause__
