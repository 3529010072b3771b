"""Killed at random moments, and without room on the disk: what was published stays whole.

SELERA_TEST_KILLS is how often each program is killed (12 unless given, 50 at most). Half of the
kills fall anywhere in a run; the other half within milliseconds of the first new file, where a
program that writes carelessly would be caught.
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from selera.artifact import verify_artifact
from selera.etl import load_training_csv
from selera.etl.files import OutputPaths, sha256_of
from selera.etl.manifest import read_manifest
from selera.pipeline.versions import list_versions
from selera.serving.slot import ModelSlot
from selera.state import Decisions, State
from tests.processes import clean_environment, python, selera
from tests.small_shop import write_training_csv

pytestmark = pytest.mark.slow

ROUNDS = min(50, int(os.environ.get("SELERA_TEST_KILLS", "12")))

LIMITED = """
import resource, runpy, sys
most = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
sys.argv = ["selera", *sys.argv[2:]]
runpy.run_module("selera", run_name="__main__")
"""


def files_in(*folders: Path) -> set[Path]:
    """Everything there, the hidden and the half-written included."""
    return {path for folder in folders if folder.exists() for path in folder.iterdir()}


def killed(command: list[str], folder: Path, seconds: float, rng: random.Random) -> bool:
    """Run a command and kill it at a random moment; whether it was still at work then."""
    before = files_in(folder, folder / "models")
    process = subprocess.Popen(
        [sys.executable, "-m", "selera", *command],
        cwd=folder,
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    started = time.monotonic()
    if rng.random() < 0.5:
        time.sleep(rng.uniform(0, seconds))
    else:
        watched = (folder, folder / "models")
        while process.poll() is None and not is_writing(files_in(*watched) - before):
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.02))
    assert time.monotonic() - started < 120
    was_running = process.poll() is None
    process.kill()
    process.wait()
    return was_running


def is_writing(new: set[Path]) -> bool:
    """Whether one of the new files is none of those that only say that somebody is at work."""
    return any(".lock" not in path.name and "-state" not in path.name for path in new)


def seconds_of(run: Callable[[], subprocess.CompletedProcess[str]]) -> float:
    started = time.monotonic()
    done = run()
    assert done.returncode == 0, done.stderr
    return time.monotonic() - started


def test_a_training_that_is_killed_leaves_a_servable_model(tmp_path: Path) -> None:
    rng = random.Random(1)
    data, output = tmp_path / "data-training.csv", tmp_path / "system-recomendation.pkl"
    command = ["train", "--model", "svd"]
    write_training_csv(data)
    seconds_of(lambda: selera(*command, cwd=tmp_path))
    write_training_csv(data, stars=4.0)
    seconds = seconds_of(lambda: selera(*command, cwd=tmp_path))
    n_killed = 0
    for turn in range(ROUNDS):
        write_training_csv(data, stars=4.0 + turn % 2, n_users=40 + turn)
        n_killed += killed(command, tmp_path, seconds, rng)

        version = verify_artifact(output).run["version"]
        assert ModelSlot(output).current().version == version
        with State.open(tmp_path / "selera-state.db") as state:
            found = list_versions(output, Decisions(state))
        assert [each.version for each in found if each.published] == [version]
        assert [each.problem for each in found if each.problem] == []

    assert n_killed >= ROUNDS // 2
    write_training_csv(data, n_users=41 + ROUNDS)
    assert selera(*command, cwd=tmp_path).returncode == 0
    assert [path for path in files_in(tmp_path / "models") if path.suffix != ".pkl"] == []


def test_an_etl_that_is_killed_leaves_a_whole_csv(tmp_path: Path) -> None:
    rng = random.Random(2)
    data = tmp_path / "data-training.csv"
    seed = selera("seed", "--users", "400", "--products", "100", cwd=tmp_path)
    assert seed.returncode == 0, seed.stderr
    seconds = seconds_of(lambda: selera("etl", cwd=tmp_path))
    known = {load_training_csv(data).n_rows}
    n_killed = 0
    for turn in range(ROUNDS):
        buy(tmp_path / "shop.db", turn)
        known.add(max(known) + 1)
        n_killed += killed(["etl"], tmp_path, seconds, rng)

        loaded = load_training_csv(data)
        assert loaded.n_rows in known
        assert data.read_bytes().endswith(b"\n")

    assert n_killed >= ROUNDS // 2
    assert selera("etl", cwd=tmp_path).returncode == 0
    assert load_training_csv(data).n_rows == max(known)
    assert read_manifest(OutputPaths.beside(data).manifest, sha256_of(data)) is not None
    assert [
        path.name for path in files_in(tmp_path) if path.name.startswith(f".{data.name}-")
    ] == []


def buy(database: Path, turn: int) -> None:
    """One purchase more."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO data_product_transaction_buy"
            " (user_id, product_id, transaction_value, transaction_date)"
            " VALUES (1, ?, 10, '2026-06-30')",
            (1 + turn,),
        )


def limited(folder: Path, most_bytes: int, *command: str) -> subprocess.CompletedProcess[str]:
    """A command whose files may not grow beyond `most_bytes`."""
    return python("-c", LIMITED, str(most_bytes), *command, cwd=folder)


def assert_told(done: subprocess.CompletedProcess[str], reason: str) -> None:
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("Error: ")
    assert reason in last
    assert "Traceback" not in done.stderr


def test_a_model_that_finds_no_room_leaves_the_old_one(tmp_path: Path) -> None:
    data, output = tmp_path / "data-training.csv", tmp_path / "system-recomendation.pkl"
    write_training_csv(data)
    command = ["train", "--model", "popularity", "--force"]
    assert selera(*command, cwd=tmp_path).returncode == 0
    before, files = output.read_bytes(), files_in(tmp_path / "models")
    write_training_csv(data, n_users=4000)

    done = limited(tmp_path, 600_000, *command)

    assert_told(done, "File too large")
    assert output.read_bytes() == before
    assert files_in(tmp_path / "models") == files
    assert selera(*command, cwd=tmp_path).returncode == 0
    assert output.stat().st_size > 600_000


def test_a_csv_that_finds_no_room_leaves_the_old_one(tmp_path: Path) -> None:
    data = tmp_path / "data-training.csv"
    assert selera("seed", "--users", "400", "--products", "100", cwd=tmp_path).returncode == 0
    assert selera("etl", cwd=tmp_path).returncode == 0
    buy(tmp_path / "shop.db", 0)
    before, files = data.read_bytes(), files_in(tmp_path)

    done = limited(tmp_path, 500_000, "etl")

    assert_told(done, "File too large")
    assert data.read_bytes() == before
    assert files_in(tmp_path) == files


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    options = ["-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if subprocess.run([mount, *options], check=False, capture_output=True).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path) -> None:
    """Leave no room at all."""
    with (folder / "more ballast").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass


def test_a_full_disk_leaves_the_old_files(tmp_path: Path, small_disk: Path) -> None:
    data, output = small_disk / "data-training.csv", small_disk / "model.pkl"
    assert selera("seed", "--users", "60", "--products", "60", cwd=tmp_path).returncode == 0
    files = ["--state", str(tmp_path / "state.db")]
    etl = ["etl", "--output", str(data)]
    train = ["train", "--model", "popularity", "--force", "--output", str(output), *files]
    assert selera(*etl, cwd=tmp_path).returncode == 0
    assert selera(*train, "--data", str(data), cwd=tmp_path).returncode == 0
    before = data.read_bytes(), output.read_bytes()
    (tmp_path / "shop.db").unlink()
    assert selera("seed", "--users", "1000", "--products", "60", cwd=tmp_path).returncode == 0
    assert selera("etl", "--output", "large.csv", cwd=tmp_path).returncode == 0
    (small_disk / "ballast").write_bytes(b"x" * 2_000_000)

    assert_told(selera(*etl, cwd=tmp_path), "No space left on device")
    fill(small_disk)
    assert_told(selera(*train, "--data", "large.csv", cwd=tmp_path), "No space left on device")

    assert (data.read_bytes(), output.read_bytes()) == before
    assert ModelSlot(output).current().version
    assert load_training_csv(data).n_rows
