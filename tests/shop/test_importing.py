"""Importers, on invented files in the shape of each data set, and on the real ones."""

import gzip
import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from selera.contracts.errors import ConfigError, DataError, SeedRefused
from selera.contracts.tables import BUY, PRODUCT, RATING, USER_PROFILE, VISIT, Table
from selera.database import Shop, snapshot
from selera.shop import IMPORTERS, import_dataset
from tests.shops import opened

REAL_DATA = Path(os.environ.get("SELERA_DATA", Path(__file__).parents[2] / "../shared/data"))


def _write(folder: Path, files: dict[str, str], encoding: str = "utf-8") -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        data = text.encode(encoding)
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder


def _rows(url: str, table: Table) -> list[dict[str, Any]]:
    with opened(url) as engine, snapshot(engine) as moment:
        names = moment.columns(table)
        rows = [row for batch in moment.batches(table) for row in batch]
    return [
        {name: value for name, value in zip(names, row, strict=True) if value is not None}
        for row in rows
    ]


@pytest.fixture
def films(tmp_path: Path) -> Path:
    flags = {"7": "|".join("0" * 19), "8": "|".join("00110" + "0" * 14)}
    return _write(
        tmp_path / "films",
        {
            "u.data": "5\t8\t4\t881250949\n5\t7\t1\t0\n",
            "u.user": "5|24|F|baker|00501\n6|30|M|clown|T8H1N\n",
            "u.item": f'7|Café "x|01-Feb-1995||http://x|{flags["7"]}\n8|Two||||{flags["8"]}\n',
            "u.genre": "unknown|0\n" + "".join(f"Genre{n}|{n}\n" for n in range(1, 19)) + "\n",
        },
        "latin-1",
    )


def test_movielens_has_stars_people_and_genres(films: Path, database_url: str) -> None:
    told: list[tuple[int, int | None]] = []
    counts = import_dataset(
        "ml-100k",
        films,
        database_url,
        overwrite=False,
        progress=lambda _, done, total: told.append((done, total)),
    )
    assert sum(counts.values()) == 6
    assert told[-1] == (6, 6)
    with closing(Shop.open(database_url)) as shop:
        profile = shop.profile(5)
        products = shop.products([7, 8])
        history = {(row.product_id, row.value, row.timestamp) for row in shop.history(5)}
    assert profile is not None
    assert (profile["name"], profile["age"], profile["location"]) == (None, 24, "00501")
    assert products[7]["product_name"] == 'Café "x'
    assert products[7]["category"] is None
    assert str(_rows(database_url, PRODUCT)[0]["created_at"]).startswith("1995-02-01")
    assert (products[8]["category"], products[8]["tag"]) == ("Genre2", "Genre2, Genre3")
    assert products[8]["price"] is None
    assert history == {(8, 4.0, 881250949), (7, 1.0, 0)}


def test_retailrocket_has_visits_and_purchases_of_unknown_value(
    tmp_path: Path, database_url: str
) -> None:
    folder = _write(
        tmp_path / "rocket",
        {
            "events_train.csv": "user,item,behavior,timestamp\n"
            "1,9,view,60\n1,9,cart,61\n1,9,buy,62\n"
        },
    )
    import_dataset("retailrocket", folder, database_url, overwrite=False)
    visits, (buy,) = _rows(database_url, VISIT), _rows(database_url, BUY)
    assert [row["visit_count"] for row in visits] == [1, 1]
    assert buy.keys() == {"transaction_id", "user_id", "product_id", "transaction_date"}
    with closing(Shop.open(database_url)) as shop:
        behaviors = sorted((row.timestamp, row.behavior) for row in shop.history(1))
    assert behaviors == [(60, "visit"), (61, "visit"), (62, "buy")]


def test_online_retail_keeps_cancelled_and_nameless_lines(
    tmp_path: Path, database_url: str
) -> None:
    head = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    lines = (
        '1,007A,"MUG, RED ",6,2010-12-01 08:26:00,2.5,17,France\n'
        '2,007A,"MUG, RED ",1,2010-12-02 08:26:00,2.75,17,Belgium\n'
        "C3,007A,damaged,-1,2010-12-03 08:26:00,2.75,17,Belgium\n"
        "4,7,,2,2010-12-03 08:26:00,0.0,,France\n"
    )
    folder = _write(tmp_path / "retail", {"online_retail.csv.gz": head + lines})
    import_dataset("online-retail", folder, database_url, overwrite=False)
    buys = _rows(database_url, BUY)
    assert [row["quantity"] for row in buys] == [6, 1, -1, 2]
    assert [float(row["transaction_value"]) for row in buys] == [15.0, 2.75, -2.75, 0.0]
    assert "user_id" not in buys[3]
    with closing(Shop.open(database_url)) as shop:
        assert (shop.user_id_kind, shop.product_id_kind) == ("int", "str")
        products = shop.products(["007A", "7"])
        profile = shop.profile(17)
        assert [row.value for row in shop.history(17)] == [6.0, 1.0]
    assert products["007A"]["product_name"] == "MUG, RED"
    assert (products["007A"]["price"], products["007A"]["currency"]) == (2.75, "GBP")
    assert products["7"]["product_name"] is None
    assert profile is not None
    assert profile["location"] == "Belgium"


def test_complete_journey_has_households_and_departments(tmp_path: Path, database_url: str) -> None:
    folder = _write(
        tmp_path / "journey",
        {
            "demographics.csv": "household_id,age\n1,65+\n2,NA\n",
            "products.csv.gz": "product_id,manufacturer_id,department,brand,product_category,"
            "product_type,package_size\n9e+05,2,GROCERY,National,ICE,CUBED,22 LB\n5,2,TOYS,,,,\n",
            "transactions_sample.csv.gz": "household_id,product_id,quantity,sales_value,"
            "transaction_timestamp\n1,900000,2.0,3.86,2017-01-28 19:06:53\n"
            "3,5,1.0,1.0,2017-01-28 19:06:53\n",
        },
    )
    import_dataset("complete-journey", folder, database_url, overwrite=False)
    assert _rows(database_url, USER_PROFILE) == [
        {"user_id": 1, "age": 65},
        {"user_id": 2},
        {"user_id": 3},
    ]
    with closing(Shop.open(database_url)) as shop:
        products = shop.products([900_000, 5])
        assert [row.value for row in shop.history(1)] == [2.0]
    assert products[900_000]["product_name"] == "CUBED 22 LB"
    assert products[900_000]["category"] == "ICE"
    assert (products[5]["product_name"], products[5]["tag"]) == (None, "TOYS")


def test_an_unknown_data_set_is_refused_with_the_known_names(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'netflix'. Choose one of ml-100k, retailrocket"):
        import_dataset("netflix", tmp_path, "sqlite:///unused.db", overwrite=False)


@pytest.mark.parametrize("name", IMPORTERS)
def test_a_missing_folder_or_file_is_named_before_anything_is_written(
    name: str, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    with pytest.raises(DataError, match="no folder .*nowhere"):
        import_dataset(name, tmp_path / "nowhere", url, overwrite=True)
    with pytest.raises(DataError, match=f"folder {tmp_path} has no file"):
        import_dataset(name, tmp_path, url, overwrite=True)
    assert not (tmp_path / "shop.db").exists()


def test_a_broken_file_is_named_and_nothing_is_overwritten(films: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    import_dataset("ml-100k", films, url, overwrite=False)
    (films / "u.data").write_text("one\ttwo\tthree\tfour\n")
    with pytest.raises(DataError, match="u.data cannot be read"):
        import_dataset("ml-100k", films, url, overwrite=True)
    assert len(_rows(url, RATING)) == 2


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("u.data", "5\t8\t4\t881250949\n5\t7\t1", r"u\.data:2 has 3 fields instead of 4\. "),
        ("u.item", "7|Café\n", r"u\.item:1 has 2 fields instead of 24\. "),
        ("u.user", "5|24|F|baker|00501\n6|30", r"u\.user:2 has 2 fields instead of 5\. "),
        ("u.data", "one\ttwo\tthree\tfour\n", r"could not parse .*[^.]\. Get the file anew\.$"),
    ],
)
def test_a_file_that_was_cut_is_told_with_its_line(
    films: Path, name: str, content: str, message: str
) -> None:
    (films / name).write_text(content, encoding="latin-1")
    with pytest.raises(DataError, match=message) as caught:
        import_dataset("ml-100k", films, "sqlite:///unused.db", overwrite=False)
    assert "missing_columns" not in str(caught.value)


def test_a_packed_file_that_was_cut_is_told(tmp_path: Path) -> None:
    header = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
    line = '1,85123A,"A ""T"", light",6,2010-12-01 08:26:00,2.55,17850,Japan\n'
    folder = _write(tmp_path / "retail", {"online_retail.csv.gz": header + line + line[:12]})
    with pytest.raises(DataError, match=r"online_retail\.csv\.gz:3 has 3 fields instead of 8\. "):
        import_dataset("online-retail", folder, "sqlite:///unused.db", overwrite=False)
    path = folder / "online_retail.csv.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"online_retail\.csv\.gz cannot be read: .*[^.]\. Get"):
        import_dataset("online-retail", folder, "sqlite:///unused.db", overwrite=False)


def test_an_import_refuses_to_overwrite_unless_told_to(films: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    import_dataset("ml-100k", films, url, overwrite=False)
    with pytest.raises(SeedRefused, match="--overwrite"):
        import_dataset("ml-100k", films, url, overwrite=False)
    import_dataset("ml-100k", films, url, overwrite=True)
    assert len(_rows(url, RATING)) == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ml-100k", (943, 1_682, 0, 0, 100_000, 0)),
        ("retailrocket", (2_174, 29_905, 87_830, 9_551, 0, 0)),
        ("online-retail", (4_372, 4_070, 0, 541_909, 0, 0)),
        ("complete-journey", (2_377, 92_331, 0, 75_000, 0, 0)),
    ],
)
@pytest.mark.slow
def test_the_real_data_set_is_read_to_its_last_row(
    name: str, expected: tuple[int, ...], tmp_path: Path
) -> None:
    folder = REAL_DATA / name
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there; SELERA_DATA may name the folder of the data sets")
    counts = import_dataset(name, folder, f"sqlite:///{tmp_path}/shop.db", overwrite=False)
    assert tuple(counts.values()) == expected
