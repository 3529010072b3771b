"""One process at a time: a lock that the system releases whatever way its holder ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ..contracts.errors import Busy, DataError


@contextmanager
def exclusive(output: Path, work: str, *, wait: bool) -> Iterator[None]:
    """Hold the right to write `output` while the block runs; `work` names it in messages.

    The lock is the hidden file `.<output>.lock` beside the output. Another holder is awaited if
    `wait`, else Busy is raised. Raises DataError where the folder is missing or cannot be
    written.
    """
    folder = output.parent
    if not folder.is_dir():
        raise DataError(
            f"there is no folder {folder.resolve()} to write {output.name} into. "
            "Make it, or name another one with --output"
        )
    lock = FileLock(_lock_path(output), timeout=-1 if wait else 0)
    try:
        lock.acquire()
    except Timeout as error:
        raise Busy(
            f"another {work} is writing {output} right now. Let it end, or add --wait"
        ) from error
    except OSError as error:
        raise DataError(
            f"{folder.resolve()} cannot be written: {error.strerror}. "
            "Allow it, or name another folder with --output"
        ) from error
    try:
        yield
    finally:
        lock.release()


def await_writer(output: Path) -> None:
    """Wait until nobody writes `output`, so that it and what lies beside it belong together.

    A folder in which nobody ever held the lock, or that cannot be written, has nothing to wait for.
    """
    path = _lock_path(output)
    if path.exists():
        with suppress(OSError), FileLock(path):
            pass


def _lock_path(output: Path) -> Path:
    return output.parent / f".{output.name}.lock"
