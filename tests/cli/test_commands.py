"""The commands on a real small shop, by real processes."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from selera.artifact import open_artifact
from selera.contracts.columns import TRAINING_COLUMNS
from tests.processes import selera

SMALL = ("--users", "120", "--products", "60", "--seed", "1")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small shop, its CSV and its model, made by the commands."""
    folder = tmp_path_factory.mktemp("shop")
    for arguments in (["seed", *SMALL], ["etl"], ["train"]):
        done = selera(*arguments, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def test_seeding_ends_with_a_summary_and_refuses_to_overwrite(shop: Path) -> None:
    again = selera("seed", *SMALL, cwd=shop)
    assert again.returncode == 1
    assert "--overwrite" in again.stderr

    done = selera("seed", *SMALL, "--overwrite", "--json", cwd=shop)
    answer = json.loads(done.stdout)
    assert answer["rows"]["data_user_profile"] == 120
    assert answer["rows"]["data_product_category_tag_source_country"] == 60


def test_the_etl_prints_rows_in_as_rows_out_and_rejected(tmp_path: Path) -> None:
    selera("seed", *SMALL, cwd=tmp_path)

    done = selera("etl", cwd=tmp_path)

    *tables, summary = done.stdout.splitlines()
    assert len(tables) == 6
    for line in tables:
        n_in, n_out, n_rejected = _counts(line)
        assert n_in == n_out + n_rejected
    assert summary.startswith("Wrote ")
    assert summary.endswith(" s.")
    header = (tmp_path / "data-training.csv").read_text().partition("\n")[0]
    assert header == ",".join(TRAINING_COLUMNS)


def _counts(line: str) -> tuple[int, int, int]:
    words = line.replace(",", "").split()
    n_in = int(words[words.index("in") - 1])
    n_out = int(words[words.index("out") - 1])
    return n_in, n_out, int(words[words.index("rejected") - 1])


def test_a_second_etl_says_that_nothing_changed(shop: Path) -> None:
    done = selera("etl", cwd=shop)

    assert done.returncode == 0
    assert "the same bytes as before" in done.stdout

    answer = json.loads(selera("etl", "--json", cwd=shop).stdout)
    assert answer["changed"] is False
    for counts in answer["tables"].values():
        assert counts["rows_in"] == counts["rows_out"] + sum(counts["rejected"].values())


def test_training_prints_an_honest_evaluation_and_publishes(shop: Path) -> None:
    done = selera("train", "--model", "svd", "--seed", "3", "--force", cwd=shop)

    assert done.returncode == 0
    for word in ("NDCG@10", "Recall@10", "popularity", "RMSE", "MAE", "bias"):
        assert word in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Trained svd on ")
    assert open_artifact(shop / "system-recomendation.pkl").metadata["seed"] == 3


def test_training_in_json_is_one_object(shop: Path) -> None:
    done = selera("train", "--json", "--output", "other.pkl", cwd=shop)

    answer = json.loads(done.stdout)
    assert answer["output"] == "other.pkl"
    assert answer["evaluation"]["results"]
    assert (shop / "other.pkl").exists()


def test_settings_of_the_file_reach_the_training(tmp_path: Path, shop: Path) -> None:
    (tmp_path / "selera.toml").write_text(
        f'data_file = "{shop / "data-training.csv"}"\n'
        '[training]\nmodel = "popularity"\n[training.svd]\nn_epochs = 2\n'
    )

    done = selera("train", "--json", cwd=tmp_path)

    assert json.loads(done.stdout)["model"] == "popularity"
    metadata = open_artifact(tmp_path / "system-recomendation.pkl").metadata
    assert metadata["hyperparameters"]["svd"]["n_epochs"] == 2


def test_recommendations_are_a_table_to_a_person(shop: Path) -> None:
    done = selera("recommend", "3", "--limit", "4", cwd=shop)

    assert done.returncode == 0
    assert "For user 3" in done.stdout
    for word in ("rank", "score", "stars", "product", "because of"):
        assert word in done.stdout


def test_recommendations_are_the_apis_object_in_json(shop: Path) -> None:
    done = selera("recommend", "3", "--limit", "4", "--json", cwd=shop)

    answer = json.loads(done.stdout)
    assert answer["user"]["user_id"] == 3
    assert [each["rank"] for each in answer["recommendations"]] == [1, 2, 3, 4]
    assert {"score", "predicted_rating", "product", "source", "reasons"} <= set(
        answer["recommendations"][0]
    )
    assert answer["model"]["algorithm"] in ("svd", "blend")


def test_an_unknown_user_is_said(shop: Path) -> None:
    done = selera("recommend", "999999", "--json", cwd=shop)

    assert done.returncode == 1
    assert json.loads(done.stderr)["code"] == "user_not_found"


def test_similar_products_are_listed(shop: Path) -> None:
    answer = json.loads(selera("similar", "1", "--limit", "3", "--json", cwd=shop).stdout)

    assert answer["product"]["product_id"] == 1
    assert len(answer["similar"]) == 3
    assert "Like product 1" in selera("similar", "1", cwd=shop).stdout


def test_a_missing_model_is_one_line(shop: Path) -> None:
    for command in ("recommend", "similar"):
        done = selera(command, "3", "--model", "none.pkl", cwd=shop)

        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("Error: there is no model at none.pkl.")


def test_an_empty_list_is_a_sentence_to_a_person(tmp_path: Path) -> None:
    """A shop with one product that is all that its one user ever bought."""
    _make_lonely_shop(tmp_path)

    recommended = selera("recommend", "1", cwd=tmp_path)
    similar = selera("similar", "1", cwd=tmp_path)

    assert recommended.stdout.splitlines() == [
        "Nothing to recommend to user 1 (Ann): no product is left that is new to them and listed."
    ]
    assert similar.stdout.splitlines() == [
        "Nothing is like product 1 (Tea): no other product is listed."
    ]
    answer = json.loads(selera("recommend", "1", "--json", cwd=tmp_path).stdout)
    assert answer["recommendations"] == []


def _make_lonely_shop(folder: Path) -> None:
    assert selera("seed", *SMALL, cwd=folder).returncode == 0
    with closing(sqlite3.connect(folder / "shop.db")) as connection, connection:
        for (table,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'data_%'"
        ).fetchall():
            connection.execute(f"DELETE FROM {table}")
        connection.execute("INSERT INTO data_user_profile (user_id, name) VALUES (1, 'Ann')")
        connection.execute(
            "INSERT INTO data_product_category_tag_source_country (product_id, product_name)"
            " VALUES (1, 'Tea')"
        )
        connection.execute(
            "INSERT INTO data_product_transaction_buy"
            " (transaction_id, user_id, product_id, transaction_value, transaction_date)"
            " VALUES (1, 1, 1, 10, '2026-06-30')"
        )
    for command in ("etl", "train"):
        done = selera(command, cwd=folder)
        assert done.returncode == 0, done.stderr
    assert "Trained blend on 1 behavior of 1 user with 1 product and" in done.stdout


def test_a_data_set_is_imported(tmp_path: Path) -> None:
    (tmp_path / "u.user").write_text("1|24|M|technician|85711\n2|53|F|other|94043\n")
    (tmp_path / "u.genre").write_text("unknown|0\nAction|1\n")
    films = [f"{item}|Film {item} (1995)|01-Jan-1995||http://x|0|1\n" for item in (1, 2, 3)]
    (tmp_path / "u.item").write_text("".join(films), encoding="latin-1")
    (tmp_path / "u.data").write_text("1\t1\t5\t881250949\n2\t1\t3\t881250950\n2\t3\t4\t881250951\n")

    done = selera("import", "ml-100k", str(tmp_path), "--json", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"]["data_product_rating"] == 3
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        stars = connection.execute("SELECT rating FROM data_product_rating ORDER BY 1").fetchall()
    assert [float(each) for (each,) in stars] == [3.0, 4.0, 5.0]


def test_the_version_is_told(tmp_path: Path) -> None:
    assert selera("--version", cwd=tmp_path).stdout.startswith("selera, version 0.")


@pytest.mark.slow
def test_the_compilation_of_the_kernels_is_announced_once(shop: Path, tmp_path: Path) -> None:
    cache = {"NUMBA_CACHE_DIR": str(tmp_path)}

    first = selera("train", "--output", "first.pkl", cwd=shop, environment=cache)
    second = selera("train", "--output", "second.pkl", cwd=shop, environment=cache)

    assert first.returncode == second.returncode == 0
    assert "compiling kernels, once ..." in first.stderr
    assert "compiling" not in second.stderr
