"""An evaluation for people: tables on standard output, what they should know below them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .output import counted, say, say_table

if TYPE_CHECKING:
    from ..evaluation import Evaluation, ModelResult
    from ..evaluation.metrics import Interval


def say_evaluation(evaluation: Evaluation, *, with_intervals: bool) -> None:
    """The description, a table for each kind of metric, notes, definitions and facts."""
    from ..evaluation.html_report import tables

    say(f"{evaluation.protocol}: {evaluation.description}")
    for table in tables(evaluation):
        columns = ["model", *table.columns]
        if table.has_gain:
            columns.append(f"gain over {evaluation.baseline}")
        columns += ["fit s", "score s", "MiB"]
        rows = [
            _cells(row, table.columns, has_gain=table.has_gain, with_intervals=with_intervals)
            for row in table.rows
        ]
        say("")
        say_table("", columns, rows, right=columns[1:])
    say("")
    for row in evaluation.results:
        for note in row.notes:
            say(f"{row.model}: {note}")
    for line in _facts(evaluation):
        say(line)
    meanings = {name.partition("@")[0]: each for name, each in evaluation.definitions.items()}
    for name, meaning in meanings.items():
        say(f"{name}: {meaning}")


def _cells(
    row: ModelResult, metrics: Sequence[str], *, has_gain: bool, with_intervals: bool
) -> list[str]:
    cells = [row.model]
    cells += [_value(row.metrics.get(name), "{:.4f}", with_intervals) for name in metrics]
    if has_gain:
        cells.append(_value(row.gain, "{:+.4f}", True))
    seconds = [f"{each:.2f}" for each in (row.fit_seconds, row.score_seconds)]
    return [*cells, *seconds, f"{row.peak_memory_mib:,.0f}"]


def _value(value: Interval | None, form: str, with_interval: bool) -> str:
    if value is None:
        return ""
    mean = form.format(value.mean)
    if not with_interval or value.low is None or value.high is None:
        return mean
    return f"{mean} ({form.format(value.low)} .. {form.format(value.high)})"


def _facts(evaluation: Evaluation) -> list[str]:
    """What was judged, and what could not be known."""
    facts = evaluation.facts
    lines = []
    if "n_test_pairs" in facts:
        lines.append(
            f"Judged on {counted(facts['n_test_pairs'], 'pair')} of test; validation: "
            f"{facts['validation']}."
        )
    if "lines" in facts:
        lines.append(f"The lines of train stand {facts['lines']}.")
    for side in ("items", "users"):
        unknown = facts.get(f"n_test_pairs_of_unknown_{side}", 0)
        if unknown:
            lines.append(f"{counted(unknown, 'pair')} of test are of {side} unknown to train.")
    if facts.get("n_repeated_lines"):
        lines.append(f"Repeated lines: {facts['n_repeated_lines']:,}; of a pair the latest counts.")
    return lines
