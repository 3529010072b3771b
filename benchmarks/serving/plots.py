"""What was measured of serving, drawn: shares of the constant answer, and late answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MODES = {
    "memo": "remembered\nuntil something\nchanges",
    "compose": "composed\nanew",
    "read": "read from\nthe database",
}
REACH_SHARE = 40.0


def draw(result: dict[str, Any], path: Path) -> None:
    """Two panels, as SVG: requests per second in % of the constant's, and milliseconds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(
        1, 2, figsize=(11, 4.2), width_ratios=(4, 6), layout="constrained"
    )
    _shares(left, result)
    _latencies(right, result)
    figure.savefig(path)
    pyplot.close(figure)


def _shares(axis: Any, result: dict[str, Any]) -> None:
    for place, model in enumerate(("svd", "blend")):
        rows = result[f"10,000 products, {model}"]
        shares = [100 * rows[mode]["share_of_constant"] for mode in MODES]
        lines = [each + 0.38 * place for each in range(len(MODES))]
        bars = axis.bar(lines, shares, 0.36, label=model)
        axis.bar_label(bars, fmt="%.0f %%")
    axis.axhline(REACH_SHARE, color="gray", linestyle=":", linewidth=1)
    axis.set_xticks([each + 0.19 for each in range(len(MODES))], list(MODES.values()))
    axis.set_ylabel("requests per second, % of a constant answer's")
    axis.set_title("10,000 products, full answers, one worker")
    axis.legend(frameon=False)


def _latencies(axis: Any, result: dict[str, Any]) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    rows = list(_rows(result))
    for name, marker in (("p50_ms", "o"), ("p95_ms", "s"), ("p99_ms", "D")):
        places = range(len(rows), 0, -1)
        axis.plot([row[name] for _, row in rows], places, marker, label=name.split("_")[0])
    constants = [
        (len(rows) - at, row["constant"]) for at, (_, row) in enumerate(rows) if "constant" in row
    ]
    axis.plot(
        [row["p99_ms"] for _, row in constants],
        [place for place, _ in constants],
        "|",
        color="gray",
        markersize=14,
        label="p99 of the constant",
    )
    axis.set_yticks(range(len(rows), 0, -1), [name for name, _ in rows])
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xlabel("milliseconds")
    axis.set_title("latency, open load")
    axis.figure.legend(loc="outside lower right", ncols=4, frameon=False, handles=axis.lines[:4])


def _rows(result: dict[str, Any]) -> Any:
    for model in ("svd", "blend"):
        for mode, label in (("memo", "remembered"), ("compose", "anew")):
            row = result[f"10,000 products, {model}"][mode]["at_half_of_the_peak"]
            yield f"10,000, {model}, {label}: {row['per_second']:,.0f}/s", row
    yield "no swaps", result["swaps"]["without"]
    yield "a swap a second", result["swaps"]["with"]
    yield "no training", result["while a training runs"]["without"]
    yield "a training runs", result["while a training runs"]["with"]
    for name, row in result.items():
        if name.endswith("users, svd"):
            products = name.partition(" products")[0]
            yield f"{products}: {row['rate']}/s", row["plain"]
            yield f"{products}, one category: {row['rate']}/s", row["one category of 200"]
            half = row["at_half_of_the_peak"]
            yield f"{products}, half of the peak: {half['per_second']:,.0f}/s", half
