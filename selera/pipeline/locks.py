"""One process at a time: a lock that the system releases whatever way its holder ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from ..contracts.errors import Busy, DataError
from ..contracts.protocols import Progress, silent


@contextmanager
def exclusive(
    output: Path, work: str, progress: Progress = silent, *, wait: bool | float
) -> Iterator[None]:
    """Hold the right to write `output` while the block runs; `work` names it in messages.

    The lock is the hidden file `.<output>.lock` beside the output. Another holder is awaited, which
    `progress` is told, or for so many seconds at most where `wait` is a number; else Busy is
    raised. Raises DataError where the folder is missing or cannot be written.
    """
    folder = output.parent
    if not folder.is_dir():
        raise DataError(
            f"there is no folder {folder.resolve()} to write {output.name} into. "
            "Make it, or name another one with --output"
        )
    lock = FileLock(_lock_path(output))
    try:
        if not _is_taken(lock, 0):
            if wait:
                progress(f"waiting for the {work} that is writing {output.name}", 0, None)
            if not wait or not _is_taken(lock, -1 if wait is True else wait):
                raise Busy(
                    f"another {work} is writing {output} right now. Let it end, or add --wait"
                )
    except OSError as error:
        raise DataError(
            f"{folder.resolve()} cannot be written: {error.strerror}. "
            "Allow it, or name another folder with --output"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _is_taken(lock: FileLock, patience_s: float) -> bool:
    """Whether we have the lock now; a patience below 0 ends never."""
    try:
        lock.acquire(timeout=patience_s)
    except Timeout:
        return False
    return True


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
