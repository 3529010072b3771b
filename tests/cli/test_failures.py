import json
import sqlite3
from pathlib import Path

import pytest

from tests.processes import clean_environment, python, selera


def test_a_mistake_is_one_sentence_with_its_cure_and_exit_1(tmp_path: Path) -> None:
    done = selera("etl", cwd=tmp_path)

    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("Error: There is no database at shop.db.")
    assert "selera seed" in done.stderr


def test_json_errors_are_one_problem_object_on_stderr(tmp_path: Path) -> None:
    done = selera("recommend", "3", "--json", cwd=tmp_path)

    assert done.returncode == 1
    assert done.stdout == ""
    problem = json.loads(done.stderr)
    assert problem["type"] == "urn:selera:problem:database_unavailable"
    assert problem["code"] == "database_unavailable"
    assert "shop.db" in problem["detail"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["etl", "--nope"], "No such option"),
        (["recommend"], "Missing argument 'USER_ID'"),
        (["import", "netflix", "x"], "'netflix' is not one of 'ml-100k'"),
        (["nonsense"], "No such command 'nonsense'"),
        (["recommend", "3", "--limit", "0"], "'--limit': 0 is not in the range 1<=x<=100"),
        (["etl", "--output", "."], "'--output': File '.' is a directory"),
        (["train", "--output", "."], "'--output': File '.' is a directory"),
        (["train", "--data", "."], "'--data': File '.' is a directory"),
        (["run", "--output", "."], "'--output': File '.' is a directory"),
        (["recommend", "3", "--model", "."], "'--model': File '.' is a directory"),
    ],
)
def test_wrong_usage_is_exit_2(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = selera(*arguments, cwd=tmp_path)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_wrong_usage_in_json_is_a_problem_too(tmp_path: Path) -> None:
    done = selera("similar", "--json", cwd=tmp_path)

    assert done.returncode == 2
    assert json.loads(done.stderr)["code"] == "usage"


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (
            ["serve", "--port", "70000"],
            {},
            "must be a whole number in 0..65535, got 70000",
        ),
        (["serve"], {"SELERA_WEB_PORT": "many"}, "got 'many' from SELERA_WEB_PORT"),
        (["serve"], {"SELERA_WEB_PROT": "1"}, "SELERA_WEB_PROT in the environment is no setting"),
        (["seed", "--users", "0"], {}, "--users"),
        (["watch", "--data", "nowhere/x.csv"], {}, "there is no folder"),
        (["train"], {}, "data-training.csv"),
        (["train", "--output", "nowhere/x.pkl"], {}, "there is no folder"),
        (["train", "--model", "foo"], {}, "must be one of blend, svd, "),
        (["etl", "--database", "oracle://x/y"], {}, "'oracle' are not supported"),
    ],
)
def test_a_wrong_value_is_told_by_name(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], said: str
) -> None:
    done = selera(*arguments, cwd=tmp_path, environment=environment)

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    url = "postgresql://shopkeeper:hunter2@127.0.0.1:1/shop"

    done = selera("etl", "--database", url, cwd=tmp_path)

    assert done.returncode == 1
    assert "hunter2" not in done.stdout + done.stderr


def test_what_the_system_refuses_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "selera.toml").mkdir()

    done = selera("etl", cwd=tmp_path)

    assert done.returncode == 1
    assert done.stderr == "Error: selera.toml cannot be read: Is a directory\n"


def test_a_database_without_the_tables_says_what_to_do(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "shop.db").close()
    (tmp_path / "shop.db").touch()

    done = selera("recommend", "1", cwd=tmp_path)

    assert done.returncode == 1
    assert "data_user_profile" in done.stderr


def test_a_reader_who_leaves_early_gets_no_traceback(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys\n"
        "first = subprocess.Popen([sys.executable, '-m', 'selera', 'doctor', '--json'],"
        " stdout=subprocess.PIPE, stderr=subprocess.PIPE)\n"
        "first.stdout.close()\n"
        "print(first.stderr.read().decode()); first.stderr.close(); print(first.wait())"
    )

    done = python("-c", code, cwd=tmp_path, environment=clean_environment())

    assert "Traceback" not in done.stdout
    assert done.stdout.split()[-1] == "1"
