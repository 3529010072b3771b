"""Merchandising rules as they are kept: each as JSON under its name."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, text

from ..contracts.errors import NameNotFound, StateError
from ..contracts.rules import Rule
from .engine import State

_PUT = text("INSERT OR REPLACE INTO rule (name, body) VALUES (:name, :body)")
_REMOVE = text("DELETE FROM rule WHERE name = :name")
_ALL = text("SELECT name, body FROM rule ORDER BY name")
_REVISION = text("SELECT revision FROM rules_revision")
_COUNT_UP = text("UPDATE rules_revision SET revision = revision + 1")


class Rules:
    """The rules of one state file; threads may share it."""

    def __init__(self, state: State) -> None:
        self._state = state

    def put(self, rule: Rule) -> None:
        """Keep a rule, in place of the one of the same name."""
        body = msgspec.json.encode(rule).decode()
        with self._state.writing("keep a rule in") as connection:
            connection.execute(_PUT, {"name": rule.name, "body": body})
            connection.execute(_COUNT_UP)

    def remove(self, name: str) -> None:
        """Forget a rule; raises NameNotFound where none bears the name."""
        with self._state.writing("remove a rule from") as connection:
            if not connection.execute(_REMOVE, {"name": name}).rowcount:
                raise NameNotFound(f"No rule is named {name!r}.")
            connection.execute(_COUNT_UP)

    def all(self) -> list[Rule]:
        """Every rule, those not in force included, in the order of their names.

        Raises StateError for a rule that this Selera cannot read.
        """
        with self._state.reading("read the rules of") as connection:
            return self._read(connection)

    def revision(self) -> int:
        """A number that grows with every change, in whatever process it is made.

        Who asks for it before `all` never misses a change: at worst the rules are newer.
        """
        with self._state.reading("read the rules of") as connection:
            return int(connection.execute(_REVISION).scalar_one())

    def _read(self, connection: Connection) -> list[Rule]:
        rules = []
        for name, body in connection.execute(_ALL):
            try:
                rules.append(msgspec.json.decode(body, type=Rule))
            except msgspec.MsgspecError as error:
                raise StateError(
                    f"The rule {name!r} in {self._state.path} cannot be read: {error}. Remove it, "
                    "and put it again."
                ) from error
        return rules
