"""The shop's database at request time: users, products, behaviors, and what happens to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import tzinfo
from functools import partial
from typing import Any, Self

from sqlalchemy import Connection, Engine, Executable, func, select

from ..contracts.behaviors import BehaviorRow
from ..contracts.between import Between, nothing
from ..contracts.catalogue import CatalogueColumns
from ..contracts.events import EventConfig
from ..contracts.ids import Id, IdKind
from ..contracts.tables import PRODUCT, USER_PROFILE, Kind, Table
from ..contracts.zones import find_zone
from .at_once import Fetch, ReadsAtOnce
from .catalogue_rows import catalogue_token_query, read_catalogue
from .engine import connect, parse_url, ping
from .erasing import erase_user, leave_no_copies
from .events import EventStore
from .failures import translated
from .feed import ChangeFeed
from .history import HistoryQuery
from .identity import IdFilter, is_id
from .layout import ShopLayout, read_layout
from .patience import OpenConnections
from .sqlite_file import strict_texts
from .values import parse_number, plain, read_id

ANSWER_TIMEOUT_S = 10
IDS_PER_STATEMENT = 500


class Shop:
    """Reads profiles, products and histories; safe to use from many threads.

    It is a `HistoryReader` and a `CatalogueSource`. Ids are integers where the database declares
    them so, and texts elsewhere; every other value is ready for JSON. Each method raises
    `DatabaseError` where the database does not answer in time.
    """

    def __init__(
        self, engine: Engine, connections: OpenConnections, layout: ShopLayout, zone: tzinfo
    ) -> None:
        self._engine = engine
        self._connections = connections
        self._at_once = ReadsAtOnce.of(engine.url)
        self._layout = layout
        self._zone = zone
        self.user_id_kind: IdKind = layout.id_kind("user_id")
        self.product_id_kind: IdKind = layout.id_kind("product_id")
        self._profiles = _Lookup(layout, USER_PROFILE, single=True)
        self._products = _Lookup(layout, PRODUCT)
        self._history = HistoryQuery(layout, engine.dialect.name, zone)
        self._catalogue_token = catalogue_token_query(layout, engine.dialect.name)
        self._is_user = is_id(
            layout[USER_PROFILE], "user_id", self.user_id_kind, engine.dialect.name
        )

    @classmethod
    def open(cls, url: str, *, time_zone: str = "UTC") -> Self:
        """Connect and look at the tables.

        `time_zone` is the IANA name of the zone of times without an offset. Raises `DatabaseError`
        where the database cannot be reached, or lacks tables or columns, and `ConfigError` for an
        unknown zone.
        """
        zone = find_zone(time_zone)
        connections = OpenConnections()
        engine = connect(parse_url(url), connections, answer_timeout_s=ANSWER_TIMEOUT_S)
        try:
            with translated(engine.url, "read the tables of"), engine.connect() as connection:
                layout = read_layout(connection)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, connections, layout, zone)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()
        if self._at_once is not None:
            self._at_once.close()

    def hang_up(self) -> None:
        """Wait no longer for a server: whoever asks, or has asked and waits, gets DatabaseError."""
        self._connections.cut()

    def ping(self) -> None:
        """Raise `DatabaseError` where the database does not answer."""
        ping(self._engine)

    def profile(self, user_id: Id) -> dict[str, Any] | None:
        """All known columns of the user's profile but times, which no answer tells.

        None where no row bears this id.
        """
        return self._look_up(self._profiles, [user_id]).get(user_id)

    def user(self, user_id: Id) -> tuple[dict[str, Any] | None, list[BehaviorRow]]:
        """The user's `profile` and `history`, read at once."""
        with self._connected() as connection:
            return self._read_user(partial(_fetch, connection), user_id)

    def user_at_once(self, user_id: Id) -> tuple[dict[str, Any] | None, list[BehaviorRow]] | None:
        """`user`, from a SQLite file that keeps nobody waiting; None elsewhere."""
        if self._at_once is None:
            return None
        return self._at_once.read(partial(self._read_user, user_id=user_id))

    def products(self, product_ids: Sequence[Id]) -> dict[Id, dict[str, Any]]:
        """The same of those products that exist, by id."""
        found: dict[Id, dict[str, Any]] = {}
        for start in range(0, len(product_ids), IDS_PER_STATEMENT):
            found |= self._look_up(self._products, product_ids[start : start + IDS_PER_STATEMENT])
        return found

    def history(self, user_id: Id) -> list[BehaviorRow]:
        """All usable behaviors of a user, in the order of the CSV; empty where there are none."""
        rows = self._fetch(self._history.statement, self._history.bind(user_id))
        return self._history.read(rows, user_id)

    def catalogue_columns(self, between: Between = nothing) -> CatalogueColumns:
        """All products, in the order of their ids; those whose id cannot be used are left out.

        `between` is called between pieces of the reading, which writers of a SQLite file without a
        WAL wait for. Values are those of `products`, but an empty text counts as none.
        """
        driver_error = self._engine.dialect.loaded_dbapi.Error
        with translated(self._engine.url, "read the products of", driver_error):
            try:
                with self._engine.connect() as connection, strict_texts(connection):
                    return read_catalogue(connection, self._layout, between)
            except driver_error:
                if self._engine.dialect.name != "sqlite":
                    raise
            # Another program has stored a text that is no UTF-8.
            with self._engine.connect() as connection:
                return read_catalogue(connection, self._layout, between)

    def catalogue_token(self) -> str:
        """A text that differs where the products may have changed; `catalogue_token_query` says
        what it misses.
        """
        (row,) = self._fetch(self._catalogue_token)
        return "|".join(map(str, row))

    def event_store(self, config: EventConfig | None = None) -> EventStore:
        """Who writes events into these tables, over the same connections."""
        return EventStore(self._engine, self._layout, self._zone, config or EventConfig())

    def change_feed(self) -> ChangeFeed:
        """Who tells what changes in these tables; the caller closes it before the shop."""
        return ChangeFeed(self._engine, self._layout)

    def erase(self, user_id: Id) -> dict[str, int]:
        """Delete a user from all tables; the number of rows by table (`erasing` says more)."""
        erased = erase_user(self._engine, self._layout, user_id)
        leave_no_copies(self._engine)
        return erased

    def user_ids(self, offset: int, limit: int) -> list[Id]:
        """The ids of a page of the profiles, sorted as the database sorts them."""
        column = self._layout[USER_PROFILE].column("user_id")
        query = select(column).where(*self._is_user).order_by(column)
        rows = self._fetch(query.offset(offset).limit(limit))
        ids = (read_id(value, self.user_id_kind) for (value,) in rows)
        return [id for id in ids if id is not None]

    def count_users(self) -> int:
        """Number of profiles whose id can be used: as many as `user_ids` lists."""
        query = select(func.count()).select_from(self._layout[USER_PROFILE].source)
        return int(self._fetch(query.where(*self._is_user))[0][0])

    def _read_user(
        self, fetch: Fetch, user_id: Id
    ) -> tuple[dict[str, Any] | None, list[BehaviorRow]]:
        found = fetch(self._profiles.statement, self._profiles.bind([user_id]))
        profile = self._profiles.read(found, [user_id]).get(user_id)
        rows = fetch(self._history.statement, self._history.bind(user_id))
        return profile, self._history.read(rows, user_id)

    def _look_up(self, lookup: _Lookup, ids: Sequence[Id]) -> dict[Id, dict[str, Any]]:
        return lookup.read(self._fetch(lookup.statement, lookup.bind(ids)), ids)

    def _fetch(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Sequence[Sequence[Any]]:
        with self._connected() as connection:
            return _fetch(connection, statement, parameters)

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        with translated(self._engine.url, "read from"), self._engine.connect() as connection:
            yield connection


def _fetch(
    connection: Connection, statement: Executable, parameters: Mapping[str, Any] | None
) -> Sequence[Sequence[Any]]:
    return connection.execute(statement, parameters).all()


_ColumnReader = Callable[[Sequence[Any]], Sequence[Any]]
"""From the values of a column to what JSON says of them; null for what cannot be read."""


class _Lookup:
    """The rows of one table by their key, without times; the statement is made once for a shop."""

    def __init__(self, layout: ShopLayout, table: Table, *, single: bool = False) -> None:
        kinds = {name: table.kind(name) for name in layout[table].names}
        self._names = [name for name, kind in kinds.items() if kind != "time"]
        self._key = self._names.index(table.key)
        id_kind = layout.id_kind(table.key)
        self._readers: list[_ColumnReader] = [
            _READERS.get(kinds[name], _texts) for name in self._names
        ]
        self._readers[self._key] = partial(_ids, kind=id_kind)
        filter = IdFilter(layout[table], table.key, id_kind, single=single)
        self.bind = filter.bind
        columns = map(layout[table].told, self._names)
        self.statement = select(*columns).where(filter.condition)

    def read(self, rows: Sequence[Sequence[Any]], ids: Sequence[Id]) -> dict[Id, dict[str, Any]]:
        """Those of the rows whose key is one of `ids`, ready for JSON; the first of each key."""
        wanted, found = set(ids), dict[Id, dict[str, Any]]()
        if not rows:
            return found
        columns = zip(*rows, strict=True)
        read = [reader(column) for reader, column in zip(self._readers, columns, strict=True)]
        for row in zip(*read, strict=True):
            id = row[self._key]
            if id in wanted and id not in found:
                found[id] = dict(zip(self._names, row, strict=True))
        return found


def _ids(column: Sequence[Any], kind: IdKind) -> Sequence[Id | None]:
    return [read_id(value, kind) for value in column]


def _numbers(column: Sequence[Any]) -> Sequence[float | None]:
    return [parse_number(value) for value in column]


def _integers(column: Sequence[Any]) -> Sequence[int | None]:
    numbers = map(parse_number, column)
    return [int(each) if each is not None and each.is_integer() else None for each in numbers]


def _texts(column: Sequence[Any]) -> Sequence[str | None]:
    if _TEXTS.issuperset(map(type, column)):
        return column
    return [None if value is None else str(plain(value)) for value in column]


_TEXTS = frozenset((str, type(None)))

_READERS: dict[Kind, _ColumnReader] = {"number": _numbers, "integer": _integers}
"""Of the kinds that are no texts."""
