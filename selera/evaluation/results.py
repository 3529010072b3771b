"""What an evaluation found: one row per model, each number with its interval."""

from __future__ import annotations

from typing import Any

import msgspec

from .metrics import Interval


class ModelResult(msgspec.Struct, frozen=True):
    """One model under one protocol.

    model : the recipe's name
    settings : what it was fitted with, by name
    metrics : by name ("ndcg@10", "rmse"), over all judged users
    slices : the same for parts of the users or targets, by the part's name ("warm users")
    gain : primary metric less the baseline's on the same users; None for the baseline itself
    notes : what the model says of its choices
    fit_seconds, score_seconds, peak_memory_mib : of all splits together; peak of the process
    """

    model: str
    settings: dict[str, Any]
    metrics: dict[str, Interval]
    slices: dict[str, dict[str, Interval]]
    gain: Interval | None
    notes: list[str]
    fit_seconds: float
    score_seconds: float
    peak_memory_mib: float


class Evaluation(msgspec.Struct, frozen=True):
    """All models under one protocol.

    protocol : its name; description says in one sentence what was held out and how lists were made
    primary : the metric by which models are compared; baseline : the model that gains refer to
    facts : counts of users, items, targets, cut-offs, ... by name
    definitions : of each metric, one sentence with its denominator
    command : what repeats it
    environment : processors, versions, ...
    """

    protocol: str
    description: str
    primary: str
    baseline: str
    facts: dict[str, Any]
    definitions: dict[str, str]
    results: list[ModelResult]
    command: str
    environment: dict[str, Any]
