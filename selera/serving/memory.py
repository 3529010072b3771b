"""What the service remembers of the shop, and how it hears that it has to forget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from ..contracts.epoch import CacheEpoch
from ..contracts.errors import DatabaseError, StateError
from ..contracts.ids import Id
from ..contracts.protocols import ChangeFeed, HistoryReader
from ..models import Recommender
from . import metrics
from .catalogue import CatalogueReader, LiveCatalogue
from .config import ServingConfig
from .follower import Follower, Job, ShopFollower
from .line import Line
from .merchandise import ReadRules, Rules, read_rules_file
from .shelf import Shelf
from .slot import VersionShelf
from .trials import ExperimentBook, Trials
from .users import LiveUsers, Marks, User

RULES_POLL_S = 0.5
TRIALS_POLL_S = 0.5
"""How often the rules and the experiments are looked at."""

PATIENCE_S = 5.0
"""A database that tells of no changes for so long, nor that there are none, counts as silent."""


log = structlog.get_logger(__name__)


class MemorySource(HistoryReader, CatalogueReader, Protocol):
    """What is read of a shop."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the service hears of what is neither in the model nor in the shop's tables.

    feed : tells of changes in the shop's tables; None where nothing does
    rules : reads the merchandising rules that were given by the API; None where there are none
    experiments : where experiments are kept; None where there are none
    versions : the folder of the model versions, for experiments
    epoch : a file that changes when somebody was erased
    marks : tell at once what other processes have written; None where nothing does
    """

    feed: ChangeFeed | None = None
    rules: ReadRules | None = None
    experiments: ExperimentBook | None = None
    versions: Path | None = None
    epoch: Path | None = None
    marks: Marks | None = None


class Memory:
    """Users, catalogue, rules and experiments, as the service knows them at this moment."""

    def __init__(self, shop: MemorySource, config: ServingConfig, sources: Sources) -> None:
        self._config = config
        self.users = LiveUsers(shop, 0, config.history_max_age_s, sources.marks)
        self._line = Line()
        self.catalogue = LiveCatalogue(shop, config.catalogue_max_age_s, self._line)
        self.rules = Rules(_rule_sources(config, sources))
        versions = None if sources.versions is None else VersionShelf(sources.versions)
        self.trials = Trials(sources.experiments, versions, sources.epoch)
        epoch = None if sources.epoch is None else CacheEpoch(sources.epoch)
        self._shop = ShopFollower(sources.feed, epoch, self.users, self.catalogue, self._line)
        self._has_feed = sources.feed is not None
        self._follower: Follower | None = None
        self.rules.refresh()

    def start(self, *jobs: Job) -> None:
        """Follow the shop, and do these jobs beside it; remember users from now on."""
        if self._follower is not None:
            return
        self._line.watch(PATIENCE_S if self._has_feed else math.inf)
        self.users.capacity = self._config.cached_users
        self._follower = Follower(
            [
                *self._shop.jobs(),
                Job("the rules", self.rules.refresh, RULES_POLL_S),
                Job("the experiment", self._follow_experiment, TRIALS_POLL_S),
                Job("the counts of the experiment", self.trials.flush, TRIALS_POLL_S),
                *jobs,
            ]
        )
        self._follower.start()

    def close(self) -> None:
        """Stop following, and remember nobody; what experiments have yet to be told is written."""
        if self._follower is None:
            return
        self._follower.close()
        self._follower = None
        self._line.leave()
        self.users.capacity = 0
        self.users.forget_all()
        try:
            self.trials.flush(everything=True)
        except StateError as error:
            log.warning("the last counts of an experiment are lost", reason=str(error))

    def has_shelf(self, model: Recommender) -> bool:
        """Whether `shelf` reads nothing."""
        return self._follower is not None and self.catalogue.has_shelf(model)

    def has_products(self, model: Recommender) -> bool:
        """Whether nothing has to be read of products: changes of them are heard of."""
        return self._follower is not None and self.catalogue.is_at_hand(model)

    @property
    def silences(self) -> int:
        """How often the shop's database did not answer."""
        return self._line.silences

    @property
    def answers(self) -> bool:
        """Whether the shop's database answered when it was last asked."""
        return self._line.answers

    def user(self, user_id: Id, model: Recommender) -> User:
        """The user, from memory or read now; where nothing answers, as the model remembers them."""
        if (known := self.users.at_hand(user_id)) is not None:
            metrics.count_history(hit=True)
            return known
        metrics.count_history(hit=False)
        if self._line.answers:
            try:
                return self.users.get(user_id)
            except DatabaseError:
                self._line.fell_silent()
        return self.users.before(user_id) or User.stored(model, user_id)

    def user_at_hand(self, user_id: Id, *, may_read: bool) -> User | None:
        """The user, from memory or, if told so, read where nobody waits for it; None elsewhere."""
        if (known := self.users.at_hand(user_id)) is not None:
            metrics.count_history(hit=True)
            return known
        read = self.users.read_at_once(user_id) if may_read and self._line.answers else None
        if read is not None:
            metrics.count_history(hit=False)
        return read

    def _follow_experiment(self) -> None:
        """Look which one runs, and have the shelves of its models ready for the first answers."""
        self.trials.refresh()
        for model in self.trials.models:
            self.catalogue.shelf(model)

    def shelf(self, model: Recommender) -> Shelf:
        """The catalogue as the model sees it; read now, if it changed and nobody follows it."""
        if self._follower is None:
            self.catalogue.refresh_if_answered()
        return self.catalogue.shelf(model)


def _rule_sources(config: ServingConfig, sources: Sources) -> Sequence[ReadRules]:
    read: list[ReadRules] = []
    if config.rules_path is not None:
        read.append(partial(read_rules_file, config.rules_path))
    if sources.rules is not None:
        read.append(sources.rules)
    return read
