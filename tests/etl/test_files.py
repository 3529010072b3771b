from __future__ import annotations

import gc
import hashlib
import os
from pathlib import Path

import pytest
from filelock import FileLock

from selera.contracts.errors import DataError
from selera.contracts.tables import RATING
from selera.etl.files import OutputPaths, scratch_folder, sha256_of, signature
from selera.etl.manifest import read_manifest
from selera.etl.overlap import OneBehind, paused_garbage_collection

from .tiny import etl, make_shop, transform

SHOP = {RATING: [(1, 1, 10, 5, None), (2, 1, 10, None, None)]}


def test_a_rewrite_of_equal_size_changes_the_signature(tmp_path: Path) -> None:
    file, other = tmp_path / "file", tmp_path / "other"
    assert signature(file) is None
    file.write_bytes(b"one")
    before = signature(file)
    other.write_bytes(b"two")
    os.replace(other, file)
    assert signature(file) != before


def test_the_three_files_stand_beside_each_other(tmp_path: Path) -> None:
    etl(tmp_path, SHOP)
    names = {path.name for path in tmp_path.iterdir()}
    assert names - {"shop.db"} == {
        "data-training.csv",
        "data-rejected.csv",
        "data-training.manifest.json",
    }
    assert OutputPaths.beside(Path("a/shop.csv")) == (
        Path("a/shop.csv"),
        Path("a/shop-rejected.csv"),
        Path("a/shop.manifest.json"),
    )


def test_the_manifest_belongs_to_the_csv(tmp_path: Path) -> None:
    report = etl(tmp_path, SHOP)
    csv = tmp_path / "data-training.csv"
    assert report.sha256 == hashlib.sha256(csv.read_bytes()).hexdigest() == sha256_of(csv)
    manifest = read_manifest(tmp_path / "data-training.manifest.json", report.sha256)
    assert manifest is not None
    assert manifest.tables == report.tables
    assert (manifest.n_rows, manifest.user_id_kind, manifest.rating_scale) == (1, "int", (1, 5))
    assert read_manifest(tmp_path / "data-training.manifest.json", "0" * 64) is None


def test_an_equal_run_touches_no_file(tmp_path: Path) -> None:
    database = make_shop(tmp_path / "shop.db", SHOP)
    assert transform(database).changed
    before = {name: os.stat(tmp_path / name) for name in ("data-training.csv", "data-rejected.csv")}
    assert not transform(database).changed
    for name, status in before.items():
        after = os.stat(tmp_path / name)
        assert (after.st_ino, after.st_mtime_ns) == (status.st_ino, status.st_mtime_ns)


def test_another_row_changes_the_csv_and_another_reject_the_rejects(tmp_path: Path) -> None:
    first = etl(tmp_path, SHOP)
    rejected = etl(tmp_path, {RATING: [(1, 1, 10, 5, None), (3, 1, 10, None, None)]})
    assert (rejected.changed, rejected.sha256) == (True, first.sha256)
    used = etl(tmp_path, {RATING: [(1, 1, 10, 4, None), (3, 1, 10, None, None)]})
    assert used.changed
    assert used.sha256 != first.sha256


def test_the_csv_has_the_permissions_of_an_ordinary_file(tmp_path: Path) -> None:
    etl(tmp_path, SHOP)
    (tmp_path / "ordinary").touch()
    expected = (tmp_path / "ordinary").stat().st_mode
    assert (tmp_path / "data-training.csv").stat().st_mode == expected


def test_an_output_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    database = make_shop(tmp_path / "shop.db", SHOP)
    with pytest.raises(DataError, match=r"nowhere/data\.csv cannot be written: .*--output"):
        transform(database, output="nowhere/data.csv")


def test_a_failed_run_leaves_the_old_files_and_no_scraps(tmp_path: Path) -> None:
    database = make_shop(tmp_path / "shop.db", SHOP)
    transform(database)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "in-the-way").mkdir()
    with pytest.raises(DataError, match="cannot be written"):
        transform(database, output="in-the-way")
    (tmp_path / "in-the-way").rmdir()
    (tmp_path / "in-the-way-rejected.csv").unlink()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_what_a_killed_run_left_is_removed_and_what_a_live_one_has_is_not(tmp_path: Path) -> None:
    dead, alive = tmp_path / ".data.csv-dead", tmp_path / ".data.csv-alive"
    for folder in (dead, alive):
        folder.mkdir()
        (folder / "000000.parquet").touch()
    with FileLock(alive / ".lock"), scratch_folder(tmp_path / "data.csv"):
        assert not dead.exists()
        assert (alive / "000000.parquet").exists()


def test_an_error_of_the_job_behind_is_raised() -> None:
    def fail() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"), OneBehind() as worker:
        worker.do(fail)


def test_an_error_of_the_owner_hides_that_of_the_job_behind() -> None:
    def fail() -> None:
        raise OSError("disk full")

    def interrupted() -> None:
        with OneBehind() as worker:
            worker.do(fail)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()


def test_the_garbage_collector_is_left_as_it_was() -> None:
    with paused_garbage_collection(), paused_garbage_collection():
        assert not gc.isenabled()
    assert gc.isenabled()
