"""An evaluation as one HTML file that needs nothing else: tables, drawings, definitions."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ..contracts.errors import ConfigError
from .metrics import Interval
from .plots import slice_plot, time_plot
from .results import Evaluation, ModelResult

LOWER_IS_BETTER = ("rmse", "mae")

_TEMPLATE = Path(__file__).with_name("templates") / "report.html"


class Table(NamedTuple):
    """The models that have these metrics; `has_gain` where the primary metric is among them."""

    columns: list[str]
    rows: list[ModelResult]
    has_gain: bool


def write_report(evaluation: Evaluation, path: Path) -> tuple[Path, Path]:
    """Write the report, and the same as JSON beside it; returns both paths.

    Raises ConfigError as `check_report` does.
    """
    check_report(path)
    page = render(evaluation)
    data = path.with_suffix(".json")
    _write(path, page)
    _write(data, msgspec.json.format(msgspec.json.encode(evaluation), indent=2).decode())
    return path, data


def check_report(path: Path) -> None:
    """Raise ConfigError where no report can be written there, or where a library is missing.

    The libraries are looked for and not imported: they would count as memory of the models.
    """
    if path.suffix.lower() != ".html":
        raise ConfigError(f"--report {path} is no name of an HTML file; let it end in .html.")
    if path.is_dir():
        raise ConfigError(f"--report {path} is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise ConfigError(f"There is no folder {path.parent} for --report {path}; make it first.")
    if not all(importlib.util.find_spec(name) for name in ("jinja2", "matplotlib")):
        raise ConfigError(
            "A report needs Matplotlib and Jinja2: pip install 'selera[report]', or leave --report "
            "out"
        )


def render(evaluation: Evaluation) -> str:
    """The page; every text of the evaluation is escaped."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    lower_is_better = evaluation.primary in LOWER_IS_BETTER

    def span(value: Interval | None, form: str = "%.4f") -> Markup:
        if value is None or value.low is None or value.high is None:
            return Markup("")
        return Markup(f"<small>{form % value.low} .. {form % value.high}</small>")

    def verdict(gain: Interval) -> str:
        if gain.low is None or gain.high is None or gain.low <= 0 <= gain.high:
            return ""
        return "good" if (gain.high < 0) == lower_is_better else "bad"

    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        e=evaluation,
        tables=tables(evaluation),
        meanings={
            name.partition("@")[0]: meaning for name, meaning in evaluation.definitions.items()
        },
        lower_is_better=lower_is_better,
        number=_number,
        span=span,
        verdict=verdict,
        plain=_plain,
        settings=_settings,
        time_plot=Markup(time_plot(evaluation)),
        slice_plot=Markup(slice_plot(evaluation)),
    )


def tables(evaluation: Evaluation) -> list[Table]:
    """A table for each length of lists and one for stars, that of the primary metric first."""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for row in evaluation.results for name in row.metrics):
        groups.setdefault(name.partition("@")[2], []).append(name)
    found = []
    for columns in sorted(groups.values(), key=lambda names: evaluation.primary not in names):
        columns.sort(key=lambda name: name != evaluation.primary)
        rows = [row for row in evaluation.results if any(name in row.metrics for name in columns)]
        if rows:
            found.append(Table(columns, rows, evaluation.primary in columns))
    return found


def _number(value: Interval | None) -> str:
    return "" if value is None else f"{value.mean:.4f}"


def _plain(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _settings(values: object) -> str:
    if not isinstance(values, Mapping):
        return str(values)
    return ", ".join(f"{name} {_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _write(path: Path, text: str) -> None:
    """The whole file or nothing."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
