"""The last two questions of the gate: are the behaviors since the published model to be trusted?

They are in no part of the comparison of recipes but as targets, and fakes are targets that both
recipes miss alike. So the model that learnt from everything is looked at itself:

3. Do the new behaviors flood few products? Of the (user, product) pairs that the model has and the
   champion had not, at most `surge_tolerance` may be beyond three times what the products' past
   lets expect (`evaluation/surge.py`). What was measured to choose it is in docs/evaluation.md.
4. Do they spoil what was known? The model is asked for the champion's latest memories, beside the
   model that has not seen the new behaviors; it must not be surely worse by `memory_tolerance`.

What question 3 cannot see: a flood below the tolerance, such as one of a single product, which
takes one place of each list at most, or of fewer than 100 pairs; one that lifts products no more
than threefold or all products alike (question 4 is for that); fakes that repeat pairs that the
champion knows. It cannot tell a flood from an honest surge as large: a shop whose whole assortment
is new each season allows more, or publishes by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import structlog

from ..contracts.behaviors import Behavior
from ..evaluation.duel import recall_memory
from ..evaluation.surge import find_surge
from ..models import Recommender
from .gate import Ruling, Verdict, told

if TYPE_CHECKING:
    from .train import TrainConfig

log = structlog.get_logger(__name__)


def judge_new_behaviors(
    ruling: Ruling,
    champion: Recommender,
    model: Recommender,
    config: TrainConfig,
    behavior: Behavior,
) -> Verdict:
    """Questions 3 and 4, put to the model of all data; the ruling's own verdict where it holds."""
    if not ruling.verdict.is_good:
        return ruling.verdict
    return (
        _flooded(champion, model, config)
        or _forgetful(ruling, champion, model, config, behavior)
        or ruling.verdict
    )


def _flooded(champion: Recommender, model: Recommender, config: TrainConfig) -> Verdict | None:
    """Question 3: a verdict where the answer is "no"."""
    found = find_surge(champion, model)
    if found is None:
        return None
    log.info("measured the surge", n_pairs=found.n_pairs, n_items=found.n_items, share=found.share)
    allowed = config.gate.surge_tolerance
    if found.share <= allowed:
        return None
    products = ", ".join(map(str, found.foremost))
    reason = (
        f"few products are flooded: of the {found.n_pairs:,} new pairs of user and product, "
        f"{found.share:.0%} are beyond three times what the past of their products lets expect, "
        f"in {found.n_items:,} products, foremost {products} "
        f"(training.gate.surge_tolerance allows {allowed:.0%})"
    )
    return Verdict(False, reason)


def _forgetful(
    ruling: Ruling,
    champion: Recommender,
    model: Recommender,
    config: TrainConfig,
    behavior: Behavior,
) -> Verdict | None:
    """Question 4: a verdict where the answer is "no"."""
    settings = config.evaluation
    found = recall_memory(
        champion,
        ruling.before,
        model,
        behavior,
        n=settings.n,
        max_users=settings.max_users,
        seed=config.seed,
    )
    log.info("asked for memories", found=None if found is None else msgspec.to_builtins(found))
    high = None if found is None else found.difference.high
    if found is None or high is None or high >= -config.gate.memory_tolerance:
        return None
    reason = (
        f"with the new behaviors the model forgets what was known: {told(found)} on what the "
        "published model remembers (training.gate.memory_tolerance allows "
        f"{-config.gate.memory_tolerance:.0%})"
    )
    return Verdict(False, reason, found)
