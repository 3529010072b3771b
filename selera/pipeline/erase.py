"""Erase a user everywhere: a walk along the register of all places that can hold one.

The order matters. First the shop's database, so that nothing made from it later has the user again;
then what processes remember; then the files made from the database, older before newer ones: the
CSV by an ETL of its own, the models once no training works on an older CSV. A place that fails is
told in the receipt, with its cure, and the others are cleaned nevertheless. In the end every place
is looked through once more.

Erasing somebody who is nowhere says so, and is no error: it may be said twice.

Importing this module imports nothing that an API may not load, but `erase` runs the ETL and may
wait for a training: an API calls `erase_in_child`.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryFile
from threading import Event
from typing import IO

import msgspec
import structlog

from ..contracts.errors import Busy, DataError, SeleraError, TrainingUnderWay
from ..contracts.ids import Id, IdKind, parse_id
from ..contracts.protocols import Progress, silent
from ..etl import EtlConfig
from ..etl.files import OutputPaths
from ..etl.manifest import read_any_manifest
from .children import Command, await_child
from .held_models import ModelFiles
from .held_tables import ShopTables, StateTables
from .holders import Caches, Holder, Leftovers, LogFiles, Outcome, TrainingFiles
from .locks import exclusive
from .publish import iso
from .receipt import HolderReceipt, Receipt, Status

log = structlog.get_logger(__name__)


FILES_OF_NOBODY = {
    ".*.lock": "locks, which are empty",
    "selera.toml": "settings",
    "*-rates*": "how much each API key has asked for of late",
}
"""Files that we write and that hold no user, by their names. All others belong to a holder."""

TABLES_OF_NOBODY = (
    "api_key",
    "signing_secret",
    "decision",
    "rule",
    "experiment",
    "experiment_count",
)
"""Tables of Selera's own database that hold no user."""


class EraseConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which places beyond its own an erasure cleans.

    log_files : files whose lines are dropped where they name the user, such as a proxy's access log
    """

    log_files: tuple[str, ...] = ()


class Places(msgspec.Struct, frozen=True):
    """Where a shop's data lies.

    database : URL of the shop's database
    data, model, state : the CSV, the published model, Selera's own database
    etl : how the CSV is made
    """

    database: str
    data: Path
    model: Path
    state: Path
    etl: EtlConfig = EtlConfig()
    config: EraseConfig = EraseConfig()


def register(
    places: Places,
    progress: Progress = silent,
    *,
    wait: bool = True,
    is_alone: bool = False,
    in_haste: bool = False,
) -> tuple[Holder, ...]:
    """Every place that can hold a user, in the order in which they are cleaned.

    Whatever keeps anything of a user belongs here.
    """
    return (
        ShopTables(places.database, in_haste),
        Caches(places.state),
        StateTables(places.state),
        Leftovers(places.data, places.model),
        TrainingFiles(places.database, places.data, places.etl, progress),
        ModelFiles(places.model, wait, is_alone, progress),
        LogFiles(tuple(map(Path, places.config.log_files))),
    )


def erase(
    user_id: Id,
    places: Places,
    progress: Progress = silent,
    *,
    wait: bool = True,
    patience_s: float | None = None,
) -> Receipt:
    """Erase a user everywhere, and tell what was done.

    Without `wait`, a training that is under way is not awaited: the receipt then says that the user
    is to be erased again when it has ended. Nothing is raised for a place that fails.

    With `patience_s`, nothing begins while a training, an ETL or another erasure with patience is
    under way, and none of them begins before the end. Where one goes on for so many seconds,
    TrainingUnderWay is raised, and nothing is erased. Somebody waits then, so a large SQLite file
    is not written anew, which the receipt tells.
    """
    in_haste = patience_s is not None
    with ExitStack() as held:
        is_alone = patience_s is not None and _is_left_alone(places, progress, patience_s, held)
        holders = register(places, progress, wait=wait, is_alone=is_alone, in_haste=in_haste)
        return _erase(user_id, places, holders, progress)


def _is_left_alone(places: Places, progress: Progress, patience_s: float, held: ExitStack) -> bool:
    """Keep trainings away until `held` is closed; whether that can be. Raises TrainingUnderWay."""
    deadline = time.monotonic() + patience_s
    try:
        held.enter_context(exclusive(places.model, "training", progress, wait=patience_s))
        left_s = max(0.0, deadline - time.monotonic())
        # Of a place that cannot be written the receipt tells.
        with suppress(DataError), exclusive(places.data, "ETL", progress, wait=left_s):
            pass
    except Busy as error:
        raise TrainingUnderWay(
            "A training, an ETL or another erasure is under way, and did not end within "
            f"{patience_s:g} s. Nothing was erased. Try again when it has ended"
        ) from error
    except DataError:
        return False
    return True


def _erase(user_id: Id, places: Places, holders: Sequence[Holder], progress: Progress) -> Receipt:
    started = time.perf_counter()
    told: list[HolderReceipt] = []
    for done, holder in enumerate(holders):
        progress(holder.name, done, len(holders))
        # Where a place could not be asked, it may have had the user.
        known = any(each.status != "nothing" for each in told)
        told.append(_clean(holder, user_id, known=known))
    told = [_looked_through(*each, user_id) for each in zip(holders, told, strict=True)]
    # What a request read before its rows were gone may have been remembered after the first word.
    _clean(Caches(places.state), user_id, known=True)
    receipt = Receipt(
        user_id=user_id,
        found=any(each.removed for each in told if each.holder != Leftovers.name),
        complete=all(each.status != "failed" for each in told),
        erased_at=iso(datetime.now(UTC)),
        seconds=round(time.perf_counter() - started, 3),
        holders=tuple(told),
    )
    log.info("erased a user", found=receipt.found, complete=receipt.complete)
    return receipt


def _clean(holder: Holder, user_id: Id, *, known: bool) -> HolderReceipt:
    """Let one place erase the user; what it raises becomes its problem."""
    try:
        outcome = holder.erase(user_id, known=known)
    except (SeleraError, OSError) as error:
        outcome = Outcome(problems=(_sentence(error),))
    return _receipt(holder.name, outcome.removed, outcome.problems)


def _looked_through(holder: Holder, told: HolderReceipt, user_id: Id) -> HolderReceipt:
    """The same place after it was looked through: what is still there is a problem."""
    try:
        n_left = holder.finds(user_id)
    except (SeleraError, OSError) as error:
        problem = f"It could not be looked through: {_sentence(error)}"
        return told if told.problems else _receipt(holder.name, told.removed, (problem,))
    if not n_left or told.problems:
        return told
    problem = (
        f"The user is still, or again, in {n_left:,} places there. Stop whatever writes the user "
        "into the shop, and erase the user again"
    )
    return _receipt(holder.name, told.removed, (problem,))


def _receipt(name: str, removed: dict[str, int], problems: tuple[str, ...]) -> HolderReceipt:
    status: Status = "failed" if problems else "erased" if removed else "nothing"
    return HolderReceipt(name, status, removed, problems)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename or 'a file'}. Allow it, and try again"
    return str(error)


def typed_id(text: str, places: Places) -> Id:
    """A user id as a person writes it, as the shop has it: an integer where its ids are integers.

    The database decides; where it does not answer, the manifest of the CSV. Where a shop's ids are
    integers and `text` cannot be one, it stays a text, which nobody bears.
    """
    parsed = parse_id(text, _id_kind(places))
    return text if parsed is None else parsed


def _id_kind(places: Places) -> IdKind:
    try:
        return ShopTables(places.database).id_kind()
    except SeleraError:
        manifest = read_any_manifest(OutputPaths.beside(places.data).manifest)
        return "str" if manifest is None else manifest.user_id_kind


class _Problem(msgspec.Struct):
    """What a command says last with `--json` where it fails."""

    code: str
    detail: str


def _text_file() -> IO[str]:
    return TemporaryFile("w+", encoding="utf-8", errors="replace")


def erase_in_child(command: Command, stop: Event) -> Receipt:
    """Run `command`, which is `selera erase ID --yes --json`, and return its receipt.

    For processes that answer requests: what the ETL needs is loaded in the child, which ends with
    its parent, and when `stop` is set. Raises TrainingUnderWay as the command does, Busy where it
    was stopped, DataError where it brings no receipt; what it said is on standard error.
    """
    with _text_file() as answer, _text_file() as notes:
        process = subprocess.Popen(
            command.arguments,
            env=command.environment,
            stdin=subprocess.PIPE,
            stdout=answer,
            stderr=notes,
            text=True,
        )
        code = await_child(process, stop)
        said, noted = (_content(each) for each in (answer, notes))
    sys.stderr.write(noted)
    if code is None:
        raise Busy("The server stops, so the erasure may be incomplete. Erase the user again")
    with suppress(msgspec.DecodeError):
        return msgspec.json.decode(said, type=Receipt)
    with suppress(msgspec.DecodeError):
        problem = msgspec.json.decode(noted[noted.rfind("\n{") + 1 :], type=_Problem)
        if problem.code == TrainingUnderWay.code:
            raise TrainingUnderWay(problem.detail)
    raise DataError(
        f"The erasure ended with code {code} and without a receipt, so it may be incomplete. Run "
        "it by hand: selera erase USER_ID"
    )


def _content(file: IO[str]) -> str:
    file.seek(0)
    return file.read()
