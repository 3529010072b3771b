"""Users in model files: every version, and every published file that stands beside `models/`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ..artifact import open_artifact
from ..artifact.format import FOOTER, MAGIC
from ..artifact.rewriting import rewrite_artifact
from ..contracts.errors import ArtifactError, Busy
from ..contracts.ids import UNKNOWN_ROW, Id
from ..contracts.protocols import Progress, silent
from ..models.erasing import user_row, without_user
from .holders import Outcome
from .locks import exclusive
from .publish import iso, replace_published, versions_folder


@dataclass
class ModelFiles:
    """The model versions and the published model.

    A training that has begun may have read the user before the CSV was made anew, and would publish
    a model with the user when it ends. So what is there is cleaned at once, and again under the
    lock of the training: `wait` says whether a training that is under way is awaited. Who holds
    that lock already, and so `is_alone`, cleans them once. Locks are taken in the order of a
    training: its own first, that of `models/` within.
    """

    model: Path
    wait: bool
    is_alone: bool = False
    progress: Progress = silent

    name = "models"
    holds = "id, history and sessions of each user in training"
    tables: tuple[str, ...] = ()

    def files(self) -> list[Path]:
        """All versions, and all model files beside `models/`."""
        return self._versions() + self._published()

    def finds(self, user_id: Id) -> int:
        """Model files that hold the user; one that cannot be opened is told by `erase`."""
        return sum(_holds(path, user_id) for path in self.files())

    def erase(self, user_id: Id, *, known: bool) -> Outcome:
        """Rewrite every file that holds the user, now and when no training is under way."""
        if not self.model.parent.is_dir():
            return Outcome()
        removed, problems = Counter[str](), set[str]()
        self._clean(user_id, removed, problems)
        if not self.is_alone and (self.files() or _was_locked(self.model)):
            try:
                with exclusive(self.model, "training", self.progress, wait=self.wait):
                    self._clean(user_id, removed, problems)
            except Busy:
                problems.add(
                    "a training is under way that may have read this user before, and would "
                    "publish a model that holds the user. Erase the user again when it has ended"
                )
        return Outcome({name: n for name, n in removed.items() if n}, tuple(sorted(problems)))

    def _clean(self, user_id: Id, removed: Counter[str], problems: set[str]) -> None:
        """Rewrite what holds the user; published files follow their versions."""
        folder = versions_folder(self.model)
        with exclusive(folder, "publication", wait=True):
            for path in self._versions():
                _attempt(path, user_id, removed, problems)
            for path in self._published():
                version = folder / f"{_version_of(path)}.pkl"
                if not _holds(path, user_id):
                    _report_unreadable(path, problems)
                elif version.exists() and not _holds(version, user_id):
                    replace_published(path, version)
                else:
                    _attempt(path, user_id, removed, problems)

    def _versions(self) -> list[Path]:
        return sorted(versions_folder(self.model).rglob("*.pkl"))

    def _published(self) -> list[Path]:
        """Model files in the folder of the model: other outputs share its versions."""
        return sorted(path for path in self.model.parent.glob("*.pkl") if _is_model(path))


def _attempt(path: Path, user_id: Id, removed: Counter[str], problems: set[str]) -> None:
    """Rewrite one file without the user; count what went, and say what could not be done."""
    try:
        _rewrite(path, user_id, removed, problems)
    except ArtifactError as error:
        problems.add(_unreadable(path, error))
    except OSError as error:
        problems.add(
            f"{path} cannot be rewritten ({error.strerror or error}). Make room, or allow it, and "
            "erase the user again"
        )


def _rewrite(path: Path, user_id: Id, removed: Counter[str], problems: set[str]) -> None:
    artifact = open_artifact(path)
    row = user_row(artifact.arrays, user_id)
    if row == UNKNOWN_ROW:
        return
    erased = without_user(artifact.arrays, row)
    if erased.unattributed:
        problems.add(
            f"{path} is of an older release and does not know whose its sessions are: the user's "
            "stay in it, without an id. Train a new model and delete this file"
        )
    n_before = int(artifact.run.get("erased_users", 0))
    note = {"erased_users": n_before + 1, "erased_at": iso(datetime.now(UTC))}
    rewrite_artifact(path, erased.arrays, run=note)
    removed.update(files=1, products=erased.n_pairs, sessions=erased.n_sessions)


def _holds(path: Path, user_id: Id) -> bool:
    try:
        return user_row(open_artifact(path).arrays, user_id) != UNKNOWN_ROW
    except (ArtifactError, KeyError):
        return False


def _report_unreadable(path: Path, problems: set[str]) -> None:
    try:
        open_artifact(path)
    except ArtifactError as error:
        problems.add(_unreadable(path, error))


def _unreadable(path: Path, error: ArtifactError) -> str:
    return f"whom {path} holds cannot be told, so delete it: {error}"


def _version_of(path: Path) -> str:
    try:
        return str(open_artifact(path).run.get("version", ""))
    except ArtifactError:
        return ""


def _is_model(path: Path) -> bool:
    """Whether the file ends as a model file does."""
    try:
        with path.open("rb") as file:
            file.seek(-FOOTER.size, 2)
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _was_locked(model: Path) -> bool:
    return (model.parent / f".{model.name}.lock").exists()
