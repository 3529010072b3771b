import stat
import subprocess
import sys
from pathlib import Path

import pytest

from selera.contracts.errors import StateError
from selera.state import ChangeMarks, marks_path
from tests.processes import ROOT, clean_environment


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return marks_path(tmp_path / "selera-state.db")


def test_a_mark_stays_until_something_is_written(file: Path) -> None:
    with ChangeMarks(file) as marks:
        before = marks.mark(3)
        assert marks.mark(3) == before
        marks.change([3])
        assert marks.mark(3) != before


def test_other_users_keep_theirs(file: Path) -> None:
    with ChangeMarks(file) as marks:
        before = {user: marks.mark(user) for user in range(1000)}
        marks.change([7])
        changed = [user for user in before if marks.mark(user) != before[user]]
    assert 7 in changed
    assert len(changed) < 5


@pytest.mark.parametrize("user", [3, "3", "a/b", "", "\x00", "кот", "\udc80", -(2**63)])
def test_any_id_has_a_mark(file: Path, user: int | str) -> None:
    with ChangeMarks(file) as marks:
        before = marks.mark(user)
        marks.change([user])
        assert marks.mark(user) != before


def test_what_another_process_writes_is_seen_at_once(file: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from selera.state import ChangeMarks\n"
        "with ChangeMarks(Path(sys.argv[1])) as marks: marks.change([5])"
    )
    with ChangeMarks(file) as marks:
        before = marks.mark(5)
        subprocess.run(
            [sys.executable, "-c", code, str(file)],
            check=True,
            cwd=ROOT,
            env=clean_environment(),
        )
        assert marks.mark(5) != before


def test_marks_outlast_those_who_wrote_them(file: Path) -> None:
    with ChangeMarks(file) as marks:
        marks.change([5])
        told = marks.mark(5)
    with ChangeMarks(file) as marks:
        assert marks.mark(5) == told


def test_the_file_is_its_owners_alone(file: Path) -> None:
    with ChangeMarks(file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="follow changes by"):
        ChangeMarks(tmp_path / "nowhere" / "marks")
