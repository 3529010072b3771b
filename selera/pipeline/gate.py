"""The gate: no training goes live because it finished; it must hold against what is published.

The published model is the champion, the newly trained one the challenger. Four questions are put,
and the first answer "no" keeps the challenger aside:

1. Does the past still stand? Of the (user, product) pairs that the champion learnt from, the data
   must still hold nearly all. A CSV that was cut, mixed up, or is another shop's fails here.
2. Is it as good on what came next? The challenger's recipe is fitted on the data up to the end of
   the champion's, and both are asked for what users chose after it, which neither has seen
   (`evaluation/duel.py`). It passes where the lower bound of the relative difference of NDCG is
   above -`tolerance`. Where recipe, settings and that past are the champion's own, its fit would
   be the champion again: the difference is 0 and nothing is fitted. Where only the past differs (a
   user was erased, a row came late), a thousand users are too few to tell so small a difference
   from none: the same recipe passes, too, where the difference itself is above -`tolerance` and
   the interval holds 0. Where too few users did anything new, the two recipes are compared on one
   temporal split of the data instead; equal recipes then have nothing to compare.
3. Do the new behaviors flood few products? See `new_behaviors.py`.
4. Do they spoil what was known? See there, too.

What the gate cannot see: poison that comes in doses below these tolerances, training after
training; what becomes of predicted stars, of users without a history, and of product or profile
fields, for only lists from histories are judged. Where the targets themselves are poisoned, both
models miss them alike: the difference shrinks towards 0, and the other questions have to hold
alone. A recipe that is compared with another one for want of new behaviors learns from the same
poison as that one does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta

from .. import __version__
from ..contracts.behaviors import NO_TIME
from ..contracts.errors import NothingToLearn
from ..contracts.fingerprint import fingerprint
from ..contracts.ids import UNKNOWN_ROW
from ..contracts.interactions import Interactions
from ..contracts.protocols import Progress, silent
from ..evaluation.duel import Duel, ask, cut_at, duel, renumbered
from ..models import Recommender
from ..training import fit_recommender
from ..training.splits import make_splits
from ..training.targets import draw, strongest_behavior

if TYPE_CHECKING:
    from .train import TrainConfig

Share = Annotated[float, Meta(ge=0.0, le=1.0)]


class GateConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a trained model may be published.

    tolerance : it may be worse by this share of the published model's NDCG at most, by the lower
        bound of the 95 % interval
    least_users : users who chose something new since the published model, below which recipes are
        compared instead
    most_lost : share of what the published model learnt from that the data may have lost
    surge_tolerance : share of the new (user, product) pairs that may be a surge of few products:
        beyond three times what their past lets expect
    memory_tolerance : share of its hits on the published model's latest memories that the new
        behaviors may cost
    """

    tolerance: Share = 0.02
    least_users: Annotated[int, Meta(ge=1)] = 100
    most_lost: Share = 0.1
    surge_tolerance: Share = 0.25
    memory_tolerance: Share = 0.3


class Verdict(msgspec.Struct, frozen=True):
    """What the gate says of one training.

    is_good : whether the model may go live
    reason : one sentence for a person
    duel : the comparison that decided; None where nothing was compared
    """

    is_good: bool
    reason: str
    duel: Duel | None = None


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict on the recipe, and the model that has not seen the new behaviors."""

    verdict: Verdict
    before: Recommender


def content_facts(interactions: Interactions) -> dict[str, Any]:
    """What a model's metadata must say of its data, so that the gate knows what it has seen.

    until : UTC seconds of its latest behavior, None where nothing has a time
    fingerprint : see `contracts/fingerprint.py`
    """
    times = interactions.timestamps[interactions.timestamps != NO_TIME]
    until = int(times.max()) if len(times) else None
    return {"until": until, "fingerprint": fingerprint(interactions)}


def judge_recipe(
    champion: Recommender,
    interactions: Interactions,
    config: TrainConfig,
    *,
    trained_at: int,
    progress: Progress = silent,
) -> Ruling:
    """Questions 1 and 2. `trained_at`, UTC seconds, bounds what the champion can have seen."""
    lost = _lost_share(champion, interactions, config)
    if lost > config.gate.most_lost:
        reason = (
            f"the data no longer holds {lost:.0%} of what the published model learnt from "
            f"(training.gate.most_lost allows {config.gate.most_lost:.0%})"
        )
        return Ruling(Verdict(False, reason), champion)
    until = champion.facts["data"].get("until")
    if until is not None:
        ruling = _fresh(champion, interactions, min(until, trained_at), config, progress)
        if ruling is not None:
            return ruling
    return _recipes(champion, interactions, config, progress)


def told(found: Duel) -> str:
    """`NDCG@10 -7.3 % (95 % interval -9.1 % .. -5.5 %, 1,203 users)`."""
    gain = found.difference
    return (
        f"{found.metric.upper()} {gain.mean:+.1%} (95 % interval {gain.low:+.1%} .. "
        f"{gain.high:+.1%}, {found.n_users:,} users)"
    )


def _fresh(
    champion: Recommender,
    interactions: Interactions,
    until: int,
    config: TrainConfig,
    progress: Progress,
) -> Ruling | None:
    """Question 2 on what came after the champion's data; None with too few users."""
    settings = config.evaluation
    split = cut_at(interactions, until, seed=config.seed)
    if not len(split.test):
        return None
    asked = ask(
        split,
        strongest_behavior(interactions),
        max_users=settings.max_users,
        seed=config.seed,
        seen_by=champion,
    )
    if len(asked.targets.users) < config.gate.least_users:
        return None
    challenger = champion
    if not _would_be_the_same(champion, split.train, config):
        try:
            challenger = _fitted(split.train, config, config, progress)
        except NothingToLearn:
            return None
    found = duel(champion, challenger, asked, n=settings.n, seed=config.seed)
    equal = " by the same recipe on the same past" if challenger is champion else ""
    where = f"on what users chose since then{equal}"
    same_recipe = _same_recipe(champion, config)
    return Ruling(_verdict(found, where, config, same_recipe=same_recipe), challenger)


def _recipes(
    champion: Recommender, interactions: Interactions, config: TrainConfig, progress: Progress
) -> Ruling:
    """Question 2 for recipes, on one split of the data."""
    few = f"fewer than {config.gate.least_users} users chose anything new since"
    if _same_recipe(champion, config):
        return Ruling(Verdict(True, f"{few}, and the recipe is the same"), champion)
    try:
        theirs = msgspec.convert(champion.facts["hyperparameters"], type(config))
    except msgspec.ValidationError:
        return Ruling(Verdict(True, f"{few}, and the settings are of another release"), champion)
    theirs = msgspec.structs.replace(theirs, model=champion.algorithm)
    settings = config.evaluation
    made = make_splits(interactions, n_cuts=1, test_share=settings.test_share, seed=config.seed)
    split = renumbered(next(made), seed=config.seed)
    behavior = strongest_behavior(interactions)
    asked = ask(split, behavior, max_users=settings.max_users, seed=config.seed, seen_by=None)
    if not len(asked.targets.users):
        return Ruling(Verdict(True, f"{few}, and no part of the data can be held out"), champion)
    try:
        old = _fitted(split.train, theirs, config, progress)
        new = _fitted(split.train, config, config, progress)
    except NothingToLearn:
        return Ruling(Verdict(True, f"{few}, and the rest teaches nothing"), champion)
    found = duel(old, new, asked, n=settings.n, seed=config.seed)
    where = f"on the latest {settings.test_share:.0%} of the data, both recipes fitted on the rest"
    return Ruling(_verdict(found, where, config, same_recipe=False), new)


def _verdict(found: Duel, where: str, config: TrainConfig, *, same_recipe: bool) -> Verdict:
    gain, tolerance = found.difference, config.gate.tolerance
    low, high = gain.low or 0.0, gain.high or 0.0
    unclear = same_recipe and gain.mean > -tolerance and high >= 0
    if low > -tolerance:
        rest = ""
    elif unclear:
        rest = "; the recipe is the same, and so small a difference may be none"
    else:
        rest = f"; training.gate.tolerance allows {-tolerance:.1%}"
    return Verdict(low > -tolerance or unclear, f"{told(found)} {where}{rest}", found)


def _fitted(
    past: Interactions, config: TrainConfig, ours: TrainConfig, progress: Progress
) -> Recommender:
    """The recipe of `config` on the past, as it would be published."""
    return fit_recommender(
        past,
        config.model,
        config,
        seed=ours.seed,
        progress=lambda stage, done, total: progress(f"gate: {stage}", done, total),
    )


def _same_recipe(champion: Recommender, config: TrainConfig) -> bool:
    return champion.algorithm == config.model and _learning(
        champion.facts["hyperparameters"]
    ) == _learning(msgspec.to_builtins(config))


_NOT_LEARNING = ("model", "seed", "evaluation", "gate", "keep_versions")


def _learning(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that a fit depends on, as JSON has them."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(settings))
    return {name: each for name, each in plain.items() if name not in _NOT_LEARNING}


def _would_be_the_same(champion: Recommender, past: Interactions, config: TrainConfig) -> bool:
    """Whether a fit on the past would be the champion: equal recipe, seed and behaviors."""
    return (
        _same_recipe(champion, config)
        and champion.facts["seed"] == config.seed
        and champion.facts["libraries"]["selera"] == __version__
        and champion.facts["data"].get("fingerprint") == fingerprint(past)
    )


_USERS_LOOKED_AT = 5000


def _lost_share(champion: Recommender, interactions: Interactions, config: TrainConfig) -> float:
    """The share of the champion's (user, item) pairs that the data lacks, by some of its users."""
    users = draw(len(champion.users), _USERS_LOOKED_AT, config.seed)
    histories = champion.histories.gather(users)
    rows = interactions.users.rows(champion.users.ids(users))[histories.rows]
    items = interactions.items.rows(champion.items.ids(range(len(champion.items))))
    items = items[histories.items]
    known = (rows != UNKNOWN_ROW) & (items != UNKNOWN_ROW)
    pairs = rows[known] * interactions.n_items + items[known]
    n_held = np.count_nonzero(np.isin(pairs, interactions.pairs))
    return 1 - n_held / max(len(histories.items), 1)
