"""The back office: what admins may do with models, rules, experiments, tokens and users."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from ..contracts.errors import ConfigError, StateError
from ..contracts.ids import Id
from ..contracts.rules import Rule
from ..pipeline.receipt import Receipt
from ..pipeline.versions import Swap, Version, list_versions, promote, roll_back
from ..state import Decisions, Experiment, Experiments, State, Tokens
from ..state import Rules as RuleBook
from ..state.sequential import SequentialResult, compare_rates
from ..state.tokens import LONGEST_TTL_S
from .problems import invalid


class ModelList(msgspec.Struct, frozen=True):
    """The versions that there are, the newest first."""

    models: list[Version]


class RuleList(msgspec.Struct, frozen=True):
    """The merchandising rules that were given by the API."""

    rules: list[Rule]


class Token(msgspec.Struct, frozen=True):
    """A token with which a browser may ask for one user, and for nobody else."""

    user_id: Id
    token: str
    expires_in_s: Annotated[int, Meta(ge=1, le=LONGEST_TTL_S)]


class Trial(msgspec.Struct, frozen=True):
    """An experiment and how it stands; `result` may be looked at whenever one likes."""

    experiment: Experiment
    control: Annotated[tuple[int, int], Meta(description="Users exposed, users who bought.")]
    treatment: Annotated[tuple[int, int], Meta(description="Users exposed, users who bought.")]
    result: SequentialResult


class TrialList(msgspec.Struct, frozen=True):
    """The experiments, the newest first."""

    experiments: list[Trial]


Erase = Callable[[Id], Receipt]


class Office:
    """Does what the routes of the admin scope ask for.

    model : the published model file; its versions lie beside it
    state : our own database; without one, what needs it raises StateError
    erase : erases a user everywhere and returns the receipt
    """

    def __init__(self, model: Path, state: State | None, erase: Erase | None = None) -> None:
        self._model = model
        self._state = state
        self._erase = erase

    def models(self) -> ModelList:
        """All versions, with the gate's decisions."""
        book = None if self._state is None else Decisions(self._state)
        return ModelList(list_versions(self._model, book))

    def promote(self, version: str) -> Swap:
        """Publish an older, or a kept-aside, version; VersionNotFound where there is none."""
        return promote(self._model, version, Decisions(self._ours()))

    def roll_back(self) -> Swap:
        """Publish what was published before; VersionNotFound where nothing was."""
        return roll_back(self._model, Decisions(self._ours()))

    def rules(self) -> RuleList:
        """The rules that were given by the API."""
        return RuleList(RuleBook(self._ours()).all())

    def put_rule(self, rule: Rule) -> Rule:
        """Keep a rule, in place of the one of its name; 422 for a name that cannot be one."""
        try:
            RuleBook(self._ours()).put(rule)
        except ConfigError as error:
            raise invalid("name", str(error)) from error
        return rule

    def remove_rule(self, name: str) -> None:
        """Drop a rule; NameNotFound where there is none."""
        RuleBook(self._ours()).remove(name)

    def experiments(self) -> TrialList:
        """The experiments and how they stand."""
        book = Experiments(self._ours())
        return TrialList([_trial(book, each) for each in book.all()])

    def token(self, user_id: Id, ttl_s: int) -> Token:
        """A token for this user's browser."""
        return Token(user_id, Tokens(self._ours()).issue(user_id, ttl_s), ttl_s)

    def erase(self, user_id: Id) -> Receipt:
        """Erase a user everywhere, and say what was found and what stays."""
        if self._erase is None:
            raise StateError("this server was started without a way to erase users")
        return self._erase(user_id)

    def _ours(self) -> State:
        if self._state is None:
            raise StateError("this server was started without a state file")
        return self._state


def _trial(book: Experiments, experiment: Experiment) -> Trial:
    tally = book.tally(experiment.name)
    control, treatment = tally["control"], tally["treatment"]
    return Trial(experiment, control, treatment, compare_rates(control, treatment))
