"""The places that can hold a user, but for the models: how each is looked through and cleaned.

A holder answers for files and tables (`files`, `tables`); what none answers for must not exist. Its
`finds` opens what it holds and looks; its `erase` takes the user out, and may be repeated.
"""

from __future__ import annotations

import csv
import mmap
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from ..contracts.columns import USER_ID
from ..contracts.epoch import bump_epoch, epoch_path
from ..contracts.errors import Busy
from ..contracts.ids import Id
from ..contracts.protocols import Progress, silent
from ..contracts.tables import USER_PROFILE
from ..etl import EtlConfig
from ..etl.files import OutputPaths, scratch_folder
from .locks import exclusive
from .publish import versions_folder


@dataclass(frozen=True)
class Outcome:
    """What a holder did: how many of what it removed, and what it could not do, with the cure."""

    removed: dict[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


class Holder(Protocol):
    """One place that can hold a user.

    name : of the place, for the receipt
    holds : what of a user may be there
    tables : names of the database tables that it answers for
    """

    name: str
    holds: str
    tables: tuple[str, ...]

    def files(self) -> list[Path]:
        """The files, now there, that it answers for."""
        ...

    def finds(self, user_id: Id) -> int:
        """How many traces of the user are there; it looks into everything that it answers for."""
        ...

    def erase(self, user_id: Id, *, known: bool) -> Outcome:
        """Take the user out; `known` tells whether another place had the user before.

        Raises SeleraError or OSError where that fails.
        """
        ...


@dataclass
class TrainingFiles:
    """The CSV, its rejects and its manifest: made anew by the ETL from the database without the
    user, so that they are what any later ETL would write, byte for byte.
    """

    database: str
    data: Path
    config: EtlConfig
    progress: Progress = silent

    name = "training data"
    holds = "behaviors and profile, rejected rows, counts"
    tables: tuple[str, ...] = ()

    def files(self) -> list[Path]:
        """CSV, rejects, manifest."""
        return [path for path in OutputPaths.beside(self.data) if path.exists()]

    def finds(self, user_id: Id) -> int:
        """Rows of the CSV and of the rejects."""
        return sum(self._rows(user_id).values())

    def erase(self, user_id: Id, *, known: bool) -> Outcome:
        """Run the ETL, after any that is under way: that one may have read the database before."""
        rows = self._rows(user_id)
        if not self.files() or not (known or any(rows.values())):
            return Outcome()
        from .etl import etl

        etl(self.database, self.data, self.config, self.progress, wait=True)
        return Outcome({name: count for name, count in rows.items() if count})

    def _rows(self, user_id: Id) -> dict[str, int]:
        paths = OutputPaths.beside(self.data)
        return {
            paths.csv.name: sum(1 for _ in _rows_of(paths.csv, str(user_id), first=True)),
            paths.rejected.name: sum(1 for _ in _rows_of(paths.rejected, str(user_id))),
        }


@dataclass
class Caches:
    """What the workers of the API keep in memory: they forget it when they see the new token."""

    state: Path

    name = "memory of the API"
    holds = "histories and profiles of users who asked of late"
    tables: tuple[str, ...] = ()

    def files(self) -> list[Path]:
        """The token by which workers know that they must forget; it holds nobody."""
        path = epoch_path(self.state)
        return [path] if path.exists() else []

    def finds(self, user_id: Id) -> int:
        """Nothing: the memory of other processes cannot be looked into, it is dropped whole."""
        return 0

    def erase(self, user_id: Id, *, known: bool) -> Outcome:
        """Tell all workers to forget everybody."""
        bump_epoch(epoch_path(self.state))
        return Outcome()


@dataclass
class Leftovers:
    """Temporary files of writers that were killed; whoever lives holds a lock."""

    data: Path
    model: Path

    name = "leftovers of killed processes"
    holds = "behaviors on their way into the CSV, half-written models"
    tables: tuple[str, ...] = ()

    def files(self) -> list[Path]:
        """Scratch folders of the ETL with all that is in them, temporary model files."""
        inside = [path for each in self._scratch() for path in each.rglob("*") if path.is_file()]
        return inside + self._models()

    def finds(self, user_id: Id) -> int:
        """Their number: none of them is whole, so whom they hold is not asked.

        While somebody writes, what is there is that writer's, who has read the database anew.
        """
        n_found = 0
        with suppress(Busy):
            if n_scratch := len(self._scratch()):
                with exclusive(self.data, "ETL", wait=False):
                    n_found += n_scratch
        with suppress(Busy):
            if n_models := len(self._models()):
                with exclusive(versions_folder(self.model), "publication", wait=False):
                    n_found += n_models
        return n_found

    def erase(self, user_id: Id, *, known: bool) -> Outcome:
        """Remove them all, once nobody writes any more."""
        n_gone = 0
        if self._scratch():
            with exclusive(self.data, "ETL", wait=True):
                before = self._scratch()
                with scratch_folder(self.data):
                    pass  # which removes those that nobody has locked
                n_gone += len(before) - len(self._scratch())
        if self._models():
            with exclusive(versions_folder(self.model), "publication", wait=True):
                for path in self._models():
                    path.unlink()
                    n_gone += 1
        return Outcome({"files": n_gone} if n_gone else {})

    def _scratch(self) -> list[Path]:
        return [path for path in self.data.parent.glob(f".{self.data.name}-*") if path.is_dir()]

    def _models(self) -> list[Path]:
        beside = self.model.parent.glob(f".*{self.model.name}*.tmp")
        return [*beside, *versions_folder(self.model).glob(".*.tmp")]


@dataclass
class LogFiles:
    """Log files that the shop names, such as a proxy's; our own lines hold no user.

    A text id is looked for anywhere in a line. An integer is a user's only where the line says so:
    `user_id=7`, `"user_id": 7`, `/users/7`, `/recommend/7`.
    """

    paths: tuple[Path, ...]

    name = "log files"
    holds = "lines that name the user"
    tables: tuple[str, ...] = ()

    def files(self) -> list[Path]:
        """Those that exist."""
        return [path for path in self.paths if path.exists()]

    def finds(self, user_id: Id) -> int:
        """Lines that name the user."""
        pattern = _named(user_id)
        return sum(1 for path in self.files() for line in _lines(path) if pattern.search(line))

    def erase(self, user_id: Id, *, known: bool) -> Outcome:
        """Write each file that names the user anew, in place, as who writes it has it open."""
        pattern, removed = _named(user_id), dict[str, int]()
        for path in self.files():
            if n_gone := _drop_lines(path, pattern):
                removed[path.name] = n_gone
        return Outcome(removed)


def _drop_lines(path: Path, pattern: re.Pattern[bytes]) -> int:
    """Drop the lines of a file that match, moving those after them up; return how many went."""
    n_gone = 0
    # What is written stays behind what was read, so one file serves both.
    with path.open("rb") as source, path.open("r+b") as target:
        for line in source:
            if pattern.search(line):
                n_gone += 1
            elif n_gone:
                target.write(line)
            else:
                target.seek(len(line), os.SEEK_CUR)
        if n_gone:
            target.truncate()
    return n_gone


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _named(user_id: Id) -> re.Pattern[bytes]:
    """What a line that names the user matches: the id as it is, or as an address spells it."""
    text = str(user_id)
    spelled = {text.encode("utf-8", "surrogatepass")}
    spelled.add(quote(text, safe="", errors="replace").encode())
    alternatives = b"|".join(sorted(map(re.escape, spelled)))
    before = rb"(?<![\w-])"
    if isinstance(user_id, int):
        before = rb"(?:\buser(?:_id)?|\busers|\brecommend)\W{1,4}"
    return re.compile(before + b"(?:" + alternatives + rb")(?![\w-])", re.IGNORECASE)


def _rows_of(path: Path, text: str, *, first: bool = False) -> Iterator[list[str]]:
    """The rows of a CSV whose user is `text`, and the rejected rows whose profile it is.

    `first` says that the user is the first column; the file is then read as CSV only where its
    bytes look as if the user were in it.
    """
    if not path.exists() or (first and not _looks_like(path, text)):
        return
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        for row in csv.DictReader(file):
            is_profile = row.get("table") == USER_PROFILE.name and row.get("key") == text
            if row.get(USER_ID) == text or is_profile:
                yield list(row.values())


def _looks_like(path: Path, text: str) -> bool:
    """Whether a line begins with the cell `text`, plain or quoted."""
    quoted = '"' + text.replace('"', '""') + '"'
    cells = [f"\n{cell},".encode("utf-8", "surrogatepass") for cell in (text, quoted)]
    with path.open("rb") as file:
        if not path.stat().st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return any(content.find(cell) >= 0 for cell in cells)
