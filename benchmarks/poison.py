"""Poison: what does the gate hold of floods of fake behaviors, and what of honest events?

Shops are cut in time; the champion has the past, and what followed is honest. Question 3 of the
gate (`selera/evaluation/surge.py`) is put to honest parts of many sizes, then to parts to which a
sale, a launch, an import of users, or a flood of fakes of the least popular products was added. It
only counts pairs, so all shops are asked. Question 4 needs a model of each case: `svd` is asked,
on the shops in `REMEMBERED`, and there the places that the flooded products took in lists of ten
are counted, too: their share after less that before, in the lists of users with a history and in
that of one without, which is of popular products and which the gate does not look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from selera.contracts.behaviors import NO_TIME
from selera.contracts.histories import Histories
from selera.contracts.ids import Id
from selera.contracts.interactions import Interactions
from selera.evaluation.duel import cut_at, known_rows, recall_memory, renumbered, translated
from selera.evaluation.judging import make_lists
from selera.evaluation.surge import FEWEST_PAIRS, beyond_expectation
from selera.models.recommender import Recommender
from selera.pipeline.train import TrainConfig
from selera.training import fit_recommender
from selera.training.splits import Split
from selera.training.targets import draw, hidden_entries, strongest_behavior

from .additions import Addition, Rows, floods, honest_events, joined, ordered
from .environment import DATA, environment, save
from .shops import imported, simulated

NAME = "poison"
SETS = ("ml-100k", "retailrocket", "online-retail", "complete-journey")
REMEMBERED = ("shop", "retailrocket")
CONFIG = TrainConfig(model="svd")
WIDTHS = (0.002, 0.005, 0.01, 0.03, 0.1, 0.3, 0.5)
CUTS = ((0.9, 0.1), (0.7, 0.02), (0.5, 0.5))
"""Where the champion's data ends, and how much is new, as shares of all behaviors."""
NO_HISTORY = Histories.plain(np.zeros(2, dtype=np.int64), np.empty(0, dtype=np.int32))
"""Of one user."""


def run() -> Path:
    """Ask both questions about every shop that is there."""
    measured_in = environment()
    missing = [name for name in SETS if not (DATA / name).is_dir()]
    if missing:
        print(f"left out, not in {DATA}: {', '.join(missing)}", flush=True)
    windows: list[dict[str, Any]] = []
    cases: list[Case] = []
    for name in ("shop", *(name for name in SETS if name not in missing)):
        loaded = simulated() if name == "shop" else imported(name)
        shop = replace(loaded, user_features=None, item_features=None, texts=None, text_places=None)
        windows += honest_windows(name, shop)
        for cut in CUTS:
            found = list(ask_cut(name, shop, *cut))
            print(f"{name}, cut at {cut[0]:.0%}: {len(found)} cases", flush=True)
            cases += found
    settings = {
        "seed": CONFIG.seed,
        "surge_tolerance": CONFIG.gate.surge_tolerance,
        "memory_tolerance": CONFIG.gate.memory_tolerance,
        "cuts": CUTS,
        "missing": missing,
        "memories": {"model": CONFIG.model, "shops": [n for n in REMEMBERED if n not in missing]},
    }
    rows = [summarized(row, cases) for row in dict.fromkeys(case.row for case in cases)]
    result = {**settings, "honest parts": windows, "rows": rows}
    return save(NAME, f"python -m benchmarks {NAME}", result, measured_in)


def honest_windows(name: str, shop: Interactions) -> Iterator[dict[str, Any]]:
    """The surges of honest parts, width by width; those of too few new pairs are not asked."""
    pairs, first = np.unique(shop.pairs, return_index=True)
    items, since = pairs % shop.n_items, shop.timestamps[first]
    for width in WIDTHS:
        starts = np.arange(0.3, 1 - width + 1e-9, max(0.025, width / 4))
        surges = []
        for start in starts:
            ends = np.quantile(shop.timestamps, [start, min(start + width, 1)], method="lower")
            parts = (since <= ends[0], (since > ends[0]) & (since <= ends[1]))
            had, gained = (np.bincount(items[part], minlength=shop.n_items) for part in parts)
            if gained.sum() >= FEWEST_PAIRS:
                surges.append(_share(had, gained))
        yield {
            "shop": name,
            "width": width,
            "n_parts": len(starts),
            "n_asked": len(surges),
            "median": round(float(np.median(surges)), 3) if surges else None,
            "most": round(max(surges), 3) if surges else None,
        }


@dataclass(frozen=True, slots=True)
class Case:
    """What the gate saw, and what it cannot see.

    is_forgetful : question 4 holds it; None where no model was asked
    places : shares of all places that the flooded products took in the lists of users with a
        history, and in that of one without; None where no model was asked or nothing is flooded
    """

    shop: str
    row: str
    surge: float
    is_forgetful: bool | None
    places: tuple[float, float] | None

    @property
    def is_flooded(self) -> bool:
        """Question 3 holds it."""
        return self.surge > CONFIG.gate.surge_tolerance


def ask_cut(name: str, shop: Interactions, start: float, width: float) -> Iterator[Case]:
    """Every case of one shop whose past ends at `start`."""
    ends = np.quantile(shop.timestamps, [start, start + width], method="lower")
    split = cut_at(shop.where(shop.timestamps <= ends[1]), int(ends[0]), seed=CONFIG.seed)
    rng = np.random.default_rng(CONFIG.seed)
    champion = _fitted(split.train) if name in REMEMBERED else None
    for addition in chain(honest_events(split, rng), floods(split, rng)):
        surge = _surge(split, addition)
        asked = (None, None) if champion is None else _remembered(champion, split, addition, rng)
        yield Case(name, addition.row, surge, *asked)


def _surge(split: Split, addition: Addition) -> float:
    """Question 3, by the pairs alone."""
    sides = [(p.user_rows, p.item_rows) for p in (split.train, split.test, addition)]
    width = max(int(items.max(initial=0)) for _, items in sides) + 1
    before, *later = (users.astype(np.int64) * width + items for users, items in sides)
    known = np.unique(before)
    fresh = np.setdiff1d(np.unique(np.concatenate(later)), known, assume_unique=True)
    return _share(*(np.bincount(each % width, minlength=width) for each in (known, fresh)))


def _share(had: Rows, gained: Rows) -> float:
    return float(beyond_expectation(had, gained).sum() / gained.sum())


def _fitted(data: Interactions) -> Recommender:
    """With products by popularity and all in order, as training has them."""
    nothing = data.where(np.zeros(len(data), dtype=np.bool_))
    whole = renumbered(Split("temporal", data, nothing, NO_TIME), seed=CONFIG.seed)
    data = ordered(whole.train)
    return fit_recommender(data, CONFIG.model, CONFIG, seed=CONFIG.seed)


def _remembered(
    champion: Recommender, split: Split, addition: Addition, rng: np.random.Generator
) -> tuple[bool, tuple[float, float] | None]:
    """The last two of a `Case`."""
    model = _fitted(joined(split, addition, rng))
    behavior = strongest_behavior(split.train)
    limits = {"n": CONFIG.evaluation.n, "max_users": CONFIG.evaluation.max_users}
    found = recall_memory(champion, champion, model, behavior, **limits, seed=CONFIG.seed)
    high = None if found is None else found.difference.high
    is_forgetful = high is not None and high < -CONFIG.gate.memory_tolerance
    if not len(addition.flooded):
        return is_forgetful, None
    users = np.flatnonzero(np.diff(champion.histories.indptr))
    users = users[draw(len(users), CONFIG.evaluation.max_users, CONFIG.seed)]
    flooded = split.train.items.ids(addition.flooded)
    with_history, without = (
        _places(model, champion, histories, flooded)
        - _places(champion, champion, histories, flooded)
        for histories in (champion.histories.gather(users), NO_HISTORY)
    )
    return is_forgetful, (with_history, without)


def _places(
    model: Recommender, champion: Recommender, histories: Histories, items: list[Id]
) -> float:
    """The share of these items in the lists for histories of the champion."""
    own = translated(histories, known_rows(model, champion.items))
    hidden = hidden_entries(own, "new")
    users = np.arange(len(own))
    lists, _ = make_lists(model, own, CONFIG.evaluation.n, hidden=hidden, users=users)
    return float(np.isin(lists, model.items.rows(items)).mean())


def summarized(row: str, cases: list[Case]) -> dict[str, Any]:
    """One row of the table."""
    own = [case for case in cases if case.row == row]
    asked = [case for case in own if case.is_forgetful is not None]
    held = [case for case in asked if case.is_flooded or case.is_forgetful]
    passed = [case for case in asked if case not in held]
    return {
        "row": row,
        "surge": [round(each(case.surge for case in own), 3) for each in (min, max)],
        "n_cases": len(own),
        "n_held": sum(case.is_flooded for case in own),
        "asked for memories": {
            "n_cases": len(asked),
            "n_held_by_surge": sum(case.is_flooded for case in asked),
            "n_held": len(held),
            "n_held_by_shop": dict(Counter(case.shop for case in held)),
            "most_places_of_passing": _most_places(passed),
        },
    }


def _most_places(cases: list[Case]) -> dict[str, dict[str, float]]:
    """Shop by shop, the most that fakes took of lists of each kind."""
    taken: dict[str, list[tuple[float, float]]] = {}
    for case in cases:
        if case.places is not None:
            taken.setdefault(case.shop, []).append(case.places)
    return {
        shop: {
            kind: round(max(0.0, *column), 3)
            for kind, column in zip(
                ("with history", "without"), zip(*own, strict=True), strict=True
            )
        }
        for shop, own in taken.items()
    }
