import json
from pathlib import Path

import pytest

from selera.cli.ports import free_port
from tests.processes import running, selera, wait_until


def test_an_empty_folder_is_told_what_to_do_first(tmp_path: Path) -> None:
    done = selera("doctor", cwd=tmp_path, environment={"SELERA_WEB_PORT": "0"})

    assert done.returncode == 1
    assert "ERROR    database: There is no database at shop.db." in done.stdout
    assert "Make it: selera etl" in done.stdout
    assert "ok       python: Python 3." in done.stdout
    assert done.stdout.splitlines()[-1] == "6 findings: 3 errors, 0 warnings."


@pytest.mark.parametrize(
    ("toml", "environment", "said"),
    [
        ("", {"SELERA_WEB_PORT": "-1"}, "web.port must be"),
        ("[serving]\nreasons = 'x'\n", {}, "[serving]|serving.reasons"),
        ("[web\n", {}, "selera.toml is no TOML"),
        ("[wbe]\nport = 1\n", {}, "[wbe] in selera.toml is no setting"),
    ],
)
def test_a_wrong_setting_hides_no_other_finding(
    tmp_path: Path, toml: str, environment: dict[str, str], said: str
) -> None:
    (tmp_path / "selera.toml").write_text(toml)

    done = selera("doctor", "--json", cwd=tmp_path, environment=environment)

    answer = json.loads(done.stdout)
    assert done.returncode == 1
    by_subject = {each["subject"]: each for each in answer["findings"]}
    assert any(each in by_subject["settings"]["sentence"] for each in said.split("|"))
    assert {"database", "data", "model"} <= by_subject.keys()
    assert by_subject["model"]["cure"] == "Train a new one with: python training.py"
    assert answer["errors"] >= 4


@pytest.mark.slow
def test_a_shop_that_is_being_served_is_in_order(tmp_path: Path) -> None:
    for arguments in (["seed", "--users", "60", "--products", "30"], ["etl"], ["train"]):
        assert selera(*arguments, cwd=tmp_path).returncode == 0
    port = str(free_port("127.0.0.1"))
    log = tmp_path / "log"

    with running(["-m", "selera", "serve", "--port", port], cwd=tmp_path, log=log):
        wait_until(lambda: "answers on" in log.read_text(), "the API")
        done = selera("doctor", "--json", "--port", port, cwd=tmp_path)

    assert done.returncode == 0
    answer = json.loads(done.stdout)
    assert answer["errors"] == 0
    (found,) = [each for each in answer["findings"] if each["subject"] == "port"]
    assert found["sentence"] == f"Selera answers on 127.0.0.1 port {port}."
