import os
import shutil
import socket
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from selera.cli import checks
from selera.cli.ports import free_port
from selera.cli.settings import Settings
from selera.cli.sources import Value
from selera.database import Finding
from selera.etl import EtlConfig
from selera.pipeline.etl import etl
from selera.pipeline.train import TrainConfig, train
from selera.shop import ShopConfig, seed_shop


class Shop:
    """A folder with a small shop, its CSV and its model."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "shop.db"
        self.url = f"sqlite:///{self.database}"
        self.data = folder / "data-training.csv"
        self.model = folder / "system-recomendation.pkl"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    shop = Shop(folder)
    seed_shop(shop.url, ShopConfig(n_users=60, n_products=30), overwrite=False)
    etl(shop.url, shop.data, EtlConfig())
    train(shop.data, shop.model, TrainConfig(model="popularity"))
    return folder


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Shop:
    """One that a test may break."""
    return Shop(Path(shutil.copytree(made, tmp_path / "shop")))


def _levels(findings: list[Finding]) -> list[str]:
    return [each.level for each in findings]


def test_a_whole_shop_is_in_order(shop: Shop) -> None:
    assert _levels(list(checks.check_data(shop.data, shop.url))) == ["ok"]
    assert _levels(list(checks.check_model(shop.model, shop.data))) == ["ok"]
    assert "error" not in _levels(list(checks.check_database(shop.url)))


def test_missing_files_are_errors_with_the_command_that_makes_them(tmp_path: Path) -> None:
    shop = Shop(tmp_path)

    (data,) = checks.check_data(shop.data, shop.url)
    (model,) = checks.check_model(shop.model, shop.data)
    (database,) = checks.check_database(shop.url)

    assert (data.level, data.cure) == ("error", "Make it: selera etl")
    assert model.sentence == f"there is no model at {shop.model}."
    assert (model.level, model.cure) == ("error", "Train a new one with: python training.py")
    assert database.sentence == f"There is no database at {shop.database}."
    assert (database.level, "selera seed" in database.cure) == ("error", True)


def test_a_csv_that_cannot_be_read_is_not_called_missing(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.data.mkdir()

    (data,) = checks.check_data(shop.data, shop.url)

    assert (data.level, data.subject) == ("error", "data")
    assert data.sentence == f"{shop.data} is there but cannot be read: Is a directory."
    assert "--data" in data.cure


def test_new_rows_make_the_csv_stale(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.database)) as connection, connection:
        connection.execute(
            "INSERT INTO data_product_rating (rating_id, user_id, product_id, rating)"
            " VALUES (10000001, 1, 1, 5)"
        )

    whole, stale = checks.check_data(shop.data, shop.url)

    assert (whole.level, stale.level) == ("ok", "warning")
    assert "older than the database: data_product_rating has" in stale.sentence


def test_a_database_that_is_gone_does_not_hide_the_csv(shop: Shop) -> None:
    shop.database.unlink()

    assert _levels(list(checks.check_data(shop.data, shop.url))) == ["ok"]


def test_a_database_that_lost_a_table_does_not_hide_the_csv(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.database)) as connection, connection:
        connection.execute("DROP TABLE data_product_reviews")

    assert _levels(list(checks.check_data(shop.data, shop.url))) == ["ok"]
    assert "error" in _levels(list(checks.check_database(shop.url)))


def test_a_csv_without_its_manifest_is_read_and_the_model_is_stale(shop: Shop) -> None:
    lines = shop.data.read_text(encoding="utf-8").splitlines(keepends=True)
    shop.data.write_text("".join(lines[:-1]), encoding="utf-8")

    (data,) = checks.check_data(shop.data, shop.url)
    _, model = checks.check_model(shop.model, shop.data)

    assert data.level == "warning"
    assert "manifest is missing or of another file" in data.sentence
    assert (model.level, "learnt from another state" in model.sentence) == ("warning", True)


def test_a_broken_csv_is_an_error(shop: Shop) -> None:
    shop.data.write_text("no,columns\n1,2\n")

    (data,) = checks.check_data(shop.data, shop.url)

    assert data.level == "error"
    assert "data-training.csv" in data.sentence


def test_a_model_with_one_wrong_bit_is_an_error(shop: Shop) -> None:
    content = bytearray(shop.model.read_bytes())
    content[len(content) // 2] ^= 1
    shop.model.unlink()
    shop.model.write_bytes(content)

    findings = list(checks.check_model(shop.model, shop.data))

    assert _levels(findings) == ["error"]
    assert "damaged" in findings[0].sentence
    assert findings[0].cure == "Train a new one with: python training.py"


def test_every_section_of_the_settings_is_checked() -> None:
    wrong = {"SELERA_WATCH_POLL_S": Value("-1", "SELERA_WATCH_POLL_S", is_text=True)}

    assert _levels(list(checks.check_settings(Settings({}, {}, {})))) == ["ok"]
    (finding,) = checks.check_settings(Settings({}, wrong, {}))
    assert finding.level == "error"
    assert "watch.poll_s must be a number > 0" in finding.sentence


def test_a_free_port_is_in_order() -> None:
    assert _levels(list(checks.check_port("127.0.0.1", free_port("127.0.0.1")))) == ["ok"]


def test_a_port_of_another_program_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        (finding,) = checks.check_port("127.0.0.1", listener.getsockname()[1])

    assert finding.level == "error"
    assert "is taken by another program" in finding.sentence


def test_a_python_without_venv_is_told_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    python, venv = checks.check_python()

    assert python.sentence.endswith(f"{sys.executable}.")
    assert (venv.level, "python3-venv" in venv.cure) == ("warning", True)


def test_the_python_of_the_tests_is_in_order() -> None:
    (finding,) = checks.check_python()

    assert finding.level == "ok"
    assert os.path.basename(sys.executable) in finding.sentence
