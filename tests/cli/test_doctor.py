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


def test_a_wrong_setting_ends_the_examination_in_one_json_object(tmp_path: Path) -> None:
    done = selera("doctor", "--json", cwd=tmp_path, environment={"SELERA_WEB_PORT": "-1"})

    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert answer["errors"] == 1
    assert [each["subject"] for each in answer["findings"]] == ["python", "settings"]
    assert "web.port must be" in answer["findings"][1]["sentence"]


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
