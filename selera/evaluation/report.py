"""What an evaluation found, for people (`lines`) and for machines (`to_dict`)."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from .metrics import Interval


class RankingResult(msgspec.Struct, frozen=True):
    """One ranker on one split; `ndcg_gain` is its NDCG less popularity's, user by user."""

    name: str
    ndcg: float
    recall: float
    ndcg_gain: Interval


class RatingResult(msgspec.Struct, frozen=True):
    """One predictor of stars on one split."""

    name: str
    rmse: float
    mae: float


class EvaluationReport(msgspec.Struct, frozen=True):
    """An honest look at a recipe before it is fitted on all of the data.

    target : the behavior that counts as a hit ("buy", "rating" of 4/5 of the scale up, "visit")
    n_users : users judged; n_warm of them had a history to recommend from, the rest got popularity
    n_unavailable : held-out targets left out because nobody had touched the product before the cut
    rankings, ratings : one row per model, the baseline last; empty where nothing could be judged
    """

    split: Literal["temporal", "random"]
    n_cuts: int
    test_share: float
    n: int
    target: str
    n_users: int
    n_warm: int
    n_unavailable: int
    n_ratings: int
    rankings: list[RankingResult]
    ratings: list[RatingResult]
    seconds: float

    def lines(self) -> list[str]:
        """The report in a few lines of text."""
        lines = [self._split_line()]
        if self.rankings:
            lines.append(
                f"  Lists of {self.n}, target {self.target}, {self.n_users:,} users "
                f"({self.n_warm:,} with a history):"
            )
            lines += [self._ranking_line(row) for row in self.rankings]
        else:
            lines.append(
                "  Lists: nothing to judge, no user did anything new in the held-out part."
            )
        if self.ratings:
            lines.append(f"  Stars, {self.n_ratings:,} held-out ratings:")
            lines += [
                f"    {row.name:<12} RMSE {row.rmse:.4f}   MAE {row.mae:.4f}"
                for row in self.ratings
            ]
        return lines

    def _split_line(self) -> str:
        if self.split == "random":
            return (
                f"Evaluation (random, for want of times): trained without {self.test_share:.0%} of "
                "the pairs, judged on them."
            )
        return (
            f"Evaluation (temporal): trained up to each of {self.n_cuts} cut-offs, judged on the "
            f"{self.test_share:.0%} of the behaviors that came next."
        )

    def _ranking_line(self, row: RankingResult) -> str:
        scores = (
            f"    {row.name:<12} NDCG@{self.n} {row.ndcg:.4f}   Recall@{self.n} {row.recall:.4f}"
        )
        if row is self.rankings[-1]:
            return scores
        gain = row.ndcg_gain
        return (
            f"{scores}   NDCG gain over popularity {gain.mean:+.4f} "
            f"(95 % interval {gain.low:+.4f} .. {gain.high:+.4f})"
        )

    def to_dict(self) -> dict[str, Any]:
        """The report as plain builtins."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built
