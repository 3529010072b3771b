"""Judge a recipe honestly before it is published: splits, metrics, intervals, a report."""

from .config import EvaluationConfig
from .metrics import Interval, bootstrap_interval, mae, ndcg, recall, rmse
from .protocol import evaluate
from .report import EvaluationReport, RankingResult, RatingResult
from .splits import Split, make_splits

__all__ = [
    "EvaluationConfig",
    "EvaluationReport",
    "Interval",
    "RankingResult",
    "RatingResult",
    "Split",
    "bootstrap_interval",
    "evaluate",
    "mae",
    "make_splits",
    "ndcg",
    "recall",
    "rmse",
]
