"""The shop's database at request time: one user, some products, one user's behaviors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from sqlalchemy import Engine, Executable, func, select

from ..contracts.behaviors import NO_TIME, BehaviorRow
from ..contracts.ids import Id, IdKind
from ..contracts.tables import PRODUCT, USER_PROFILE, Kind, Table
from .engine import connect, parse_url, ping
from .failures import translated
from .history import history_query, read_history
from .identity import bears
from .layout import ShopLayout, read_layout
from .values import format_time, parse_number, parse_time, plain, read_id

ANSWER_TIMEOUT_S = 10
IDS_PER_STATEMENT = 500


class Shop:
    """Reads profiles, products and histories; safe to use from many threads.

    It is a `HistoryReader` and a `Catalogue`. Ids are integers where the database declares them so,
    and texts elsewhere; every other value is ready for JSON. Each method raises `DatabaseError`
    where the database does not answer in time.
    """

    def __init__(self, engine: Engine, layout: ShopLayout) -> None:
        self._engine = engine
        self._layout = layout
        self.user_id_kind: IdKind = layout.id_kind("user_id")
        self.product_id_kind: IdKind = layout.id_kind("product_id")

    @classmethod
    def open(cls, url: str) -> Self:
        """Connect and look at the tables.

        Raises `DatabaseError` where the database cannot be reached, or lacks tables or columns.
        """
        engine = connect(parse_url(url), answer_timeout_s=ANSWER_TIMEOUT_S)
        try:
            with translated(engine.url, "read the tables of"), engine.connect() as connection:
                layout = read_layout(connection)
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, layout)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def ping(self) -> None:
        """Raise `DatabaseError` where the database does not answer."""
        ping(self._engine)

    def profile(self, user_id: Id) -> dict[str, Any] | None:
        """All known columns of the user's profile; None where no row bears this id."""
        rows = self._rows_of(USER_PROFILE, [user_id])
        return rows.get(user_id)

    def products(self, product_ids: Sequence[Id]) -> dict[Id, dict[str, Any]]:
        """All known columns of those products that exist, by id."""
        found: dict[Id, dict[str, Any]] = {}
        for start in range(0, len(product_ids), IDS_PER_STATEMENT):
            found |= self._rows_of(PRODUCT, product_ids[start : start + IDS_PER_STATEMENT])
        return found

    def history(self, user_id: Id) -> list[BehaviorRow]:
        """All usable behaviors of a user, in no particular order; empty where there are none."""
        query = history_query(self._layout, user_id, self._engine.dialect.name)
        return read_history(self._fetch(query), user_id, self._layout)

    def user_ids(self, offset: int, limit: int) -> list[Id]:
        """The ids of a page of the profiles, sorted as the database sorts them."""
        column = self._layout[USER_PROFILE].column("user_id")
        query = select(column).where(column.is_not(None)).order_by(column)
        rows = self._fetch(query.offset(offset).limit(limit))
        ids = (read_id(value, self.user_id_kind) for (value,) in rows)
        return [id for id in ids if id is not None]

    def count_users(self) -> int:
        """Number of profiles."""
        column = self._layout[USER_PROFILE].column("user_id")
        return int(self._fetch(select(func.count(column)))[0][0])

    def _rows_of(self, table: Table, ids: Sequence[Id]) -> dict[Id, dict[str, Any]]:
        layout, key = self._layout[table], table.key
        kind = self._layout.id_kind(key)
        query = select(*layout.columns()).where(bears(layout, key, kind, ids))
        wanted, found = set(ids), {}
        for row in self._fetch(query):
            values = dict(zip(layout.names, row, strict=True))
            id = read_id(values[key], kind)
            if id is not None and id in wanted and id not in found:
                found[id] = {
                    name: for_json(value, table.kind(name)) for name, value in values.items()
                }
                found[id][key] = id
        return found

    def _fetch(self, query: Executable) -> Sequence[Sequence[Any]]:
        with translated(self._engine.url, "read from"), self._engine.connect() as connection:
            return connection.execute(query).all()


def for_json(value: object, kind: Kind) -> Any:
    """A value as JSON says it: times in ISO 8601 and UTC, null for what cannot be read."""
    match kind:
        case "number":
            return parse_number(value)
        case "integer":
            number = parse_number(value)
            return int(number) if number is not None and number.is_integer() else None
        case "time":
            seconds = parse_time(value)
            return None if seconds is None or seconds == NO_TIME else format_time(seconds)
        case _:
            text = plain(value)
            return None if text is None else str(text)
