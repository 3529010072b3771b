"""The whole way by the five programs of the mission, in a folder of its own."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.processes import ROOT, python, running, wait_until

SHOP = ("--users", "150", "--products", "80", "--seed", "5")


def _program(name: str, *arguments: str, cwd: Path) -> str:
    done = python(str(ROOT / name), *arguments, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_seed_etl_train_serve_get(tmp_path: Path) -> None:
    assert "Seeded" in _program("create_and_seed_db.py", *SHOP, cwd=tmp_path)
    assert "Wrote" in _program("etl.py", cwd=tmp_path)
    assert "Trained blend" in _program("training.py", cwd=tmp_path)

    log = tmp_path / "log"
    with running([str(ROOT / "app.py"), "--port", "0"], cwd=tmp_path, log=log) as app:
        url = wait_until(lambda: _said_url(log), "the API to answer")
        with httpx.Client(base_url=url, trust_env=False) as client:
            by_path = client.get("/recommend/3").raise_for_status().json()
            by_query = client.get("/recommend", params={"user_id": 3}).raise_for_status().json()
            missing = client.get("/recommend/99999999")
        app.terminate()
        assert app.wait(20) == 0

    assert by_path["user"]["user_id"] == 3
    assert set(by_path["user"]) == {"user_id", "name", "gender", "age", "location"}
    assert [each["rank"] for each in by_path["recommendations"]] == list(range(1, 11))
    assert by_path["recommendations"] == by_query["recommendations"]
    first = by_path["recommendations"][0]
    assert {"product_id", "product_name", "category", "price", "brand"} <= set(first["product"])
    assert 1 <= first["predicted_rating"] <= 5
    manifest = json.loads((tmp_path / "data-training.manifest.json").read_text())
    assert by_path["model"]["data_sha256"] == manifest["sha256"]
    assert missing.status_code == 404
    assert missing.json()["code"] == "user_not_found"


def _said_url(log: Path) -> str | None:
    for line in log.read_text().splitlines():
        if line.startswith("Selera answers on "):
            return line.removeprefix("Selera answers on ").partition(";")[0]
    return None


@pytest.mark.slow
def test_the_watcher_trains_on_the_etls_csv_and_the_api_swaps(tmp_path: Path) -> None:
    _program("create_and_seed_db.py", *SHOP, cwd=tmp_path)
    log = tmp_path / "log"
    with (
        running([str(ROOT / "watcher.py")], cwd=tmp_path, log=tmp_path / "watcher") as watcher,
        running([str(ROOT / "app.py"), "--port", "0"], cwd=tmp_path, log=log),
    ):
        url = wait_until(lambda: _said_url(log), "the API to answer")
        with httpx.Client(base_url=url, trust_env=False) as client:
            refused = client.get("/recommend/3")
            assert refused.status_code == 503
            assert "training.py" in refused.json()["detail"]

            _program("etl.py", cwd=tmp_path)
            first = wait_until(lambda: _version(client), "the first model", 60)
            _visit_everything(tmp_path / "shop.db", user_id=3)
            _program("etl.py", cwd=tmp_path)
            wait_until(lambda: _version(client) not in (None, first), "the second model", 60)
        watcher.terminate()
        assert watcher.wait(20) == 0

    assert "2 trainings, 0 failed" in (tmp_path / "watcher").read_text()


def _visit_everything(shop: Path, user_id: int) -> None:
    """A user looks at every product on the last day: new behavior, the past as it was."""
    with closing(sqlite3.connect(shop)) as connection, connection:
        connection.execute(
            "INSERT INTO data_user_history_visit_product"
            " (user_id, product_id, visit_count, visit_date)"
            " SELECT ?, product_id, 1, '2026-06-30T12:00:00Z'"
            " FROM data_product_category_tag_source_country",
            (user_id,),
        )


def _version(client: httpx.Client) -> str | None:
    """The version of the model that was asked for; a quick first one goes before it."""
    answer = client.get("/recommend/3")
    model = answer.json()["model"] if answer.status_code == 200 else {}
    return str(model["version"]) if model.get("algorithm") == "blend" else None
