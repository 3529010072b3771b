"""Deletion that is complete: afterwards no file and no table of the shop knows the user."""

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from fnmatch import fnmatch
from pathlib import Path

import msgspec
import pytest

from selera.artifact import open_artifact, verify_artifact
from selera.contracts.epoch import CacheEpoch, epoch_path
from selera.contracts.errors import Busy, DataError, TrainingUnderWay
from selera.contracts.events import Event
from selera.contracts.ids import UNKNOWN_ROW, Id
from selera.contracts.tables import PRODUCT, TABLES
from selera.contracts.zones import find_zone
from selera.database import open_engine
from selera.database.events import EventStore
from selera.database.layout import read_layout
from selera.etl.files import signature
from selera.evaluation import EvaluationConfig
from selera.models import Recommender
from selera.models.erasing import user_row
from selera.pipeline.children import Command
from selera.pipeline.erase import (
    FILES_OF_NOBODY,
    TABLES_OF_NOBODY,
    EraseConfig,
    Places,
    erase,
    erase_in_child,
    register,
    typed_id,
)
from selera.pipeline.etl import etl
from selera.pipeline.holders import LogFiles
from selera.pipeline.locks import exclusive
from selera.pipeline.receipt import Receipt
from selera.pipeline.train import TrainConfig, train
from selera.state import Conversion, Experiments, Exposure, State, hash_of_user
from tests.pipeline.erasable_shop import INTEGER, N_USERS, NAME, TEXT, make_shop, traces
from tests.processes import clean_environment, python, running, selera, wait_until

IDS = pytest.mark.parametrize("user_id", [INTEGER, TEXT], ids=["integer", "text"])
QUICK = TrainConfig(model="popularity", evaluation=EvaluationConfig(n_cuts=1, max_users=20))


def _etl(places: Places) -> None:
    etl(places.database, places.data, places.etl)


def _train(places: Places, model: str = "popularity") -> str:
    config = msgspec.structs.replace(QUICK, model=model)
    return train(places.data, places.model, config, force=True).version


def _removed(receipt: Receipt, holder: str) -> dict[str, int]:
    return next(each.removed for each in receipt.holders if each.holder == holder)


def _problems(receipt: Receipt) -> dict[str, tuple[str, ...]]:
    return {each.holder: each.problems for each in receipt.holders if each.problems}


def _expose(places: Places, user_id: Id) -> None:
    """An experiment that the user took part in, and bought."""
    with State.open(places.state) as state:
        book = Experiments(state)
        book.start("a", "v1", "v2", 0.5)
        user_hash = hash_of_user(user_id)
        book.record_exposures([Exposure("recommendation-1", "a", "control", user_hash, 1)])
        book.record_conversions([Conversion("recommendation-1", "event-1", user_hash, 2)])


def _tell(places: Places, user_id: Id) -> None:
    """An event, which the outbox remembers."""
    engine = open_engine(places.database)
    try:
        with engine.connect() as connection:
            layout = read_layout(connection)
        product: Id = "id-001" if isinstance(user_id, str) else 1
        store = EventStore(engine, layout, find_zone("UTC"))
        (outcome,) = store.write([Event("event-77", "visit", user_id, product)])
        assert outcome.status == "stored", outcome
    finally:
        engine.dispose()


@pytest.fixture(params=[INTEGER, TEXT], ids=["integer", "text"], scope="module")
def lived_in(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A shop in which everything has happened that leaves something behind."""
    user_id: Id = request.param
    folder = tmp_path_factory.mktemp("shop")
    places = make_shop(folder, user_id)
    _tell(places, user_id)
    _etl(places)
    for model in ("svd", "vstan", "blend", "bayes"):
        _train(places, model)
    _expose(places, user_id)
    _leave_something(places)
    settings = {"SELERA_DATABASE": places.database}
    for command in (
        ("evaluate", "--model", "popularity", "--report", "report.html"),
        ("tune", "--model", "rp3beta", "--trials", "1", "--study", "trials.tune"),
        ("recommend", str(user_id)),
        ("doctor",),
    ):
        selera(*command, cwd=folder, environment=settings)
    assert {"report.html", "report.json", "trials.tune"} <= set(os.listdir(folder))
    (folder / "access.log").write_text(f"GET /users/{user_id} 200\nGET /users/1 200\n")
    return places


def _leave_something(places: Places) -> None:
    """What killed writers leave: a scratch folder of the ETL, half a version, half a link."""
    scratch = places.data.parent / f".{places.data.name}-x1y2"
    scratch.mkdir()
    shutil.copy(places.data, scratch / "000000.parquet")
    half = places.model.read_bytes()[:-99]
    (places.model.parent / "models" / ".20250101T000000Z-aaaaaa.pkl.x1.tmp").write_bytes(half)
    (places.model.parent / f".{places.model.name}.tmp").write_bytes(half)


@pytest.fixture
def shop(lived_in: Places, tmp_path: Path) -> Places:
    """A copy of that shop, links among its models kept."""
    folder = tmp_path / "shop"
    subprocess.run(["cp", "-a", str(lived_in.data.parent), str(folder)], check=True)
    return _moved(lived_in, folder)


def _moved(places: Places, folder: Path) -> Places:
    return Places(
        database=f"sqlite:///{folder / 'shop.db'}",
        data=folder / places.data.name,
        model=folder / places.model.name,
        state=folder / places.state.name,
        config=EraseConfig(log_files=(str(folder / "access.log"),)),
    )


def _user_of(places: Places) -> Id:
    """Whose shop it is."""
    return typed_id(TEXT if TEXT.encode() in places.data.read_bytes() else str(INTEGER), places)


@pytest.mark.slow
def test_no_file_knows_the_user_any_more(shop: Places) -> None:
    user_id, folder = _user_of(shop), shop.data.parent
    assert len(list(traces(folder, user_id))) > 10

    receipt = erase(user_id, shop)

    assert _problems(receipt) == {}
    assert receipt.complete
    assert receipt.found
    assert list(traces(folder, user_id)) == []
    assert all(each.finds(user_id) == 0 for each in register(shop))


@pytest.mark.slow
def test_the_receipt_tells_what_went_where_and_what_stays(shop: Places) -> None:
    user_id = _user_of(shop)

    receipt = erase(user_id, shop)

    rows = _removed(receipt, "shop database")
    assert rows["data_user_profile"] == 1
    assert rows["data_product_reviews"] == 3
    assert rows["selera_outbox"] == 1
    assert _removed(receipt, "training data")["data-rejected.csv"] == 1
    assert _removed(receipt, "models")["files"] == 4
    assert _removed(receipt, "models")["sessions"] > 1
    assert _removed(receipt, "experiments") == {"experiments": 1}
    assert _removed(receipt, "leftovers of killed processes") == {"files": 3}
    assert _removed(receipt, "log files") == {"access.log": 1}
    told = "\n".join(receipt.lines())
    assert "until the next training" in told
    assert "Backups" in told
    assert NAME not in told


@pytest.mark.slow
def test_erasing_twice_finds_nothing_the_second_time_and_changes_no_file(shop: Places) -> None:
    user_id = _user_of(shop)
    erase(user_id, shop)
    before = {path: path.read_bytes() for path in shop.data.parent.glob("**/*.[cp][sk][vl]")}

    receipt = erase(user_id, shop)

    assert receipt.complete
    assert not receipt.found
    assert "Nothing was found" in receipt.lines()[-1]
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.slow
def test_models_keep_their_names_their_items_and_all_other_users(shop: Places) -> None:
    user_id = _user_of(shop)
    versions = sorted((shop.model.parent / "models").glob("*.pkl"))
    before = {path: open_artifact(path) for path in versions}

    erase(user_id, shop)

    for path, old in before.items():
        new = verify_artifact(path)
        assert new.metadata == old.metadata
        assert new.run["version"] == old.run["version"]
        assert new.run["erased_users"] == 1
        gone = user_row(old.arrays, user_id)
        assert gone != UNKNOWN_ROW
        model = Recommender.from_parts(new.metadata, new.arrays, new.run)
        model.check()
        was = Recommender.from_parts(old.metadata, old.arrays, old.run)
        assert len(model.users) == len(was.users) - 1
        for row in range(len(was.users)):
            if row != gone:
                now = model.users.row(was.users.id(row))
                kept, wanted = model.histories.take(now, now + 1), was.histories.take(row, row + 1)
                assert kept.items.tolist() == wanted.items.tolist()
    assert shop.model.samefile(versions[-1])


@pytest.mark.slow
def test_no_other_array_of_a_model_has_a_line_for_each_user(lived_in: Places) -> None:
    for path in (lived_in.model.parent / "models").glob("*.pkl"):
        arrays = open_artifact(path).arrays
        n_users = len(arrays["users.order"])
        assert n_users == N_USERS

        by_user = {
            name for name, array in arrays.items() if {n_users, n_users + 1} & set(array.shape)
        }

        known = {"users.order", "users.ids", "users.offsets", "users.histories.indptr"}
        assert {name for name in by_user - known if not name.endswith("user_sessions")} == set()


@pytest.mark.slow
def test_every_file_and_table_is_on_the_register(lived_in: Places) -> None:
    folder = lived_in.data.parent
    asked_for = {"report.html", "report.json", "trials.tune"}  # they hold no user, see above
    holders = register(lived_in)
    claimed = {path.resolve() for holder in holders for path in holder.files()}
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in asked_for]

    strangers = [
        path.name
        for path in files
        if path.resolve() not in claimed
        and not any(fnmatch(path.name, pattern) for pattern in FILES_OF_NOBODY)
    ]

    assert strangers == []
    tables = {name for holder in holders for name in holder.tables} | set(TABLES_OF_NOBODY)
    for database in (folder / "shop.db", lived_in.state):
        assert _tables(database) - tables == set()


def _tables(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    connection.close()
    return {name for (name,) in found if not name.startswith("sqlite_")}


@IDS
def test_the_csv_is_what_the_etl_writes_without_the_user(tmp_path: Path, user_id: Id) -> None:
    places = make_shop(tmp_path, user_id, n_users=9)
    _etl(places)

    receipt = erase(user_id, places)

    assert receipt.complete
    assert _removed(receipt, "training data")["data-training.csv"] > 20
    files = [path for path in tmp_path.iterdir() if path.name.startswith("data-")]
    written = {path.name: path.read_bytes() for path in files}
    assert len(written) == 3
    for path in files:
        path.unlink()
    _etl(places)
    for name in ("data-training.csv", "data-rejected.csv"):
        assert (tmp_path / name).read_bytes() == written[name]
    assert list(traces(tmp_path, user_id)) == []


@pytest.mark.slow
def test_servers_and_files_alike_forget_the_user(database_url: str, tmp_path: Path) -> None:
    places = make_shop(tmp_path, TEXT, n_users=9, url=database_url)
    _tell(places, TEXT)
    _etl(places)

    receipt = erase(TEXT, places)

    assert _problems(receipt) == {}
    assert set(_removed(receipt, "shop database")) == {
        *(table.name for table in TABLES if table is not PRODUCT),
        "selera_outbox",
    }
    assert not erase(TEXT, places).found
    assert list(traces(tmp_path, TEXT)) == []


def test_whoever_is_unknown_changes_nothing_and_is_no_error(tmp_path: Path) -> None:
    places = make_shop(tmp_path, TEXT, n_users=9)
    _etl(places)
    before = signature(places.data)

    receipt = erase("nobody-at-all", places)

    assert (receipt.found, receipt.complete) == (False, True)
    assert signature(places.data) == before
    assert not places.state.exists()


def test_an_integer_shop_knows_no_text_and_a_person_writes_integers(tmp_path: Path) -> None:
    places = make_shop(tmp_path, INTEGER, n_users=3)

    assert typed_id(str(INTEGER), places) == INTEGER
    assert typed_id("0" + str(INTEGER), places) == f"0{INTEGER}"
    assert not erase(f"0{INTEGER}", places).found


def test_a_database_that_is_away_is_told_and_the_rest_is_cleaned(tmp_path: Path) -> None:
    places = make_shop(tmp_path, TEXT, n_users=9)
    _etl(places)
    (tmp_path / "access.log").write_text(f"GET /recommend/{TEXT} 200\n")
    _expose(places, TEXT)
    (tmp_path / "shop.db").rename(tmp_path / "elsewhere.db")

    receipt = erase(TEXT, places)

    assert not receipt.complete
    assert receipt.found
    assert set(_problems(receipt)) == {"shop database", "training data"}
    assert _removed(receipt, "experiments") == {"experiments": 1}
    assert (tmp_path / "access.log").read_text() == ""
    (tmp_path / "elsewhere.db").rename(tmp_path / "shop.db")
    assert erase(TEXT, places).complete
    assert list(traces(tmp_path, TEXT)) == []


def test_who_keeps_copies_from_being_removed_is_told_and_it_can_be_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while somebody copies the databases: both have a reader for a long time."""
    monkeypatch.setattr("selera.database.drivers.BUSY_TIMEOUT_S", 0.1)
    monkeypatch.setattr("selera.state.engine.BUSY_TIMEOUT_S", 0.1)
    places = make_shop(tmp_path, TEXT, n_users=9)
    _expose(places, TEXT)
    with (
        closing(sqlite3.connect(tmp_path / "shop.db")) as copier,
        closing(sqlite3.connect(places.state)) as other,
    ):
        for each in (copier, other):
            each.execute("BEGIN")
            each.execute("SELECT count(*) FROM sqlite_master").fetchall()

        first, second = erase(TEXT, places), erase(TEXT, places)

    assert (first.found, first.complete) == (True, False)
    assert _removed(first, "shop database")["data_user_profile"] == 1
    assert _removed(first, "experiments") == {"experiments": 1}
    assert (second.found, second.complete) == (False, False)
    for each in (first, second):
        (of_shop,), (of_state,) = _problems(each).values()
        assert "shop.db-wal still holds copies" in of_shop
        assert f"{places.state.name}-wal still holds copies" in of_state
    assert erase(TEXT, places).complete
    assert list(traces(tmp_path, TEXT)) == []


def test_a_large_file_is_not_written_anew_while_a_request_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("selera.database.erasing.QUICKLY_REWRITTEN_BYTES", 4096)
    places = make_shop(tmp_path, TEXT, n_users=30)

    receipt = erase(TEXT, places, patience_s=1)

    assert (receipt.found, receipt.complete) == (True, False)
    assert "without --patience: selera erase" in _problems(receipt)["shop database"][0]
    assert erase(TEXT, places).complete
    assert list(traces(tmp_path, TEXT)) == []


@pytest.mark.slow
def test_a_damaged_model_is_told_and_the_others_are_cleaned(tmp_path: Path) -> None:
    places = make_shop(tmp_path, TEXT)
    _etl(places)
    version = _train(places)
    damaged = tmp_path / "models" / "20200101T000000Z-000000.pkl"
    damaged.write_bytes(places.model.read_bytes()[:5000])

    receipt = erase(TEXT, places)

    (problem,) = _problems(receipt)["models"]
    assert damaged.name in problem
    assert "delete it" in problem
    assert user_row(open_artifact(places.model).arrays, TEXT) == UNKNOWN_ROW
    assert places.model.samefile(tmp_path / "models" / f"{version}.pkl")
    damaged.unlink()
    assert erase(TEXT, places).complete


@pytest.mark.slow
def test_published_files_without_a_version_and_of_other_names_are_cleaned(tmp_path: Path) -> None:
    places = make_shop(tmp_path, TEXT)
    _etl(places)
    _train(places)
    os.link(places.model, tmp_path / "second.pkl")
    shutil.copy(places.model, tmp_path / "copy.pkl")
    shutil.rmtree(tmp_path / "models")

    assert erase(TEXT, places).complete

    assert list(traces(tmp_path, TEXT)) == []


@pytest.mark.slow
def test_a_training_under_way_does_not_bring_the_user_back(tmp_path: Path) -> None:
    """It holds its lock, has read the old CSV, and publishes after the erasure has begun."""
    places = make_shop(tmp_path, TEXT)
    _etl(places)
    _train(places)
    old = tmp_path / "old.csv"
    shutil.copy(places.data, old)
    receipts: list[Receipt] = []
    said: list[str] = []
    eraser = threading.Thread(
        target=lambda: receipts.append(erase(TEXT, places, lambda stage, *_: said.append(stage)))
    )

    with exclusive(places.model, "training", wait=False):
        eraser.start()
        wait_until(lambda: TEXT.encode() not in places.data.read_bytes(), "a new CSV")
        wait_until(lambda: user_row(open_artifact(places.model).arrays, TEXT) < 0, "a first pass")
        assert eraser.is_alive()
        wait_until(lambda: "waiting for the training" in said[-1], "a word on what it waits for")
        # What the training publishes: under another lock file, as it holds that of its output.
        train(old, tmp_path / "late.pkl", QUICK)
        assert user_row(open_artifact(tmp_path / "late.pkl").arrays, TEXT) >= 0
        old.unlink()
    eraser.join(30)

    assert receipts[0].complete
    for path in [*tmp_path.glob("*.pkl"), *(tmp_path / "models").glob("*.pkl")]:
        assert user_row(open_artifact(path).arrays, TEXT) == UNKNOWN_ROW


@pytest.mark.slow
def test_a_real_training_and_an_erasure_end_both_and_the_user_is_gone(tmp_path: Path) -> None:
    places = make_shop(tmp_path, TEXT)
    _etl(places)
    arguments = ["-m", "selera", "train", "--model", "vstan", "--force"]
    with running(arguments, cwd=tmp_path, log=tmp_path / "log") as training:
        wait_until(lambda: _is_held(places.model), "the lock of the training")

        receipt = erase(TEXT, places)

        assert training.wait(300) == 0, (tmp_path / "log").read_text()
    assert receipt.complete
    assert all(each.finds(TEXT) == 0 for each in register(places))
    assert list(traces(tmp_path, TEXT)) == []


def _is_held(model: Path) -> bool:
    try:
        with exclusive(model, "training", wait=False):
            return False
    except Busy:
        return True


@pytest.mark.slow
def test_a_training_that_is_not_awaited_is_told(tmp_path: Path) -> None:
    places = make_shop(tmp_path, TEXT)
    _etl(places)
    _train(places)

    with exclusive(places.model, "training", wait=False):
        receipt = erase(TEXT, places, wait=False)

    (problem,) = _problems(receipt)["models"]
    assert "training is under way" in problem
    assert user_row(open_artifact(places.model).arrays, TEXT) == UNKNOWN_ROW
    assert erase(TEXT, places, wait=False).complete


def test_an_erasure_that_has_no_patience_left_has_erased_nothing(tmp_path: Path) -> None:
    places = make_shop(tmp_path, TEXT, n_users=9)
    _etl(places)
    before = (tmp_path / "shop.db").read_bytes(), signature(places.data)
    said: list[str] = []

    def note(stage: str, done: int, total: int | None) -> None:
        said.append(stage)

    for output, work in ((places.model, "training"), (places.data, "ETL")):
        with (
            exclusive(output, work, wait=False),
            pytest.raises(TrainingUnderWay, match=r"within 0.1 s. Nothing was erased. Try again"),
        ):
            erase(TEXT, places, note, patience_s=0.1)

    assert said == [
        "waiting for the training that is writing system-recomendation.pkl",
        "waiting for the ETL that is writing data-training.csv",
    ]
    assert ((tmp_path / "shop.db").read_bytes(), signature(places.data)) == before
    assert erase(TEXT, places, patience_s=0.1).complete
    assert list(traces(tmp_path, TEXT)) == []


def test_an_erasure_with_patience_needs_no_folder_of_the_csv(tmp_path: Path) -> None:
    """As where a machine answers requests, and another one runs the ETL."""
    places = make_shop(tmp_path, TEXT, n_users=9)
    away = msgspec.structs.replace(places, data=tmp_path / "away" / "data-training.csv")

    assert erase(TEXT, away, patience_s=1).complete
    assert list(traces(tmp_path, TEXT)) == []


@pytest.mark.slow
def test_an_erasure_with_patience_keeps_trainings_away_until_its_end(tmp_path: Path) -> None:
    places = make_shop(tmp_path, TEXT)
    _etl(places)
    _train(places)
    held: list[bool] = []

    receipt = erase(TEXT, places, lambda *_: held.append(_is_held(places.model)), patience_s=5)

    assert receipt.complete
    assert len(held) > 5
    assert all(held)
    assert not _is_held(places.model)
    assert list(traces(tmp_path, TEXT)) == []


def test_who_keeps_histories_in_memory_is_told_to_forget(tmp_path: Path) -> None:
    places = make_shop(tmp_path, TEXT, n_users=3)
    epoch = CacheEpoch(epoch_path(places.state))
    assert not epoch.has_changed()

    erase(TEXT, places)

    assert epoch.has_changed()
    assert not epoch.has_changed()


@pytest.mark.parametrize(
    ("user_id", "line", "is_named"),
    [
        (7, "GET /users/7 200", True),
        (7, "GET /recommend/7?limit=3", True),
        (7, 'told {"user_id": 7, "n": 1}', True),
        (7, "GET /recommend?user_id=7&limit=3", True),
        (7, "GET /users/77 200 in 7 ms", False),
        (7, "14:07:07 7 users asked 7 times", False),
        ("ann", "ann came", True),
        ("ann", "annabel came, joann left", False),
        ("a b/c", "GET /recommend/a%20b%2Fc 200", True),
        ("a.c", "GET /users/abc", False),
        ("é", "GET /users/%c3%a9", True),
    ],
)
def test_a_line_names_a_user_or_does_not(
    tmp_path: Path, user_id: Id, line: str, is_named: bool
) -> None:
    log = tmp_path / "access.log"
    log.write_text(f"first\n{line}\nlast\n", encoding="utf-8")
    inode = log.stat().st_ino

    LogFiles((log, tmp_path / "none.log")).erase(user_id, known=False)

    kept = "first\nlast\n" if is_named else f"first\n{line}\nlast\n"
    assert log.read_text(encoding="utf-8") == kept
    assert log.stat().st_ino == inode


ERASER = """
import resource, signal, sys
from pathlib import Path
from selera.pipeline.erase import Places, erase
import selera.pipeline.etl
if sys.argv[2] != "all":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
folder = Path(sys.argv[1])
files = (folder / name for name in ("data-training.csv", "system-recomendation.pkl", "state.db"))
print("ready", file=sys.stderr, flush=True)
receipt = erase("erase-me-7f3a", Places(f"sqlite:///{folder / 'shop.db'}", *files))
print(receipt.complete, [each.holder for each in receipt.holders if each.problems])
"""


def _whole(places: Places) -> None:
    """The CSV is what its manifest says, and every model can be read to its last bit."""
    for path in (places.model, *(places.model.parent / "models").glob("*.pkl")):
        verify_artifact(path)
    assert places.data.read_bytes().endswith(b"\n")


@pytest.mark.slow
@pytest.mark.parametrize("limit_bytes", [4_000, 30_000, 60_000])
def test_a_full_disk_leaves_whole_files_and_is_told(tmp_path: Path, limit_bytes: int) -> None:
    places = make_shop(tmp_path, TEXT)
    _etl(places)
    _train(places)

    done = python("-c", ERASER, str(tmp_path), str(limit_bytes), cwd=Path(__file__).parents[2])

    assert "Traceback" not in done.stderr, done.stderr
    assert "False" in done.stdout
    assert "training data" in done.stdout
    _whole(places)
    assert erase(TEXT, places).complete
    assert list(traces(tmp_path, TEXT)) == []


@pytest.mark.slow
def test_an_erasure_that_is_killed_anywhere_can_be_done_again(tmp_path: Path) -> None:
    original = tmp_path / "original"
    original.mkdir()
    places = make_shop(original, TEXT)
    _etl(places)
    _train(places)
    for round_ in range(6):
        folder = tmp_path / str(round_)
        subprocess.run(["cp", "-a", str(original), str(folder)], check=True)
        eraser = subprocess.Popen(
            [sys.executable, "-c", ERASER, str(folder), "all"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        with eraser:
            assert eraser.stderr is not None
            assert eraser.stderr.readline() == b"ready\n"
            time.sleep(0.06 * round_)
            eraser.kill()
        here = _moved(places, folder)
        _whole(here)
        assert erase(TEXT, here).complete
        assert list(traces(folder, TEXT)) == []
        _whole(here)


@pytest.mark.slow
def test_the_command_asks_first_and_tells_a_program_by_json(tmp_path: Path) -> None:
    places = make_shop(tmp_path, TEXT, n_users=9)
    _etl(places)

    unsure = selera("erase", TEXT, cwd=tmp_path)
    assert unsure.returncode == 2
    assert "--yes" in unsure.stderr
    sure = selera("erase", TEXT, "--yes", "--json", cwd=tmp_path)
    again = selera("erase", TEXT, "--yes", cwd=tmp_path)
    lost = selera("erase", TEXT, "--yes", "--database", "sqlite:///none.db", cwd=tmp_path)

    assert sure.returncode == 0, sure.stderr
    receipt = msgspec.json.decode(sure.stdout, type=Receipt)
    assert (receipt.user_id, receipt.found, receipt.complete) == (TEXT, True, True)
    assert again.returncode == 0
    assert f"Nothing was found of the user {TEXT}" in again.stdout
    assert lost.returncode == 1
    assert "There is no database" in lost.stdout


@pytest.mark.slow
def test_an_api_erases_in_a_child_and_gets_the_receipt(tmp_path: Path) -> None:
    places = make_shop(tmp_path, INTEGER, n_users=9)
    _etl(places)
    environment = clean_environment(
        SELERA_DATABASE=places.database,
        SELERA_DATA_FILE=str(places.data),
        SELERA_MODEL_FILE=str(places.model),
        SELERA_STATE_FILE=str(places.state),
    )
    selera_ = [sys.executable, "-m", "selera", "--stop-with-parent"]

    receipt = erase_in_child(
        Command([*selera_, "erase", "--yes", "--json", "--", str(INTEGER)], environment),
        threading.Event(),
    )

    assert (receipt.user_id, receipt.found, receipt.complete) == (INTEGER, True, True)
    with pytest.raises(DataError, match="without a receipt"):
        erase_in_child(
            Command([*selera_, "erase", "--no-such-flag"], environment), threading.Event()
        )


@pytest.mark.slow
def test_importing_it_loads_nothing_that_an_api_may_not() -> None:
    done = python(
        "-c",
        "import sys, selera.pipeline.erase\n"
        "print({'polars', 'numba', 'scipy', 'alembic', 'optuna'} & set(sys.modules))",
        cwd=Path(__file__).parents[2],
    )

    assert done.stdout.strip() == "set()"
