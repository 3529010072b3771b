"""Users in databases: the shop's tables with the outbox of events, and Selera's own state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..contracts.errors import DatabaseError, StateError
from ..contracts.ids import Id, IdKind
from ..contracts.tables import TABLES
from ..database import Shop, open_engine
from ..database.engine import parse_url
from ..database.erasing import erase_user, leave_no_copies
from ..database.failures import translated
from ..database.layout import read_layout
from ..database.outbox import OUTBOX
from ..state import Experiments, State, hash_of_user
from .holders import Outcome

_SIDECARS = ("", "-wal", "-shm", "-journal")

_COUNT_PARTICIPANTS = "SELECT count(*) FROM participant WHERE user_hash = ?"


@dataclass
class ShopTables:
    """The shop's own database; where that is SQLite, its file is written anew.

    in_haste : whether somebody waits for the answer, and no large file is written anew
    """

    database: str
    in_haste: bool = False

    name = "shop database"
    holds = "profile, behaviors, events that were told of late"
    tables: tuple[str, ...] = (*(table.name for table in TABLES), OUTBOX)

    def files(self) -> list[Path]:
        """The SQLite file and what lies beside it; none of a server."""
        url = parse_url(self.database)
        is_file = url.get_backend_name() == "sqlite"
        return _with_sidecars(Path(str(url.database))) if is_file else []

    def finds(self, user_id: Id) -> int:
        """Profile and usable behaviors."""
        with closing(Shop.open(self.database)) as shop:
            return (shop.profile(user_id) is not None) + len(shop.history(user_id))

    def erase(self, user_id: Id, *, known: bool) -> Outcome:
        """Delete the rows of the user from all tables, in one transaction; then the copies."""
        engine = open_engine(self.database)
        problems: tuple[str, ...] = ()
        try:
            with translated(engine.url, "read the tables of"), engine.connect() as connection:
                layout = read_layout(connection)
            rows = erase_user(engine, layout, user_id)
            try:
                leave_no_copies(engine, in_haste=self.in_haste)
            except DatabaseError as error:
                problems = (str(error),)
        finally:
            engine.dispose()
        return Outcome({name: count for name, count in rows.items() if count}, problems)

    def id_kind(self) -> IdKind:
        """What the user ids of the shop are. Raises DatabaseError where it does not answer."""
        with closing(Shop.open(self.database)) as shop:
            return shop.user_id_kind


@dataclass
class StateTables:
    """Selera's own database: who took part in experiments, by a hash of the id."""

    path: Path

    name = "experiments"
    holds = "exposures and conversions, by a hash of the id"
    tables: tuple[str, ...] = ("participant", "exposure", "conversion")

    def files(self) -> list[Path]:
        """The file and what lies beside it."""
        return _with_sidecars(self.path)

    def finds(self, user_id: Id) -> int:
        """Experiments that the user took part in."""
        with self._open() as state:
            if state is None:
                return 0
            with state.reading("look for a user in") as connection:
                found = connection.exec_driver_sql(_COUNT_PARTICIPANTS, (hash_of_user(user_id),))
                return int(found.scalar_one())

    def erase(self, user_id: Id, *, known: bool) -> Outcome:
        """Delete the user from all experiments; then the copies."""
        problems: tuple[str, ...] = ()
        with self._open() as state:
            if state is None:
                return Outcome()
            n_erased = Experiments(state).erase_user(user_id)
            try:
                state.settle()
            except StateError as error:
                problems = (str(error),)
        return Outcome({"experiments": n_erased} if n_erased else {}, problems)

    @contextmanager
    def _open(self) -> Iterator[State | None]:
        """The open file; None where there is none, for none is made to look into."""
        if not self.path.exists():
            yield None
            return
        with State.open(self.path) as state:
            yield state


def _with_sidecars(path: Path) -> list[Path]:
    beside = [path.with_name(path.name + suffix) for suffix in _SIDECARS]
    return [each for each in beside if each.exists()]
