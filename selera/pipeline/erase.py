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
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog

from ..contracts.errors import DataError, SeleraError
from ..contracts.ids import Id, IdKind, parse_id
from ..contracts.protocols import Progress, silent
from ..etl import EtlConfig
from ..etl.files import OutputPaths
from ..etl.manifest import read_any_manifest
from .children import Command
from .held_models import ModelFiles
from .held_tables import ShopTables, StateTables
from .holders import Caches, Holder, Leftovers, LogFiles, Outcome, TrainingFiles
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
    "rules_revision",
    "experiment",
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


def register(places: Places, *, wait: bool = True) -> tuple[Holder, ...]:
    """Every place that can hold a user, in the order in which they are cleaned.

    Whatever keeps anything of a user belongs here.
    """
    return (
        ShopTables(places.database),
        Caches(places.state),
        StateTables(places.state),
        Leftovers(places.data, places.model),
        TrainingFiles(places.database, places.data, places.etl),
        ModelFiles(places.model, wait),
        LogFiles(tuple(map(Path, places.config.log_files))),
    )


def erase(
    user_id: Id, places: Places, progress: Progress = silent, *, wait: bool = True
) -> Receipt:
    """Erase a user everywhere, and tell what was done.

    Without `wait`, a training that is under way is not awaited: the receipt then says that the user
    is to be erased again when it has ended. Nothing is raised for a place that fails.
    """
    started = time.perf_counter()
    holders = register(places, wait=wait)
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


def erase_in_child(command: Command) -> Receipt:
    """Run `command`, which is `selera erase ID --yes --json`, and return its receipt.

    For processes that answer requests: what the ETL needs is loaded in the child, which ends with
    its parent. Raises DataError where it brings no receipt; what it said is on standard error.
    """
    process = subprocess.Popen(
        command.arguments, env=command.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout is not None
        said = process.stdout.read()  # not `communicate`: it closes the lifeline
        code = process.wait()
    try:
        return msgspec.json.decode(said, type=Receipt)
    except msgspec.DecodeError as error:
        raise DataError(
            f"The erasure ended with code {code} and without a receipt, so it may be incomplete. "
            "Run it by hand: selera erase USER_ID"
        ) from error
