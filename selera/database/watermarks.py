"""How far the rows of one table were told, by a key that grows.

Keys are given out when a row is written and seen when it is committed: on a server a row may
appear below others that were told already. Each key that was skipped is therefore looked for until
it appears, for a minute; of a longer gap the last thousand keys.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    bindparam,
    func,
    or_,
    select,
)

HOLE_S = 60.0
MOST_HOLES = 1000
MOST_NEWS = 10_000
"""New rows of one look above which nobody is named: it is cheaper to forget everything."""


class Watermark:
    """What was told of one table; `key` is an indexed integer column of it that grows from 1.

    `has_holes` says whether rows may appear out of order: SQLite's writers wait for each other.
    """

    def __init__(
        self, source: FromClause, key: ColumnElement[Any], user: ColumnElement[Any], has_holes: bool
    ) -> None:
        self.highest = select(func.max(key)).select_from(source).scalar_subquery()
        self._most_holes = MOST_HOLES if has_holes else 0
        self._told = 0
        self._holes: dict[int, float] = {}
        above = key > bindparam("told", type_=BigInteger())
        missed = key.in_(bindparam("holes", type_=BigInteger(), expanding=True))
        rows = select(key, user).select_from(source).limit(MOST_NEWS + 1)
        self._latest = select(key).select_from(source).order_by(key.desc()).limit(MOST_HOLES)
        self._above = rows.where(above)
        self._above_or_missed = rows.where(or_(above, missed))

    def start(self, connection: Connection, highest: int | None, now: float) -> None:
        """Count everything as told but what is being written at this moment.

        highest, now : as in `news`
        """
        self._holes = {}
        self._told = highest or 0
        if self._most_holes:
            latest = [int(key) for key in connection.execute(self._latest).scalars()]
            self._told = max(max(latest, default=0) - self._most_holes, 0)
            self._advance(latest, now)

    def news(self, connection: Connection, highest: int | None, now: float) -> list[object] | None:
        """The users of the rows that were not told yet; None where too much has changed to say.

        highest : the highest key that the table has now
        now : seconds of a clock that never goes back
        """
        if (highest or 0) < self._told:
            return None  # rows were deleted, or the table is another one
        self._holes = {hole: until for hole, until in self._holes.items() if until > now}
        if (highest or 0) == self._told and not self._holes:
            return []
        rows = self._fetch(connection)
        if len(rows) > MOST_NEWS:
            return None
        self._advance([key for key, _ in rows], now)
        return [user for _, user in rows]

    def _fetch(self, connection: Connection) -> list[tuple[int, object]]:
        if not self._holes:
            rows = connection.execute(self._above, {"told": self._told})
        else:
            bound = {"told": self._told, "holes": list(self._holes)}
            rows = connection.execute(self._above_or_missed, bound)
        return [(int(key), user) for key, user in rows]

    def _advance(self, keys: list[int], now: float) -> None:
        for key in keys:
            self._holes.pop(key, None)
        highest = max(keys, default=self._told)
        if highest <= self._told:
            return
        seen = set(keys)
        first = max(self._told + 1, highest - self._most_holes)
        for key in range(first, highest):
            if key not in seen:
                self._holes[key] = now + HOLE_S
        self._told = highest
