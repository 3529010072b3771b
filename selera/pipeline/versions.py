"""The versions of a model: which there are, which is published, and how to go back.

A version was read back to its last bit when it was written. Promoting one reads all of it again,
for it may have lain there for months. Going back is in a hurry: the file's structure is checked and
the model answers one question of each kind, but its bytes are not hashed, which for a gigabyte
alone would take about a second. Both replace the published file atomically.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import structlog

from ..artifact import Artifact, open_artifact, verify_artifact
from ..contracts.errors import ArtifactError, StateError, VersionNotFound
from ..serving.slot import ModelSlot
from ..state import Decision, DecisionAction, Decisions, Experiments
from .locks import exclusive
from .publish import iso, prune, published_version, replace_published, versions_folder

log = structlog.get_logger(__name__)


class Version(msgspec.Struct, frozen=True):
    """One file under `models/`.

    published : whether it is what answers now
    decision : the latest line of the book about it; None where it has none
    metrics : what the evaluation before it found, by name; empty where nothing could be judged
    problem : why it cannot be opened; None where it can
    """

    version: str
    algorithm: str
    trained_at: str
    size_bytes: int
    published: bool
    decision: Decision | None
    metrics: dict[str, float]
    problem: str | None = None


class Swap(msgspec.Struct, frozen=True):
    """What promoting or going back did.

    version : what is published now; before : what was, None where nothing could be opened
    changed : false where `version` was published already
    """

    version: str
    before: str | None
    changed: bool


def list_versions(output: Path, book: Decisions | None) -> list[Version]:
    """All versions of the model `output`, the newest first. Raises StateError as the book does."""
    published = published_version(output)
    latest: dict[str, Decision] = {}
    for decision in [] if book is None else book.all():
        latest.setdefault(decision.version, decision)
    paths = sorted(versions_folder(output).glob("*.pkl"), reverse=True)
    return [_version(path, path.stem == published, latest.get(path.stem)) for path in paths]


def promote(
    output: Path, version: str, book: Decisions | None, *, reason: str = "promoted by hand"
) -> Swap:
    """Publish the version of this name.

    Raises VersionNotFound for a name that is none in `models/`, ArtifactError where its file is
    damaged; the published model is then as it was.
    """
    with exclusive(versions_folder(output), "publication", wait=True):
        path = _path_of(output, version)
        before = published_version(output)
        if before == version:
            return Swap(version, before, changed=False)
        verify_artifact(path)
        ModelSlot(path).current()
        replace_published(output, path)
    record(book, version, "promoted", reason, champion=before)
    return Swap(version, before, changed=True)


def roll_back(output: Path, book: Decisions | None, *, reason: str = "rolled back by hand") -> Swap:
    """Publish the version that was published before the present one.

    By the book; where that does not know, the next older one. Raises VersionNotFound where there is
    none, ArtifactError where its file is damaged; the published model is then as it was.
    """
    with exclusive(versions_folder(output), "publication", wait=True):
        before = published_version(output)
        version = rollback_target(output, book)
        if version is None:
            raise VersionNotFound(
                f"there is no version before {before or 'the published one'} to go back to. See "
                "what there is: selera models"
            )
        path = _path_of(output, version)
        ModelSlot(path).current()
        replace_published(output, path)
    record(book, version, "rolled_back", reason, champion=before)
    return Swap(version, before, changed=True)


def rollback_target(output: Path, book: Decisions | None) -> str | None:
    """The version that `roll_back` would publish; None where there is none."""
    there = _names(output)
    stack = _published_in_turn(_lines(book))
    published = published_version(output) or (stack[-1] if stack else None)
    if published in stack:
        stack = stack[: len(stack) - stack[::-1].index(published) - 1]
        kept = [name for name in stack if name in there and name != published]
        if kept:
            return kept[-1]
    set_aside = {each.version for each in _lines(book) if each.action == "kept_aside"}
    older = [
        name
        for name in there
        if (published is None or name < published) and (name not in set_aside or name in stack)
    ]
    return max(older, default=None)


def tidy(
    output: Path,
    book: Decisions | None,
    experiments: Experiments | None,
    *,
    keep_versions: int,
    written: str,
) -> list[str]:
    """Remove the oldest versions until `keep_versions` are left; return the names of those removed.

    Never removed are the published one, the one that `roll_back` would publish, the one just
    `written`, which may be kept aside, and those that the running experiment answers with, even
    where they alone are more. Where nobody can tell what runs, nothing is removed.
    """
    with exclusive(versions_folder(output), "publication", wait=True):
        try:
            in_use = frozenset() if experiments is None else experiments.versions_in_use()
        except StateError as error:
            log.warning("no version was removed, as an experiment may run", reason=str(error))
            return []
        target = rollback_target(output, book)
        kept = in_use | {written} | ({target} if target else set())
        removed = prune(output, keep_versions=keep_versions, protected=kept)
        published = published_version(output)
    for version in removed:
        reason = f"training.keep_versions is {keep_versions}"
        record(book, version, "pruned", reason, champion=published)
    return removed


def record(
    book: Decisions | None,
    version: str,
    action: DecisionAction,
    reason: str,
    *,
    champion: str | None,
    **compared: Any,
) -> None:
    """Write one line into the book; what was done stays done where the book cannot be written."""
    log.info(action.replace("_", " "), version=version, before=champion, reason=reason)
    if book is None:
        return
    decision = Decision(
        version=version,
        decided_at=iso(datetime.now(UTC)),
        action=action,
        reason=reason,
        champion=champion,
        **compared,
    )
    try:
        book.record(decision)
    except StateError as error:
        log.warning("done, but not written into the book", version=version, reason=str(error))


def _published_in_turn(lines: Sequence[Decision]) -> list[str]:
    """The versions that were published, each on top of the one before; going back takes away."""
    stack: list[str] = []
    for line in lines:
        if line.action in ("published", "promoted"):
            if line.champion is not None and line.champion not in stack:
                stack.append(line.champion)
            stack.append(line.version)
        elif line.action == "rolled_back":
            while stack and stack[-1] != line.version:
                stack.pop()
            stack = stack or [line.version]
    return stack


def _lines(book: Decisions | None) -> list[Decision]:
    """All lines, the oldest first; none where the book cannot be read."""
    try:
        return [] if book is None else book.all()[::-1]
    except StateError as error:
        log.warning("the book of decisions cannot be read", reason=str(error))
        return []


def _names(output: Path) -> set[str]:
    return {path.stem for path in versions_folder(output).glob("*.pkl")}


def _path_of(output: Path, version: str) -> Path:
    """The file of a version. Only names that are there are looked up: none can lead elsewhere."""
    names = _names(output)
    if version not in names:
        known = ", ".join(sorted(names, reverse=True)) or "none"
        raise VersionNotFound(f"there is no version {version!r} in models/. There are: {known}")
    return versions_folder(output) / f"{version}.pkl"


def _version(path: Path, published: bool, decision: Decision | None) -> Version:
    size_bytes = path.stat().st_size
    try:
        artifact = open_artifact(path)
    except ArtifactError as error:
        return Version(path.stem, "", "", size_bytes, published, decision, {}, str(error))
    return Version(
        version=path.stem,
        algorithm=str(artifact.metadata.get("algorithm", "")),
        trained_at=str(artifact.run.get("trained_at", "")),
        size_bytes=size_bytes,
        published=published,
        decision=decision,
        metrics=_headline(artifact),
    )


def _headline(artifact: Artifact) -> dict[str, float]:
    """The means of the model's own row in its evaluation: its first metric of lists, and RMSE."""
    judged = artifact.metadata.get("metrics") or {}
    rows = [row for row in judged.get("results", ()) if row["model"] == _asked_for(artifact)]
    wanted = {judged.get("primary"), "rmse"}
    return {
        name: each["mean"]
        for row in rows[:1]
        for name, each in row["metrics"].items()
        if name in wanted
    }


def _asked_for(artifact: Artifact) -> object:
    return artifact.metadata.get("algorithm")
