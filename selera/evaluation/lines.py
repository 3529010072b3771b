"""An evaluation in a few lines of text."""

from __future__ import annotations

from .metrics import Interval
from .results import Evaluation, ModelResult


def lines(evaluation: Evaluation) -> list[str]:
    """What was judged, then a line for each model's lists and for each model's stars."""
    facts = evaluation.facts
    n = int(evaluation.primary.partition("@")[2])
    told = [f"Evaluation, {evaluation.description[0].lower()}{evaluation.description[1:]}"]
    ranked = [row for row in evaluation.results if evaluation.primary in row.metrics]
    if ranked:
        told.append(
            f"  Lists of {n}, products new to the user, {facts['n_users']:,} users "
            f"({facts['n_warm']:,} with a history):"
        )
        told += [_list_line(row, evaluation, n) for row in ranked]
    else:
        told.append("  Lists: nothing to judge, no user did anything new in the held-out part.")
    rated = [row for row in evaluation.results if "rmse" in row.metrics]
    if rated:
        told.append(f"  Stars, {facts['n_ratings']:,} held-out ratings:")
        told += [_star_line(row) for row in rated]
    told += [f"  {row.model}: {note}" for row in evaluation.results for note in row.notes]
    return told


def _list_line(row: ModelResult, evaluation: Evaluation, n: int) -> str:
    scores = (
        f"    {row.model:<12} NDCG@{n} {row.metrics[evaluation.primary].mean:.4f}   "
        f"Recall@{n} {row.metrics[f'recall@{n}'].mean:.4f}"
    )
    if row.gain is None:
        return scores
    return f"{scores}   NDCG gain over {evaluation.baseline} {_signed(row.gain)}"


def _signed(gain: Interval) -> str:
    return f"{gain.mean:+.4f} (95 % interval {gain.low:+.4f} .. {gain.high:+.4f})"


def _star_line(row: ModelResult) -> str:
    rmse, mae = row.metrics["rmse"], row.metrics["mae"]
    return f"    {row.model:<12} RMSE {rmse.mean:.4f}   MAE {mae.mean:.4f}"
