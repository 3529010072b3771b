import json
import os
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from selera.cli.ports import free_port
from tests.processes import clean_environment, running, selera, wait_until

PORT = "SELERA_WEB_PORT"


def _examine(folder: Path, **environment: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and findings of `selera doctor`."""
    environment.setdefault(PORT, str(free_port("127.0.0.1")))
    done = selera("doctor", "--json", cwd=folder, environment=environment)
    assert done.stdout, done.stderr
    answer = json.loads(done.stdout)
    levels = [each["level"] for each in answer["findings"]]
    assert answer["errors"] == levels.count("error")
    assert answer["warnings"] == levels.count("warning")
    return done.returncode, answer["findings"]


def _of(findings: list[dict[str, Any]], subject: str, level: str) -> str:
    """Sentences and cures of the findings of one level on one subject."""
    return " ".join(
        f"{each['sentence']} {each['cure']}"
        for each in findings
        if (each["subject"], each["level"]) == (subject, level)
    )


@pytest.fixture(scope="module")
def made_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    for arguments in (["seed", "--users", "60", "--products", "30"], ["etl"], ["train"]):
        assert selera(*arguments, cwd=folder).returncode == 0
    return folder


@pytest.fixture
def shop(made_shop: Path, tmp_path: Path) -> Path:
    """A small shop with CSV and model that a test may break."""
    return Path(shutil.copytree(made_shop, tmp_path / "shop"))


def test_an_empty_folder_is_told_what_to_do_first(tmp_path: Path) -> None:
    code, findings = _examine(tmp_path)

    assert code == 1
    assert "selera seed" in _of(findings, "database", "error")
    assert "selera etl" in _of(findings, "data", "error")
    assert "training.py" in _of(findings, "model", "error")
    assert _of(findings, "python", "ok").startswith("Python 3.")
    assert _of(findings, "settings", "ok")


def test_a_whole_shop_has_no_errors(shop: Path) -> None:
    code, findings = _examine(shop)

    assert code == 0
    for subject in ("python", "settings", "database", "data", "model", "port"):
        assert _of(findings, subject, "ok"), subject


def test_a_person_gets_sentences(shop: Path) -> None:
    done = selera("doctor", cwd=shop, environment={PORT: "0"})

    assert done.returncode == 0
    assert "ok       model: system-recomendation.pkl is whole" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("warnings.")


def test_new_rows_make_the_csv_stale(shop: Path) -> None:
    with closing(sqlite3.connect(shop / "shop.db")) as connection, connection:
        connection.execute(
            "INSERT INTO data_product_rating (rating_id, user_id, product_id, rating)"
            " VALUES (10000001, 1, 1, 5)"
        )

    code, findings = _examine(shop)

    assert code == 0
    assert "older than the database: data_product_rating has" in _of(findings, "data", "warning")


def test_a_changed_csv_makes_the_model_stale(shop: Path) -> None:
    with (shop / "data-training.csv").open("a") as file:
        file.write("1,1,visit,,,1,,,,,,,,,,,\n")

    code, findings = _examine(shop)

    assert code == 0
    assert "manifest is missing or of another file" in _of(findings, "data", "warning")
    assert "learnt from another state" in _of(findings, "model", "warning")


def test_broken_files_are_errors(shop: Path) -> None:
    (shop / "data-training.csv").write_text("no,columns\n1,2\n")
    with (shop / "system-recomendation.pkl").open("r+b") as file:
        file.seek(200)
        byte = file.read(1)
        file.seek(200)
        file.write(bytes([byte[0] ^ 1]))

    code, findings = _examine(shop)

    assert code == 1
    assert "data-training.csv" in _of(findings, "data", "error")
    assert "damaged" in _of(findings, "model", "error")


def test_a_wrong_setting_is_a_finding(tmp_path: Path) -> None:
    code, findings = _examine(tmp_path, SELERA_TRAINING_SVD_N_EPOCHS="many")

    assert code == 1
    assert "SELERA_TRAINING_SVD_N_EPOCHS" in _of(findings, "settings", "error")


def test_a_wrong_port_ends_the_examination_with_the_settings(tmp_path: Path) -> None:
    code, findings = _examine(tmp_path, **{PORT: "-1"})

    assert code == 1
    assert {each["subject"] for each in findings} == {"python", "settings"}


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection, connection:
        connection.execute("CREATE TABLE data_user_profile (user_id INTEGER)")

    code, findings = _examine(tmp_path)

    assert code == 1
    assert _of(findings, "data_product_rating", "error")


def test_a_port_of_another_program_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.0)
        code, findings = _examine(tmp_path, **{PORT: str(listener.getsockname()[1])})

    assert code == 1
    assert "is taken by another program" in _of(findings, "port", "error")


def test_a_port_of_selera_itself_is_in_order(shop: Path) -> None:
    port = str(free_port("127.0.0.1"))
    log = shop / "log"

    with running(["-m", "selera", "serve", "--port", port], cwd=shop, log=log):
        wait_until(lambda: "answers on" in log.read_text(), "the API")
        _, findings = _examine(shop, **{PORT: port})

    assert "Selera answers" in _of(findings, "port", "ok")


def test_a_python_without_ensurepip_is_told_the_cure(tmp_path: Path) -> None:
    # A module of None in sys.modules is how Python says that it cannot be imported.
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['ensurepip'] = None\n")
    path = os.pathsep.join(filter(None, [str(tmp_path), clean_environment().get("PYTHONPATH")]))

    _, findings = _examine(tmp_path, PYTHONPATH=path)

    assert "python3-venv" in _of(findings, "python", "warning")
