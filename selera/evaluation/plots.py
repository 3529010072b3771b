"""The drawings of a report, as SVG that stands in the page itself."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..contracts.errors import ConfigError
from .metrics import Interval
from .results import Evaluation, ModelResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _SOFT, _LINE, _MARK, _PALE = "#1d2433", "#5b6578", "#d9dee7", "#17705a", "#9aa4b5"
_PANELS_IN_A_ROW = 3
_LEAST_SECONDS = 0.001


def time_plot(evaluation: Evaluation) -> str:
    """The primary metric against the seconds of fitting; empty where nobody has the metric."""
    rows = [row for row in evaluation.results if evaluation.primary in row.metrics]
    if not rows:
        return ""
    figure = _figure(8.2, 4.0)
    axes = _axes(figure, 1, 1, 1)
    for row in rows:
        seconds = max(row.fit_seconds, _LEAST_SECONDS)
        value = row.metrics[evaluation.primary]
        color = _PALE if row.model == evaluation.baseline else _MARK
        axes.errorbar(seconds, value.mean, yerr=_error(value), fmt="o", color=color, capsize=2)
        axes.annotate(
            row.model,
            (seconds, value.mean),
            xytext=(7, 5),
            textcoords="offset points",
            color=_INK,
        )
    _use_seconds(axes, [max(row.fit_seconds, _LEAST_SECONDS) for row in rows])
    axes.margins(x=0.15, y=0.12)
    axes.set_xlabel("seconds of fitting", color=_SOFT)
    axes.set_ylabel(evaluation.primary, color=_SOFT)
    return _svg(figure, "time")


def slice_plot(evaluation: Evaluation) -> str:
    """A panel of bars for each part of the users; empty where there are no parts."""
    rows = [row for row in evaluation.results if row.slices]
    names = [
        name
        for name in dict.fromkeys(name for row in rows for name in row.slices)
        if any(_value(row, name, evaluation.primary) for row in rows)
    ]
    if not names:
        return ""
    height = -(-len(names) // _PANELS_IN_A_ROW)
    figure = _figure(9.6, height * (0.9 + 0.3 * len(rows)))
    for place, name in enumerate(names):
        axes = _axes(figure, height, _PANELS_IN_A_ROW, place + 1)
        values = [_value(row, name, evaluation.primary) for row in rows]
        axes.barh(
            range(len(rows)),
            [value.mean if value else 0.0 for value in values],
            xerr=_errors(values),
            color=[_PALE if row.model == evaluation.baseline else _MARK for row in rows],
            ecolor=_SOFT,
            height=0.62,
        )
        axes.set_yticks(range(len(rows)), [row.model for row in rows])
        axes.invert_yaxis()
        axes.locator_params(axis="x", nbins=4)
        axes.set_title(name, fontsize=10, color=_INK, loc="left")
    return _svg(figure, "slices")


def _use_seconds(axes: Axes, seconds: Sequence[float]) -> None:
    """A log axis with plain numbers; where it is short, between the powers of ten too."""
    from matplotlib.ticker import LogLocator, NullFormatter

    is_short = max(seconds) < 30 * min(seconds)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if is_short else (1.0,)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _value(row: ModelResult, name: str, metric: str) -> Interval | None:
    return row.slices.get(name, {}).get(metric)


def _error(value: Interval) -> list[list[float]] | None:
    """The interval as lengths below and above the mean."""
    if value.low is None or value.high is None:
        return None
    return [[max(value.mean - value.low, 0.0)], [max(value.high - value.mean, 0.0)]]


def _errors(values: Sequence[Interval | None]) -> list[list[float]]:
    lengths = [(_error(value) if value else None) or [[0.0], [0.0]] for value in values]
    return [[low[0] for low, _ in lengths], [high[0] for _, high in lengths]]


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError(
            "A report needs Matplotlib and Jinja2: pip install 'selera[report]', or leave --report "
            "out"
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def _axes(figure: Figure, n_rows: int, n_columns: int, place: int) -> Axes:
    axes = figure.add_subplot(n_rows, n_columns, place)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_LINE)
    axes.tick_params(colors=_SOFT, labelsize=9)
    axes.grid(color=_LINE, linewidth=0.6, alpha=0.7)
    axes.set_axisbelow(True)
    return axes


def _svg(figure: Figure, salt: str) -> str:
    """The drawing as an <svg> element: equal data, equal bytes; texts stay texts, escaped."""
    from matplotlib import rc_context

    drawn = io.StringIO()
    with rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": salt,
            "font.family": "sans-serif",
            "text.parse_math": False,
        }
    ):
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    svg = drawn.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    return re.sub(r'<g id="[^"]*"', "<g", svg)
