"""`selera models` and the gate as a person meets them: real trainings of a real small shop."""

import json
from pathlib import Path

import pytest

from selera.artifact import open_artifact
from tests.processes import python, selera
from tests.small_shop import write_training_csv

HEAVY = ("numba", "polars", "scipy", "litestar", "uvicorn", "matplotlib", "optuna")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two versions: the biases of the second are published by force."""
    folder = tmp_path_factory.mktemp("shop")
    write_training_csv(folder / "data-training.csv")
    for arguments in (["--model", "svd"], ["--model", "popularity", "--force"]):
        done = selera("train", *arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def published(folder: Path) -> str:
    return str(open_artifact(folder / "system-recomendation.pkl").run["version"])


def listed(folder: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(selera("models", "--json", cwd=folder).stdout)[
        "models"
    ]
    return found


def test_without_a_model_the_cure_is_told(tmp_path: Path) -> None:
    done = selera("models", cwd=tmp_path)

    assert (done.returncode, done.stdout) == (
        0,
        "There is no model yet. Train one: selera train\n",
    )


def test_the_versions_are_listed_with_what_was_decided(shop: Path) -> None:
    newest, first = listed(shop)

    assert (newest["algorithm"], newest["published"]) == ("popularity", True)
    assert (first["algorithm"], first["published"]) == ("svd", False)
    assert isinstance(newest["decision"], dict)
    assert newest["decision"]["reason"] == "published by force, without a comparison"
    assert newest["decision"]["champion"] == first["version"]
    assert isinstance(first["metrics"], dict)
    assert {"ndcg@10", "rmse"} == set(first["metrics"])
    table = selera("models", cwd=shop)
    assert str(first["version"]) in table.stdout
    assert "it is the first model" in table.stderr


def test_going_back_and_forth(shop: Path) -> None:
    newest, first = listed(shop)

    back = selera("models", "rollback", cwd=shop)
    assert back.stdout == f"Published {first['version']} instead of {newest['version']}.\n"
    assert published(shop) == first["version"]

    again = selera("models", "rollback", "--json", cwd=shop)
    assert again.returncode == 1
    assert json.loads(again.stderr)["code"] == "version_not_found"

    forth = selera("models", "promote", str(newest["version"]), "--json", cwd=shop)
    assert json.loads(forth.stdout) == {
        "version": newest["version"],
        "before": first["version"],
        "changed": True,
    }
    same = selera("models", "promote", str(newest["version"]), cwd=shop)
    assert (same.returncode, same.stdout) == (0, f"{newest['version']} is published already.\n")


def test_going_back_in_a_hurry_imports_nothing_that_trains_or_serves(shop: Path) -> None:
    newest = listed(shop)[0]["version"]
    code = (
        "import sys\n"
        "from selera.cli.main import main\n"
        "sys.argv = ['selera', 'models', 'rollback']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        f"    print('HEAVY', sorted(set({HEAVY!r}) & set(sys.modules)))\n"
    )

    done = python("-c", code, cwd=shop)

    assert done.stdout.startswith("Published "), done.stderr
    assert done.stdout.endswith("HEAVY []\n")
    assert selera("models", "promote", str(newest), cwd=shop).returncode == 0


@pytest.mark.parametrize("version", ["none", "../system-recomendation", "*", "'; --", ".", "/etc"])
def test_only_a_version_that_is_there_is_promoted(shop: Path, version: str) -> None:
    before = published(shop)

    done = selera("models", "promote", version, cwd=shop)

    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: there is no version {version!r} in models/.")
    assert before in done.stderr
    assert published(shop) == before


@pytest.mark.slow
def test_a_worse_recipe_is_kept_aside_with_numbers_and_the_cure(shop: Path) -> None:
    """Popularity is no match for the two tastes of this shop."""
    assert selera("train", "--model", "svd", "--force", cwd=shop).returncode == 0
    before = published(shop)

    done = selera("train", "--model", "popularity", cwd=shop)

    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert f"system-recomendation.pkl stays {before}: NDCG@10 -" in line
    assert "training.gate.tolerance allows -2.0%" in line
    assert "selera models promote" in line
    assert published(shop) == before
    kept = listed(shop)[0]
    assert isinstance(kept["decision"], dict)
    assert kept["decision"]["action"] == "kept_aside"
    assert kept["decision"]["high"] < 0
    assert selera("models", "promote", str(kept["version"]), cwd=shop).returncode == 0
    assert published(shop) == kept["version"]
