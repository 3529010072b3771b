"""Experiments: two model versions, each for a part of the users, and who bought afterwards.

A user belongs to one side by a hash of the experiment's name and the user's id, so that nothing has
to be stored to answer a request, every worker agrees, and the next experiment mixes users anew.
What is stored is who was exposed (a hash, not the id) by which recommendation, and what events
named that recommendation. The counts of an experiment stay; which recommendation it was is
forgotten when no event is awaited any more that names it, and who took part when the experiment has
ended and none is awaited of it.
"""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Sequence
from typing import Literal, get_args

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.exc import IntegrityError

from ..contracts.errors import Busy, ConfigError, NameNotFound
from ..contracts.ids import Id
from .clock import now_text
from .engine import State
from .names import check_name
from .pruning import CONVERSION_WINDOW_S, prune
from .remembered import Remembered

Variant = Literal["control", "treatment"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)

_N_HASH_BYTES = 16
_COLUMNS = "name, control_version, treatment_version, share, started_at, stopped_at"
_START = text(
    "INSERT INTO experiment (name, control_version, treatment_version, share, started_at)"
    " VALUES (:name, :control_version, :treatment_version, :share, :started_at)"
)
_STOP = text("UPDATE experiment SET stopped_at = :now WHERE name = :name AND stopped_at IS NULL")
_RUNNING = text(f"SELECT {_COLUMNS} FROM experiment WHERE stopped_at IS NULL")
_ALL = text(f"SELECT {_COLUMNS} FROM experiment ORDER BY experiment_id DESC")
_EXISTS = text("SELECT EXISTS (SELECT 1 FROM experiment WHERE name = :name)")
# Of many rows: SQLite takes the names as they are, and SQLAlchemy looks at no row.
_PARTICIPATE = (
    "INSERT OR IGNORE INTO participant (experiment_id, user_hash, variant, exposed_at)"
    " SELECT experiment_id, :user_hash, :variant, :at FROM experiment WHERE name = :experiment"
)
_EXPOSE = (
    "INSERT OR IGNORE INTO exposure (recommendation_id, participant_id, at)"
    " SELECT :recommendation_id, participant_id, :at FROM participant JOIN experiment"
    " USING (experiment_id) WHERE user_hash = :user_hash AND name = :experiment"
)
_CONVERT = (
    "INSERT OR IGNORE INTO conversion (event_id, participant_id, at)"
    " SELECT :event_id, participant_id, :at FROM exposure JOIN participant USING (participant_id)"
    " WHERE recommendation_id = :recommendation_id AND user_hash = :user_hash"
    f" AND at >= :at - {CONVERSION_WINDOW_S}"
)
_CONVERTED = (
    "UPDATE participant SET converted_at = :at WHERE converted_at IS NULL AND participant_id ="
    " (SELECT participant_id FROM conversion WHERE event_id = :event_id)"
)
_OF_NAME = "WHERE experiment_id = (SELECT experiment_id FROM experiment WHERE name = :name)"
_TALLY = text(
    "SELECT variant, sum(n_users), sum(n_converted) FROM"
    " (SELECT variant, count(*) AS n_users, count(converted_at) AS n_converted"
    f" FROM participant {_OF_NAME} GROUP BY variant"
    f" UNION ALL SELECT variant, n_users, n_converted FROM experiment_count {_OF_NAME})"
    " GROUP BY variant"
)
_ERASE = text("DELETE FROM participant WHERE user_hash = :user_hash")


class Experiment(msgspec.Struct, frozen=True):
    """Two versions side by side.

    share : of the users that get the treatment, above 0 and below 1
    started_at, stopped_at : ISO 8601 in UTC; `stopped_at` is None while it runs
    """

    name: str
    control_version: str
    treatment_version: str
    share: float
    started_at: str
    stopped_at: str | None = None

    def version_of(self, variant: Variant) -> str:
        """The model version that a side gets."""
        return self.control_version if variant == "control" else self.treatment_version


class Exposure(msgspec.Struct, frozen=True):
    """One answer that a user got because of an experiment.

    experiment : its name
    user_hash : of `hash_of_user`
    at : UTC seconds
    """

    recommendation_id: str
    experiment: str
    variant: Variant
    user_hash: bytes
    at: int


class Conversion(msgspec.Struct, frozen=True):
    """One event that named the recommendation that led to it.

    user_hash : of `hash_of_user`, whose event it is
    at : UTC seconds
    """

    recommendation_id: str
    event_id: str
    user_hash: bytes
    at: int


def hash_of_user(user_id: Id) -> bytes:
    """16 bytes that stand for a user; `7` and `"7"` are two.

    It hides who is meant from a glance, not from whoever can try all ids.
    """
    return hashlib.sha256(b"selera user\0" + _typed(user_id)).digest()[:_N_HASH_BYTES]


def assign(experiment: Experiment, user_id: Id) -> Variant:
    """The side that a user is on, the same for ever and everywhere; nothing is read or stored.

    The first 64 bits of SHA-256 over name and id, as a number in 0..1, are below `share` for the
    treatment.
    """
    text_ = experiment.name.encode("utf-8", "surrogatepass") + b"\0" + _typed(user_id)
    number = int.from_bytes(hashlib.sha256(text_).digest()[:8], "big")
    return "treatment" if number < experiment.share * 2**64 else "control"


def _typed(user_id: Id) -> bytes:
    kind = b"int:" if isinstance(user_id, int) else b"str:"
    return kind + str(user_id).encode("utf-8", "surrogatepass")


class Experiments:
    """The experiments of one state file; threads may share it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._running = Remembered(self._read_running)

    def start(
        self, name: str, control_version: str, treatment_version: str, share: float = 0.5
    ) -> Experiment:
        """Begin an experiment; every process knows of it within a second.

        Raises ConfigError for a name that cannot be one or was used before, for one version on both
        sides, for a share outside 0..1; Busy while another experiment runs.
        """
        check_name("experiment", name)
        if control_version == treatment_version:
            raise ConfigError(f"Both sides would get {control_version}. Name two versions.")
        if not 0 < share < 1:
            raise ConfigError(f"The share must be above 0 and below 1, got {share}.")
        begun = Experiment(name, control_version, treatment_version, share, now_text())
        with self._state.writing("start an experiment in") as connection:
            row = connection.execute(_RUNNING).mappings().first()
            if row is not None:
                raise Busy(
                    f"The experiment {row['name']!r} is running, and only one can. End it first: "
                    f"selera experiments stop {shlex.quote(row['name'])}"
                )
            try:
                connection.execute(_START, msgspec.structs.asdict(begun))
            except IntegrityError as error:
                raise ConfigError(
                    f"There was an experiment named {name!r} already. Choose another name: it also "
                    "decides who gets the treatment."
                ) from error
        self._running.forget()
        return begun

    def stop(self, name: str) -> None:
        """End an experiment; what it counted stays, and conversions in time still count.

        Raises NameNotFound where none of that name runs.
        """
        with self._state.writing("stop an experiment in") as connection:
            n_stopped = connection.execute(_STOP, {"name": name, "now": now_text()}).rowcount
        self._running.forget()
        if not n_stopped:
            raise NameNotFound(
                f"No running experiment is named {name!r}. `selera experiments show` tells of all."
            )

    def running(self) -> Experiment | None:
        """The experiment that runs, as it was at most a second ago; None where there is none."""
        return self._running.get()

    def versions_in_use(self) -> frozenset[str]:
        """The versions that the experiment which runs at this moment answers with."""
        running = self._read_running()
        return frozenset({running.control_version, running.treatment_version} if running else ())

    def all(self) -> list[Experiment]:
        """Every experiment, the newest first."""
        with self._state.reading("read the experiments of") as connection:
            return [_experiment(row) for row in connection.execute(_ALL).mappings()]

    def record_exposures(self, batch: Sequence[Exposure]) -> None:
        """Count who was exposed, in one transaction.

        A recommendation told twice is counted once, and a user stays on the side of the first
        exposure. Exposures to an experiment that nobody knows are left out.
        """
        if not batch:
            return
        rows = [msgspec.structs.asdict(each) for each in batch]
        with self._state.writing("record exposures in") as connection:
            connection.exec_driver_sql(_PARTICIPATE, rows)
            connection.exec_driver_sql(_EXPOSE, rows)

    def record_conversions(self, batch: Sequence[Conversion]) -> None:
        """Count which users converted, in one transaction; exposures are recorded before.

        An event counts once, however often it is told, and only where its recommendation was
        recorded as an exposure of the same user at most `CONVERSION_WINDOW_S` before.
        """
        if not batch:
            return
        rows = [msgspec.structs.asdict(each) for each in batch]
        with self._state.writing("record conversions in") as connection:
            connection.exec_driver_sql(_CONVERT, rows)
            connection.exec_driver_sql(_CONVERTED, rows)

    def prune(self, now: int) -> bool:
        """Forget some of what is needed no more; whether there may be more (`pruning`).

        `now` is in UTC seconds. What was counted stays counted.
        """
        with self._state.writing("prune the experiments of") as connection:
            return prune(connection, now)

    def tally(self, name: str) -> dict[Variant, tuple[int, int]]:
        """Of each side: how many users were exposed, and how many of them converted.

        Raises NameNotFound where no experiment bears the name.
        """
        with self._state.reading("count an experiment of") as connection:
            if not connection.execute(_EXISTS, {"name": name}).scalar_one():
                raise NameNotFound(f"No experiment is named {name!r}.")
            counted = {
                each[0]: (each[1], each[2]) for each in connection.execute(_TALLY, {"name": name})
            }
        return {variant: counted.get(variant, (0, 0)) for variant in VARIANTS}

    def erase_user(self, user_id: Id) -> int:
        """Remove all that is held of a user; how many experiments had something.

        Copies in the file stay until the state is settled.
        """
        with self._state.writing("erase a user from") as connection:
            return connection.execute(_ERASE, {"user_hash": hash_of_user(user_id)}).rowcount

    def _read_running(self) -> Experiment | None:
        with self._state.reading("read the experiments of") as connection:
            row = connection.execute(_RUNNING).mappings().first()
        return None if row is None else _experiment(row)


def _experiment(row: RowMapping) -> Experiment:
    return Experiment(**{name: row[name] for name in Experiment.__struct_fields__})
