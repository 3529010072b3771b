"""`selera keys`, by real processes and on real files."""

import importlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from selera.cli.main import selera as group
from selera.contracts.errors import ConfigError, NameNotFound
from selera.state import SCOPES, Keys, State
from selera.state.keys import MOST_PER_MINUTE
from tests.processes import selera


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _keys(*arguments: str) -> Result:
    return CliRunner().invoke(group, ["keys", *arguments], prog_name="selera")


def _is_good(secret: str, path: str = "selera-state.db") -> bool:
    with State.open(Path(path)) as state:
        return Keys(state).check(secret) is not None


def test_the_command_and_the_state_know_the_same_scopes_and_rates() -> None:
    commands = importlib.import_module("selera.cli.commands.keys")

    assert commands.SCOPES == SCOPES
    assert commands.MOST_PER_MINUTE == MOST_PER_MINUTE


@pytest.mark.slow
def test_a_key_is_made_listed_and_revoked_in_a_shell(folder: Path) -> None:
    made = selera("keys", "create", "shop front", "--scope", "read", cwd=folder)
    assert made.returncode == 0, made.stderr
    secret = made.stdout.strip()
    assert secret.startswith("sel_1_")
    assert "Its secret is not kept" in made.stderr
    assert secret not in made.stderr
    assert _is_good(secret)

    listed = selera("keys", "list", cwd=folder)
    assert "shop front" in listed.stdout
    assert "1 active key." in listed.stdout
    assert secret[-43:] not in listed.stdout + listed.stderr

    revoked = selera("keys", "revoke", "shop front", cwd=folder)
    assert revoked.stdout == "Revoked the key 'shop front'.\n"
    assert "selera keys create" in revoked.stderr
    assert not _is_good(secret)

    again = selera("keys", "revoke", "shop front", "--json", cwd=folder)
    assert again.returncode == 1
    assert json.loads(again.stderr)["code"] == "name_not_found"


def test_json_has_the_secret_once_and_the_list_never() -> None:
    made = json.loads(
        _keys(
            *("create", "app", "--scope", "events", "--scope", "read"),
            *("--per-minute", "600", "--days", "30", "--json"),
        ).stdout
    )
    assert _is_good(made["secret"])
    assert made["key"]["scopes"] == ["read", "events"]
    assert made["key"]["rate_per_minute"] == 600
    expires = time.strptime(made["key"]["expires_at"][:10], "%Y-%m-%d")
    assert 28 < (time.mktime(expires) - time.time()) / 86400 < 31

    listed = _keys("list", "--json").stdout
    assert json.loads(listed)["keys"] == [made["key"]]
    assert made["secret"][-43:] not in listed


def test_the_list_tells_what_became_of_each_key() -> None:
    assert "There is no key." in _keys("list").stdout
    for name in ("one", "two"):
        _keys("create", name, "--scope", "admin")
    _keys("create", "three", "--scope", "read", "--per-minute", "5000", "--days", "1")
    _keys("revoke", "one")

    _, one, two, three, total = (
        line for line in _keys("list").stdout.splitlines() if line.strip(" ─━")
    )
    assert "revoked 20" in one
    assert two.rstrip().endswith("good")
    assert "5,000" in three
    assert "good until 20" in three
    assert total == "2 active keys."


def test_who_revokes_the_last_active_key_is_told_what_follows() -> None:
    for name in ("one", "two"):
        _keys("create", name, "--scope", "read")

    first, last = _keys("revoke", "one"), _keys("revoke", "two", "--json")

    assert (first.stdout, first.stderr) == ("Revoked the key 'one'.\n", "")
    assert json.loads(last.stdout) == {"revoked": "two"}
    assert last.stderr == (
        "There is no active key now, and the API stays closed: whatever needs a key is answered"
        " 401. Make a new one: selera keys create NAME --scope read\n"
    )


def test_the_file_of_the_setting_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SELERA_STATE_FILE", "mine.db")
    by_variable = _keys("create", "a", "--scope", "read").stdout.strip()
    by_flag = _keys("create", "a", "--scope", "read", "--state", "other.db").stdout.strip()

    assert _is_good(by_variable, "mine.db")
    assert _is_good(by_flag, "other.db")
    assert not _is_good(by_variable, "other.db")
    assert not Path("selera-state.db").exists()


@pytest.mark.parametrize(
    "arguments",
    [("create", "a"), ("create", "a", "--scope", "root"), ("create", "--scope", "read"),
     ("create", "a", "--scope", "read", "--per-minute", "0"),
     ("create", "a", "--scope", "read", "--days", "0")],
)  # fmt: skip
def test_wrong_usage_makes_no_key_and_no_file(arguments: tuple[str, ...]) -> None:
    assert _keys(*arguments).exit_code == 2
    assert not Path("selera-state.db").exists()


def test_what_cannot_be_a_name_is_refused() -> None:
    assert isinstance(_keys("create", " ", "--scope", "read").exception, ConfigError)
    _keys("create", "a", "--scope", "read")
    assert isinstance(_keys("create", "a", "--scope", "read").exception, ConfigError)
    assert isinstance(_keys("revoke", "b").exception, NameNotFound)


def test_help_of_the_subcommands_answers() -> None:
    for name in ("keys", "experiments"):
        command: Any = group.commands[name]
        for each in command.commands:
            done = CliRunner().invoke(group, [name, each, "--help"], prog_name="selera")
            assert done.exit_code == 0, done.output
            assert f"Usage: selera {name} {each} [OPTIONS]" in done.output
