"""Merchandising rules as they are kept: each as JSON under its name."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, text

from ..contracts.errors import NameNotFound, StateError
from ..contracts.rules import Rule
from .engine import State
from .names import check_name

_PUT = text("INSERT OR REPLACE INTO rule (name, body) VALUES (:name, :body)")
_REMOVE = text("DELETE FROM rule WHERE name = :name")
_ALL = text("SELECT name, body FROM rule ORDER BY name")


class Rules:
    """The rules of one state file; threads may share it."""

    def __init__(self, state: State) -> None:
        self._state = state

    def put(self, rule: Rule) -> None:
        """Keep a rule, in place of the one of the same name.

        Raises ConfigError for a name that cannot be one.
        """
        check_name("rule", rule.name)
        body = msgspec.json.encode(rule).decode()
        with self._state.writing("keep a rule in") as connection:
            connection.execute(_PUT, {"name": rule.name, "body": body})

    def remove(self, name: str) -> None:
        """Forget a rule; raises NameNotFound where none bears the name."""
        with self._state.writing("remove a rule from") as connection:
            if not connection.execute(_REMOVE, {"name": name}).rowcount:
                raise NameNotFound(f"No rule is named {name!r}.")

    def all(self) -> list[Rule]:
        """Every rule, those not in force included, in the order of their names.

        Raises StateError for a rule that this Selera cannot read.
        """
        with self._state.reading("read the rules of") as connection:
            return self._read(connection)

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
