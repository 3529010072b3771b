"""The default protocol, which runs before a model is published.

Rolled over a few cut-offs in time, a recipe is fitted on what came before and judged on what came
next: every judged user gets a list from the whole catalogue that train knows, none of it sampled.
Three views say what a list may hold: only items that are new to the user (the headline, and what is
served by default), also what the user saw but never bought, or everything. Popularity and biases,
fitted on the same train, stand beside. A user judged at several cut-offs counts once, with the
mean; intervals resample users. Nothing in test is seen before it is scored.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..contracts.behaviors import Behavior
from ..contracts.errors import NothingToLearn
from ..contracts.interactions import Interactions
from ..contracts.protocols import Progress, silent
from ..models.recommender import Recommender
from ..training.recipes import fit_recommender
from ..training.settings import TrainingConfig
from ..training.splits import Split, by_popularity, make_splits
from ..training.targets import Targets, View, find_targets, strongest_behavior
from .config import EvaluationConfig
from .diversity import UserCosine
from .judging import JudgedLists, judge_lists, judge_stars
from .new_items import judge_new_items
from .results import Evaluation
from .summing import YARDSTICKS, Judged, summed

_DIVERSITY_USERS = 300

VIEWS: tuple[View, ...] = ("new", "not bought", "all")


def evaluate(
    interactions: Interactions,
    algorithms: Sequence[str],
    training: TrainingConfig,
    config: EvaluationConfig,
    *,
    seed: int,
    progress: Progress = silent,
) -> Evaluation:
    """Judge recipes and the baselines (see the module's text). Raises as `fit_recommender` does.

    Raises NothingToLearn where nothing can be held out.
    """
    target = strongest_behavior(interactions)
    asked = [name for name in dict.fromkeys(algorithms) if name not in ("popularity", YARDSTICKS)]
    judged: list[Judged] = []
    splits = []
    made = make_splits(interactions, n_cuts=config.n_cuts, test_share=config.test_share, seed=seed)
    for done, split in enumerate(made):
        progress("evaluate", done, config.n_cuts)
        with suppress(NothingToLearn):  # so early a cut-off may have nothing before it
            task = _Task(by_popularity(split, seed), target, training, config, seed)
            judged += task.judge_all([*asked, YARDSTICKS])
            splits.append(split)
    progress("evaluate", config.n_cuts, config.n_cuts)
    if not judged:
        raise NothingToLearn(f"{len(interactions)} behaviors are too few to hold some of them out")
    return summed(judged, config, _facts(splits, interactions, target, config), seed=seed)


@dataclass(frozen=True, slots=True)
class _Task:
    """One split to judge recipes on."""

    split: Split
    target: Behavior
    training: TrainingConfig
    config: EvaluationConfig
    seed: int

    def judge_all(self, algorithms: Iterable[str]) -> list[Judged]:
        """Fit and judge each recipe; the users are the same for all of them."""
        targets = {view: self._targets(view) for view in VIEWS}
        return [self._judge(algorithm, targets) for algorithm in algorithms]

    def _targets(self, view: View) -> Targets:
        return find_targets(
            self.split, self.target, view=view, max_users=self.config.max_users, seed=self.seed
        )

    def _judge(self, algorithm: str, targets: dict[View, Targets]) -> Judged:
        started = time.perf_counter()
        recommender = fit_recommender(
            self.split.train, algorithm, self.training, seed=self.seed, now=self.split.now
        )
        fitted = time.perf_counter()
        lists = {view: self._lists(recommender, each, view) for view, each in targets.items()}
        stars = judge_stars(
            recommender, self.split.test, max_users=self.config.max_users, seed=self.seed
        )
        return Judged(
            algorithm=algorithm,
            lists={view: each for view, each in lists.items() if each is not None},
            targets=targets,
            new_items=self._new_items(recommender),
            stars=stars,
            n_users_of_items=np.bincount(
                recommender.histories.items, minlength=len(recommender.items)
            ),
            diversity=self._diversity(recommender, lists["new"]),
            settings=recommender.facts["hyperparameters"],
            notes=list(recommender.facts.get("notes", ())),
            fit_seconds=fitted - started,
            score_seconds=time.perf_counter() - fitted,
            peak_memory_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        )

    def _new_items(self, recommender: Recommender) -> JudgedLists | None:
        config = self.config
        return judge_new_items(
            recommender,
            self.split.test,
            self.target,
            (config.n, 2 * config.n),
            max_users=config.max_users,
            seed=self.seed,
        )

    def _diversity(self, recommender: Recommender, judged: JudgedLists | None) -> float:
        """Of the lists of some users: it takes long, and a few hundred say it well enough."""
        if judged is None:
            return 0.0
        cosine = UserCosine(recommender.histories, len(recommender.items))
        some = judged.lists[:: -(-len(judged.lists) // _DIVERSITY_USERS), : self.config.n]
        return float(cosine.diversity(some).mean())

    def _lists(self, recommender: Recommender, targets: Targets, view: View) -> JudgedLists | None:
        if not len(targets.users):
            return None
        n = self.config.n
        profiles = self.split.train.user_features
        return judge_lists(recommender, targets, view, (n, 2 * n), profiles=profiles)


def _facts(
    splits: Sequence[Split], interactions: Interactions, target: Behavior, config: EvaluationConfig
) -> dict[str, Any]:
    return {
        "split": splits[0].kind,
        "n_cuts": len(splits),
        "test_share": config.test_share,
        "target": target,
        "n_behaviors": len(interactions),
        "n_all_users": interactions.n_users,
        "n_all_items": interactions.n_items,
    }
