"""`selera experiments` on real files."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from selera.cli.main import selera as group
from selera.contracts.errors import Busy, NameNotFound, VersionNotFound
from selera.state import Conversion, Experiments, Exposure, State, assign, hash_of_user
from tests.processes import selera

START = ("start", "autumn", "--control", "v1", "--treatment", "v2")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the names of three model versions."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    for name in ("v1", "v2", "v3"):
        (tmp_path / "models" / f"{name}.pkl").touch()
    return tmp_path


def _experiments(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["experiments", *arguments], prog_name="selera")


def _sell(every: dict[str, int], n_users: int = 4000) -> None:
    """Show something to each user; one in `every` of a side buys it."""
    with State.open(Path("selera-state.db")) as state:
        kept = Experiments(state)
        experiment = kept.running()
        assert experiment is not None
        exposures, conversions = [], []
        for user in range(n_users):
            side = assign(experiment, user)
            hashed = hash_of_user(user)
            exposures.append(Exposure(f"r{user}", experiment.name, side, hashed, 100))
            if user % every[side] == 0:
                conversions.append(Conversion(f"r{user}", f"e{user}", hashed, 200))
        kept.record_exposures(exposures)
        kept.record_conversions(conversions)


def test_a_better_version_wins_and_the_experiment_ends() -> None:
    begun = _experiments(*START, "--share", "0.4")
    assert begun.output == "Began 'autumn': 40% of the users get v2, the others v1.\n"
    _sell({"control": 20, "treatment": 8})

    shown = _experiments("show", "autumn").output
    assert "autumn: since 20" in shown
    assert "running" in shown
    assert "v1: 2," in shown
    assert "The treatment wins: treatment less control is +" in shown

    stopped = json.loads(_experiments("stop", "autumn", "--json").output)
    assert stopped["experiment"]["stopped_at"] is not None
    assert stopped["result"]["winner"] == "treatment"
    assert stopped["sides"]["control"]["users"] + stopped["sides"]["treatment"]["users"] == 4000
    assert stopped["result"]["p_value"] < 0.05


def test_equal_versions_have_no_winner() -> None:
    _experiments(*START)
    _sell({"control": 10, "treatment": 10})

    assert "No winner yet: treatment less control is" in _experiments("show").output


def test_an_experiment_without_users_says_so() -> None:
    assert "There was no experiment yet." in _experiments("show").output
    assert json.loads(_experiments("show", "--json").output) == {"experiments": []}
    _experiments(*START)

    assert "No winner yet: too few conversions" in _experiments("show").output
    (told,) = json.loads(_experiments("show", "--json").output)["experiments"]
    assert told["result"]["difference"] is None


def test_every_experiment_is_shown_the_newest_first() -> None:
    _experiments(*START)
    _experiments("stop", "autumn")
    _experiments("start", "winter", "--control", "v2", "--treatment", "v3", "--share", "0.1")

    told = json.loads(_experiments("show", "--json").output)["experiments"]

    assert [each["experiment"]["name"] for each in told] == ["winter", "autumn"]


def test_what_cannot_be_is_refused() -> None:
    unknown = _experiments("start", "x", "--control", "v1", "--treatment", "v9")
    assert isinstance(unknown.exception, VersionNotFound)
    assert "there are: v1, v2, v3" in str(unknown.exception)
    assert isinstance(_experiments("stop", "x").exception, NameNotFound)
    assert isinstance(_experiments("show", "x").exception, NameNotFound)
    assert _experiments(*START, "--share", "1").exit_code == 2

    _experiments(*START)
    second = _experiments("start", "winter", "--control", "v2", "--treatment", "v3")
    assert isinstance(second.exception, Busy)


@pytest.mark.slow
def test_a_shell_is_told_in_one_line(folder: Path) -> None:
    done = selera("experiments", "show", "x", cwd=folder)

    assert done.returncode == 1
    assert done.stderr == "Error: No experiment is named 'x'.\n"
