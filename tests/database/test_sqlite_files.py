"""SQLite files that this user may read but not write, or neither, and what is said of them."""

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from selera.contracts.errors import DatabaseError
from selera.contracts.tables import RATING
from selera.database import ChangeProbe, Shop, create_shop_tables, snapshot
from selera.database.sqlite_cures import sqlite_cure
from tests.shops import execute, make_minimal_shop, opened

READER = """
import os, sys
from selera.contracts.errors import DatabaseError
from selera.contracts.tables import RATING
from selera.database import Shop, create_shop_tables, diagnose, open_engine, snapshot

def read(url, n_times=1):
    engine = open_engine(url)
    try:
        with snapshot(engine) as moment:
            print(moment.count(RATING))
        print(len(diagnose(engine)) > 0)
        shop = Shop.open(url)
        print(shop.count_users())
        shop.close()
        create_shop_tables(engine, overwrite=True)
    finally:
        engine.dispose()

def attempt(url):
    try:
        read(url)
    except DatabaseError as error:
        print(error)

usual, guarded = sys.argv[1:3]
attempt(usual)  # loads all modules, which a user without rights may not be able to
attempt(usual + ".missing")
print("---", flush=True)
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
attempt(guarded)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that any user can reach."""
    if sys.platform == "win32":
        pytest.skip("Windows has no permissions of this kind")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path
        path.chmod(0o755)


def _shop(folder: Path) -> Path:
    path = folder / "shop.db"
    with opened(f"sqlite:///{path}", create=True) as engine:
        create_shop_tables(engine, overwrite=False)
    return path


def _read_as_a_guest(path: Path, usual: Path) -> str:
    """What a user without the right to write reads of the shop, or is told."""
    _shop(usual)
    command = [sys.executable, "-c", READER, f"sqlite:///{usual}/shop.db", f"sqlite:///{path}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.partition("---\n")[2]


def test_a_shop_in_a_folder_that_only_others_write_can_be_read(
    folder: Path, tmp_path: Path
) -> None:
    path = _shop(folder)
    assert path.read_bytes()[18:20] == b"\x02\x02"  # in WAL mode
    folder.chmod(0o555)
    said = _read_as_a_guest(path, tmp_path).splitlines()
    assert said[:3] == ["0", "True", "0"]
    assert "Cannot make tables in sqlite" in said[3]
    assert f"may not write the file {path} or its folder" in said[3]
    assert "password" not in said[3]


def test_a_shop_that_lost_its_wal_index_says_what_to_do(folder: Path, tmp_path: Path) -> None:
    path = _shop(folder)
    Path(f"{path}-wal").touch()
    folder.chmod(0o555)
    said = _read_as_a_guest(path, tmp_path)
    assert "shop.db-wal and shop.db-shm: give it the permission, or copy" in said
    assert "host" not in said


def test_a_file_that_may_not_be_read_is_named(folder: Path, tmp_path: Path) -> None:
    path = _shop(folder)
    path.chmod(stat.S_IWUSR if os.getuid() == 0 else 0)
    said = _read_as_a_guest(path, tmp_path)
    assert f"This user cannot read the file {path} (Permission denied)" in said


def test_a_folder_that_may_not_be_entered_is_named(folder: Path, tmp_path: Path) -> None:
    path = _shop(folder)
    folder.chmod(0o400)
    said = _read_as_a_guest(path, tmp_path)
    assert f"This user may not look into the folder {folder}" in said


def test_a_file_that_cannot_change_is_read_anew_when_it_did(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    with opened(url, create=True):
        pass  # in WAL mode
    make_minimal_shop(url)
    monkeypatch.setattr("os.access", lambda *_: False)
    with (
        opened(url) as engine,
        ChangeProbe(engine) as probe,
        closing(Shop.open(url)) as shop,
    ):
        before = probe.token()
        assert before == probe.token()
        assert not Path(f"{tmp_path}/shop.db-shm").exists()
        with closing(sqlite3.connect(tmp_path / "shop.db")) as writer:
            writer.execute("INSERT INTO data_product_rating VALUES (1, 1, 7, 5)")
            writer.commit()
            with snapshot(engine) as moment:
                assert moment.count(RATING) == 1
            assert len(shop.history(1)) == 1
            assert probe.token() != before
        assert len(shop.history(1)) == 1


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    path.write_bytes(b"product,price\n" * 100)
    with pytest.raises(DatabaseError, match=r"file .*shop\.db is no SQLite database: name another"):
        Shop.open(f"sqlite:///{path}")


def test_a_file_that_another_program_writes_is_waited_for(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    _shop(tmp_path)
    with closing(sqlite3.connect(tmp_path / "shop.db")) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with (
            opened(f"{url}?timeout=0.1") as engine,
            pytest.raises(DatabaseError, match="Another program is writing .*try again"),
        ):
            create_shop_tables(engine, overwrite=True)


@pytest.mark.parametrize(
    ("name", "cure"),
    [("SQLITE_CORRUPT", "is damaged"), ("SQLITE_FULL", "Make room"), ("SQLITE_ERROR", None)],
)
def test_a_cure_fits_the_error(tmp_path: Path, name: str, cure: str | None) -> None:
    path = tmp_path / "shop.db"
    execute(f"sqlite:///{path}", "CREATE TABLE t (v INTEGER)")
    told = sqlite_cure(str(path), name)
    assert told is None if cure is None else cure in str(told)
