"""Selera's own small database: keys, tokens, limits, decisions, rules, experiments."""

from .decisions import Decision, DecisionAction, Decisions
from .engine import State
from .experiments import (
    VARIANTS,
    Conversion,
    Experiment,
    Experiments,
    Exposure,
    Variant,
    assign,
    hash_of_user,
)
from .keys import SCOPES, CreatedKey, Key, Keys, Scope
from .marks import ChangeMarks, marks_path
from .rates import RateLimiter, rates_path
from .rules import Rules
from .tokens import LONGEST_TTL_S, Tokens

__all__ = [
    "LONGEST_TTL_S",
    "SCOPES",
    "VARIANTS",
    "ChangeMarks",
    "Conversion",
    "CreatedKey",
    "Decision",
    "DecisionAction",
    "Decisions",
    "Experiment",
    "Experiments",
    "Exposure",
    "Key",
    "Keys",
    "RateLimiter",
    "Rules",
    "Scope",
    "State",
    "Tokens",
    "Variant",
    "assign",
    "hash_of_user",
    "marks_path",
    "rates_path",
]
