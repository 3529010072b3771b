"""What `selera doctor` looks at: each check is one function that yields findings."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..artifact import Artifact, verify_artifact
from ..contracts.errors import ArtifactError, ConfigError, DatabaseError, DataError, SeleraError
from ..contracts.tables import TABLES
from ..database import Finding, diagnose, open_engine, snapshot
from ..etl import load_training_csv
from ..etl.files import OutputPaths
from ..etl.manifest import Manifest, read_manifest
from ..pipeline.files import sha256
from .invitation import Address
from .output import counted
from .ports import require_free
from .settings import SETTINGS_FILE, Settings


def check_python() -> Iterator[Finding]:
    """The interpreter, and whether it can make virtual environments."""
    version = ".".join(map(str, sys.version_info[:3]))
    where = "in a virtual environment" if sys.prefix != sys.base_prefix else "of the system"
    yield Finding("ok", "python", f"Python {version} {where}: {sys.executable}.")
    if importlib.util.find_spec("ensurepip") is None:
        yield Finding(
            "warning",
            "python",
            "This Python cannot make virtual environments.",
            "On Debian or Ubuntu: apt install python3-venv.",
        )


def check_settings(settings: Settings, unread: Sequence[ConfigError] = ()) -> Iterator[Finding]:
    """Every section of the file and of the environment; `unread` is what reading them met."""
    for error in unread:
        cure = "Correct or remove it; what follows is found as if it were not there."
        yield Finding("error", "settings", str(error), cure)
    wrong = list(settings.errors())
    for error in wrong:
        yield Finding("error", "settings", str(error), "Correct or remove it.")
    if unread or wrong:
        return
    found = f"{SETTINGS_FILE} is read." if SETTINGS_FILE.exists() else f"No {SETTINGS_FILE}."
    yield Finding("ok", "settings", f"{found} All settings can be used.")


def check_database(url: str) -> Iterator[Finding]:
    """The shop's tables, as the database room judges them."""
    try:
        engine = open_engine(url)
        try:
            yield from diagnose(engine)
        finally:
            engine.dispose()
    except DatabaseError as error:
        yield _told("database", error)


def check_data(data: Path, url: str) -> Iterator[Finding]:
    """The CSV: is it there, whole, and as new as the database?"""
    try:
        data.open("rb").close()
    except FileNotFoundError:
        yield Finding("error", "data", f"There is no {data}.", "Make it: selera etl")
        return
    except OSError as error:
        yield Finding(
            "error",
            "data",
            f"{data} is there but cannot be read: {error.strerror}.",
            "Let this user read it, or name another file: data_file in selera.toml, or --data",
        )
        return
    digest = sha256(data)
    if digest is None:  # it went just now
        return
    manifest = read_manifest(OutputPaths.beside(data).manifest, digest)
    if manifest is None:
        yield from _check_lone_csv(data)
        return
    yield Finding("ok", "data", f"{data} is whole: {counted(manifest.n_rows, 'row')}.")
    yield from _check_age(data, manifest, url)


def _check_lone_csv(data: Path) -> Iterator[Finding]:
    """A CSV that no manifest vouches for has to be read."""
    try:
        n_rows = load_training_csv(data).n_rows
    except DataError as error:
        yield Finding("error", "data", str(error), "Make it anew: selera etl")
        return
    yield Finding(
        "warning",
        "data",
        f"{data} can be used ({counted(n_rows, 'row')}), but its manifest is missing or of another "
        "file.",
        "If it was not changed on purpose, make both anew: selera etl",
    )


def _check_age(data: Path, manifest: Manifest, url: str) -> Iterator[Finding]:
    """Whether the tables have as many rows as at the last ETL."""
    try:
        engine = open_engine(url)
    except DatabaseError:
        return  # said by the check of the database
    try:
        with snapshot(engine) as frozen:
            for table in TABLES:
                now = frozen.count(table)
                then = manifest.tables[table.name].rows_in if table.name in manifest.tables else 0
                if now != then:
                    yield Finding(
                        "warning",
                        "data",
                        f"{data} is older than the database: {table.name} has "
                        f"{counted(now, 'row')} now and had {then:,} at the last ETL.",
                        "Run it again: selera etl",
                    )
    except DatabaseError:
        return
    finally:
        engine.dispose()


def check_model(model: Path, data: Path) -> Iterator[Finding]:
    """The published model: is it there, whole, and learnt from this CSV?"""
    try:
        artifact = verify_artifact(model)
    except ArtifactError as error:
        yield _told("model", error)
        return
    version = artifact.run.get("version", "unknown")
    yield Finding("ok", "model", f"{model} is whole: version {version}.")
    digest = sha256(data)
    if digest is not None and digest != _learnt_from(artifact):
        yield Finding(
            "warning",
            "model",
            f"{model} learnt from another state of {data}.",
            "Train it anew: selera train (a running `selera watch` does so by itself)",
        )


def _learnt_from(artifact: Artifact) -> object:
    return artifact.metadata.get("data", {}).get("sha256")


def _told(subject: str, error: SeleraError) -> Finding:
    """An error as a finding; where it has more than one sentence, the last one is the cure."""
    sentence, stop, cure = str(error).rpartition(". ")
    return Finding("error", subject, f"{sentence}." if stop else cure, cure if stop else "")


def check_port(host: str, port: int) -> Iterator[Finding]:
    """Whether the API could listen, or does so already."""
    try:
        require_free(host, port)
    except ConfigError as error:
        if _is_selera(Address(host, port)):
            yield Finding("ok", "port", f"Selera answers on {host} port {port}.")
        else:
            yield Finding("error", "port", str(error))
        return
    yield Finding("ok", "port", f"Port {port} on {host} is free.")


def _is_selera(address: Address) -> bool:
    try:
        status, answer = address.get("/health/live", timeout_s=2.0)
    except (OSError, ValueError):
        return False
    return status == 200 and isinstance(answer, dict) and answer.get("status") == "live"
