"""docs/operations.md names every metric and every event of the log, and none that is not there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from selera.database.outbox import OUTBOX
from selera.serving.answers import ModelInfo
from selera.serving.metrics import REGISTRY, ModelCollector
from selera.state.decisions import DecisionAction
from selera.web import metrics
from tests.processes import ROOT

DOCUMENT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}


def rows_of(heading: str) -> set[str]:
    """What stands in code in the first cells of the first table below a heading."""
    section = DOCUMENT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    table = section[section.index("\n| ") :].lstrip("\n").split("\n\n")[0]
    return set(re.findall(r"^\| `([^`]+)`", table, re.MULTILINE))


def told_events() -> Iterator[str]:
    """The constant events of all lines that the source logs; of others their constant beginning."""
    for path in sorted((ROOT / "selera").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if is_logged(node):
                yield from map(str.strip, constants(node))  # type: ignore[arg-type]


def is_logged(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "log"
        and node.func.attr in LEVELS
    )


def constants(call: ast.Call) -> Iterator[str]:
    assert isinstance(call.func, ast.Attribute)
    event = call.args[1 if call.func.attr == "log" else 0]
    if isinstance(event, ast.JoinedStr):
        event = event.values[0]
    if isinstance(event, ast.Constant) and isinstance(event.value, str):
        yield event.value


def test_the_table_of_log_lines_is_what_the_source_logs() -> None:
    decided = {action.replace("_", " ") for action in get_args(DecisionAction)}

    assert rows_of("The log") == set(told_events()) | decided


def test_the_table_of_metrics_is_what_is_counted() -> None:
    assert metrics.REGISTRY is REGISTRY
    model = ModelInfo("v1", "svd", "2024-01-06T00:00:00Z", "ab" * 32)
    about_model: Collector = ModelCollector(lambda: model, 48.0, lambda: 0.0)
    registries = (REGISTRY, CollectorRegistry())
    registries[1].register(about_model)
    told = {
        f"{each.name}_total" if each.type == "counter" else each.name
        for registry in registries
        for each in registry.collect()
    }

    assert rows_of("Metrics") == told


def test_alarms_ask_for_metrics_that_are_there() -> None:
    used = set(re.findall(r"selera_[a-z_]+", DOCUMENT))

    assert used - {OUTBOX} == rows_of("Metrics")


def test_every_file_that_it_points_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", DOCUMENT):
        assert (ROOT / "docs" / Path(target)).exists(), target
