"""`selera evaluate`, `compare` and `tune` on tiny files, each protocol once."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from selera.cli.main import selera as group
from selera.contracts.columns import TRAINING_COLUMNS
from selera.contracts.errors import ConfigError, DataError
from selera.evaluation.compatibility import PROTOCOLS
from tests.evaluation.plain import write_lines, write_ratings
from tests.processes import selera


def _call(*arguments: object) -> Result:
    return CliRunner().invoke(group, [str(each) for each in arguments], prog_name="selera")


def _json(*arguments: object) -> dict[str, Any]:
    done = _call(*arguments, "--json")
    assert done.exit_code == 0, done.exception or done.output
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _write_shop(folder: Path) -> None:
    """A training CSV of users who buy and rate products of their own parity, at random times."""
    rng = np.random.default_rng(0)
    with (folder / "data-training.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, TRAINING_COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for user in range(1, 41):
            for item in rng.permutation(np.arange(user % 2, 40, 2))[:12].tolist():
                day, month = rng.integers(1, 29), rng.integers(1, 10)
                row = {"user_id": user, "product_id": item, "category": "c"}
                row["at"] = f"2024-0{month}-{day:02}T10:00:00Z"
                writer.writerow({**row, "behavior": "buy", "quantity": 1})
                writer.writerow({**row, "behavior": "rating", "rating": rng.integers(2, 6)})


@pytest.fixture
def movielens(tmp_path: Path) -> Path:
    """A folder like that of MovieLens 100K, but small."""
    write_ratings(tmp_path / "ratings.csv", n_items=20)
    lines = (tmp_path / "ratings.csv").read_text().replace(",", "\t").splitlines(keepends=True)
    (tmp_path / "u.data").write_text("".join(lines))
    for fold in range(1, 6):
        (tmp_path / f"u{fold}.test").write_text("".join(lines[fold::5]))
    return tmp_path


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_answers_with_one_json_object(movielens: Path, name: str) -> None:
    protocol = PROTOCOLS[name]
    if protocol.files == "movielens":
        files: tuple[object, ...] = ("--data", movielens)
    elif protocol.files == "data":
        ratings = movielens / "ratings.csv"
        write_ratings(ratings, n_users=30, n_items=240 if protocol.is_deprecated else 30)
        files = ("--data", ratings)
    else:
        train, test = write_lines(movielens)
        files = ("--train", train, "--test", test)

    answer = _json("evaluate", "--protocol", name, *files, "--model", "svd", "--trials", 2)

    first, baseline = answer["results"]
    assert (first["model"], baseline["model"]) == ("svd", answer["baseline"])
    assert answer["primary"] in first["metrics"]
    interval = first["metrics"][answer["primary"]]
    assert interval["low"] <= interval["mean"] <= interval["high"]
    assert first["settings"]
    assert first["fit_seconds"] >= 0
    assert first["score_seconds"] >= 0
    assert first["peak_memory_mib"] > 0
    assert set(answer["definitions"]) >= set(first["metrics"])
    assert answer["command"].startswith(f"selera evaluate --protocol {name} ")


def test_compare_puts_the_baseline_and_all_named_models_into_a_table(tmp_path: Path) -> None:
    train, test = write_lines(tmp_path)

    done = _call(
        *("compare", "--protocol", "lightgcn-split", "--train", train, "--test", test),
        *("--model", "itemknn,rp3beta", "--model", "puresvd", "--trials", 0),
        *("--report", tmp_path / "report.html"),
    )

    assert done.exit_code == 0, done.exception
    for text in ("itemknn", "rp3beta", "puresvd", "gain over popularity", "ndcg:"):
        assert text in done.stdout
    assert "<svg" in (tmp_path / "report.html").read_text()
    assert json.loads((tmp_path / "report.json").read_text())["protocol"] == "lightgcn-split"


def test_without_a_protocol_the_shop_is_judged(tmp_path: Path) -> None:
    _write_shop(tmp_path)

    done = selera("evaluate", "--model", "itemknn", "--json", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [row["model"] for row in answer["results"]] == ["itemknn", "popularity", "bias"]
    assert answer["command"] == "selera evaluate --model itemknn --seed 42"


def test_unknown_names_list_the_known_ones(tmp_path: Path) -> None:
    for arguments, known in (
        (("--protocol", "kfold", "--data", "x"), "surprise-5fold"),
        (("--protocol", "surprise-5fold", "--data", "x", "--model", "svm"), "svdpp"),
        (("--model", "svm"), "svdpp"),
    ):
        done = _call("evaluate", *arguments)
        assert isinstance(done.exception, ConfigError)
        assert known in str(done.exception)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nothing.csv"
    done = _call("evaluate", "--protocol", "surprise-5fold", "--data", path, "--trials", 0)

    assert isinstance(done.exception, DataError)
    assert str(path) in str(done.exception)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--protocol", "lightgcn-split", "--data", "x"),
        ("--protocol", "lightgcn-split", "--train", "x"),
        ("--protocol", "surprise-5fold", "--train", "x", "--test", "y"),
        ("--protocol", "surprise-5fold", "--data", "x", "--use-order"),
        ("--protocol", "ml100k-u1"),
        ("--train", "x", "--test", "y"),
        ("--trials", "0"),
        ("--time-budget", "5"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_usage(arguments: tuple[str, ...]) -> None:
    done = _call("evaluate", *arguments)

    assert done.exit_code == 2
    assert "--" in done.stderr


@pytest.mark.parametrize(
    ("report", "message"),
    [
        ("out.json", "let it end in .html"),
        ("nowhere/out.html", "There is no folder"),
        ("folder.html", "is a folder"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused_before_anything_is_read(
    tmp_path: Path, report: str, message: str
) -> None:
    (tmp_path / "folder.html").mkdir()
    files = ("--protocol", "random-90-10", "--data", tmp_path / "nothing.csv")

    done = _call("evaluate", *files, "--report", tmp_path / report)

    assert isinstance(done.exception, ConfigError)
    assert message in str(done.exception)


@pytest.mark.parametrize("command", ["evaluate", "compare", "tune"])
def test_a_seed_has_32_bits(command: str) -> None:
    done = _call(command, "--seed", 99999999999)

    assert done.exit_code == 2
    assert "--seed" in done.stderr


def test_tune_prints_toml_and_goes_on_from_its_study(tmp_path: Path) -> None:
    _write_shop(tmp_path)
    asked = ("tune", "--model", "rp3beta", "--study", "study.log")

    first = selera(*asked, "--trials", "2", cwd=tmp_path)
    second = json.loads(selera(*asked, "--trials", "4", "--json", cwd=tmp_path).stdout)

    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("[training.rp3beta]\nn_neighbors = ")
    assert "2 trials" in first.stderr
    assert second["n_trials"] == 4
    assert second["settings"].keys() == {"n_neighbors", "alpha", "beta", "history_exponent"}


def test_what_cannot_be_tuned_is_said(tmp_path: Path) -> None:
    _write_shop(tmp_path)

    done = selera("tune", "--model", "popularity", cwd=tmp_path)

    assert done.returncode == 0
    assert "no settings to search" in done.stderr


def test_a_process_ends_with_1_for_bad_data(tmp_path: Path) -> None:
    path = tmp_path / "ratings.csv"
    path.write_text("1,2,4\n1,3,good\n")

    done = selera("evaluate", "--protocol", "random-90-10", "--data", str(path), cwd=tmp_path)

    assert done.returncode == 1
    assert "ratings.csv:2 has the rating 'good'" in done.stderr
