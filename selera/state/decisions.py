"""The gate's book: what became of each trained version, when, and why."""

from __future__ import annotations

from typing import Literal

import msgspec
from sqlalchemy import RowMapping, text

from .engine import State

DecisionAction = Literal["published", "kept_aside", "promoted", "rolled_back", "pruned"]

_COLUMNS = (
    "version, decided_at, action, reason, champion, relative_difference, low, high, metric, n_users"
)
_INSERT = text(
    f"INSERT INTO decision ({_COLUMNS}) VALUES (:version, :decided_at, :action, :reason, :champion,"
    " :relative_difference, :low, :high, :metric, :n_users)"
)
_ALL = text(f"SELECT {_COLUMNS} FROM decision ORDER BY decision_id DESC")
_OF = text(f"SELECT {_COLUMNS} FROM decision WHERE version = :version ORDER BY decision_id DESC")


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the book.

    version : the model version that it is about
    decided_at : ISO 8601 in UTC
    reason : one sentence for a person
    champion : the version that was published at that time; None if there was none
    relative_difference, low, high : challenger less champion as a part of the champion's metric,
        and its interval; None where nothing was compared
    metric, n_users : what was compared, over how many users
    """

    version: str
    decided_at: str
    action: DecisionAction
    reason: str
    champion: str | None = None
    relative_difference: float | None = None
    low: float | None = None
    high: float | None = None
    metric: str | None = None
    n_users: int | None = None


class Decisions:
    """The book of one state file; lines are added, never changed. Threads may share it."""

    def __init__(self, state: State) -> None:
        self._state = state

    def record(self, decision: Decision) -> None:
        """Add one line."""
        with self._state.writing("record a decision in") as connection:
            connection.execute(_INSERT, msgspec.structs.asdict(decision))

    def all(self) -> list[Decision]:
        """Every line, the newest first."""
        with self._state.reading("read the decisions of") as connection:
            return [_decision(row) for row in connection.execute(_ALL).mappings()]

    def of(self, version: str) -> list[Decision]:
        """The lines about one version, the newest first; none for a version nobody knows."""
        with self._state.reading("read the decisions of") as connection:
            rows = connection.execute(_OF, {"version": version}).mappings()
            return [_decision(row) for row in rows]


def _decision(row: RowMapping) -> Decision:
    return Decision(**{name: row[name] for name in Decision.__struct_fields__})
