"""Merchandising rules at work: which products they hide, pin and boost in one shop, one model."""

from __future__ import annotations

import itertools
import threading
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..contracts.errors import ConfigError
from ..contracts.rules import Rule
from .filters import having, having_tag, rows_of
from .shelf import Shelf

ReadRules = Callable[[], Sequence[Rule]]

_EVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_MOST_EFFECTS = 4

_numbers = itertools.count(1)


class Boost(msgspec.Struct, frozen=True):
    """What one rule adds to the scores of its products.

    name : of the rule
    strength : in standard deviations of the user's scores
    """

    name: str
    strength: float


@dataclass(frozen=True, slots=True)
class Effects:
    """What the rules in force do to the lists of one model.

    hidden : bool (n_products,), by row of the catalogue
    pinned : int64, rows of the catalogue, in the order of the rules that pin them
    pinned_by : of the same length, those rules
    lift : float32 (n_items,), the sum of the boosts of each item; None where no rule boosts
    boosts : each boost and the products that it lifts, bool (n_products,)
    """

    hidden: NDArray[np.bool_]
    pinned: NDArray[np.int64]
    pinned_by: list[str]
    lift: NDArray[np.float32] | None
    boosts: tuple[tuple[Boost, NDArray[np.bool_]], ...]

    def boosts_of(self, row: int) -> list[Boost]:
        """The boosts of the product in this row of the catalogue."""
        return [boost for boost, lifted in self.boosts if lifted[row]]


class InForce(NamedTuple):
    """The rules that hold from one moment to another.

    number : that no other rules in force of this process have; 0 for no rules at all
    """

    number: int
    rules: tuple[Rule, ...]
    since: datetime
    until: datetime


NOTHING_IN_FORCE = InForce(0, (), *_EVER)


def read_rules_file(path: Path) -> tuple[Rule, ...]:
    """The rules of a TOML file, `[[rule]]` each.

    Raises ConfigError for a file that cannot be read, and for a rule that is none.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(
            f"The rules in {path} cannot be read: {error}. Correct the file, or leave the setting "
            f"serving.rules_file empty."
        ) from error
    rules = document.get("rule", [])
    if set(document) - {"rule"} or not isinstance(rules, list):
        raise ConfigError(
            f"{path} may hold [[rule]] tables alone, got {', '.join(sorted(document))}. Write each "
            f"rule under a line [[rule]]."
        )
    return tuple(_rule(each, path, place) for place, each in enumerate(rules, start=1))


def _rule(given: Any, path: Path, place: int) -> Rule:
    try:
        return msgspec.convert(given, Rule)
    except msgspec.ValidationError as error:
        name = given.get("name") if isinstance(given, dict) else None
        called = f" ({name!r})" if isinstance(name, str) else ""
        raise ConfigError(
            f"Rule {place}{called} of {path} cannot be used: {error}. Correct it or take it out."
        ) from error


class Rules:
    """The rules of all sources, and what they do; read again when `refresh` is called.

    A later source's rule replaces an earlier one's of the same name. Safe between threads.
    """

    def __init__(self, sources: Sequence[ReadRules] = ()) -> None:
        self._sources = tuple(sources)
        self._lock = threading.Lock()
        self._rules: tuple[Rule, ...] = ()
        self._in_force = NOTHING_IN_FORCE
        self._effects: dict[tuple[int, int], Effects] = {}

    def refresh(self) -> None:
        """Ask the sources for their rules; raises what they raise, the old rules then stay."""
        by_name = {rule.name: rule for read in self._sources for rule in read()}
        rules = tuple(by_name.values())
        with self._lock:
            if rules != self._rules:
                self._rules = rules
                self._in_force = _in_force(rules, datetime.now(UTC))

    def in_force(self, now: datetime | None = None) -> InForce:
        """The rules that hold at `now`, by default at this moment."""
        held = self._in_force
        if held is NOTHING_IN_FORCE:
            return held
        moment = now or datetime.now(UTC)
        if not held.since <= moment < held.until:
            with self._lock:
                self._in_force = held = _in_force(self._rules, moment)
        return held

    def effects(self, shelf: Shelf, in_force: InForce) -> Effects | None:
        """What these rules do with this catalogue and model; None where there are none."""
        if not in_force.rules:
            return None
        key = shelf.number, in_force.number
        held = self._effects.get(key)
        if held is None:
            held = _effects(shelf, in_force.rules)
            newest = list(self._effects.items())[1 - _MOST_EFFECTS :]
            self._effects = {**dict(newest), key: held}
        return held


def _in_force(rules: Sequence[Rule], moment: datetime) -> InForce:
    """The rules that hold at a moment, and between which moments it is these."""
    if not rules:
        return NOTHING_IN_FORCE
    turns = {turn for rule in rules for turn in (rule.starts_at, rule.ends_at) if turn is not None}
    return InForce(
        next(_numbers),
        tuple(rule for rule in rules if rule.holds_at(moment)),
        max((turn for turn in turns if turn <= moment), default=_EVER[0]),
        min((turn for turn in turns if turn > moment), default=_EVER[1]),
    )


def _effects(shelf: Shelf, rules: Sequence[Rule]) -> Effects:
    n_products = len(shelf.columns)
    hidden = np.zeros(n_products, dtype=np.bool_)
    pins: list[tuple[str, NDArray[np.int64]]] = []
    lift = np.zeros(n_products + 1, dtype=np.float32)  # the last one: of what is not sold
    boosts: list[tuple[Boost, NDArray[np.bool_]]] = []
    for rule in rules:
        rows = _rows(shelf, rule)
        match rule.action:
            case "hide":
                hidden[rows] = True
            case "pin":
                pins.append((rule.name, rows))
            case "boost":
                lifted = np.zeros(n_products, dtype=np.bool_)
                lifted[rows] = True
                lift[:-1] += np.float32(rule.strength) * lifted
                boosts.append((Boost(rule.name, rule.strength), lifted))
    pinned, pinned_by = _pinned(pins)
    return Effects(
        hidden=hidden,
        pinned=pinned,
        pinned_by=pinned_by,
        lift=lift[shelf.places] if boosts else None,
        boosts=tuple(boosts),
    )


def _pinned(
    pins: Sequence[tuple[str, NDArray[np.int64]]],
) -> tuple[NDArray[np.int64], list[str]]:
    """The pinned rows and their rules, each row once: by the first rule that pins it."""
    rows = np.concatenate([np.empty(0, np.int64), *(rows for _, rows in pins)])
    names = [name for name, rows in pins for _ in range(len(rows))]
    first = np.sort(np.unique(rows, return_index=True)[1])
    return rows[first], [names[at] for at in first.tolist()]


def _rows(shelf: Shelf, rule: Rule) -> NDArray[np.int64]:
    """The rows of the products that meet all conditions; named products in their order."""
    columns = shelf.columns
    meets = np.ones(len(columns), dtype=np.bool_)
    if rule.category is not None:
        meets &= having(columns.category, (rule.category,))
    if rule.brand is not None:
        meets &= having(columns.brand, (rule.brand,))
    if rule.tag is not None:
        meets &= having_tag(columns.tag, (rule.tag,))
    if not rule.product_ids:
        return np.flatnonzero(meets)
    named = rows_of(shelf.ids, rule.product_ids)
    return named[meets[named]]
