import hashlib
import threading
import time
from pathlib import Path

from selera.etl.files import signature
from selera.pipeline.files import settled_signature, sha256


def test_a_missing_file_has_no_hash_and_never_settles(tmp_path: Path) -> None:
    missing = tmp_path / "missing"

    assert sha256(missing) is None
    assert settled_signature(missing, 0.01, threading.Event()) is None


def test_the_hash_is_that_of_the_bytes(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"taste" * 100_000)

    assert sha256(file) == hashlib.sha256(b"taste" * 100_000).hexdigest()


def test_a_file_settles_only_once_its_writer_rests(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    written_at: list[float] = []

    def write() -> None:
        for _ in range(5):
            with file.open("ab") as growing:
                growing.write(b"more")
            written_at.append(time.monotonic())
            threading.Event().wait(0.1)

    writer = threading.Thread(target=write)
    writer.start()
    settled = settled_signature(file, 0.4, threading.Event())
    settled_at = time.monotonic()
    writer.join()

    assert settled == signature(file)
    assert file.stat().st_size == 20
    assert settled_at - written_at[-1] >= 0.35


def test_waiting_ends_at_once_when_asked_to_stop(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    stop = threading.Event()
    stop.set()

    assert settled_signature(file, 60.0, stop) is None
