"""Judge a recipe honestly before it is published: splits, metrics, intervals, a report."""

from .config import EvaluationConfig
from .metrics import Interval, bootstrap_interval, mae, ndcg, recall, rmse
from .protocol import evaluate
from .report import EvaluationReport, RankingResult, RatingResult

__all__ = [
    "EvaluationConfig",
    "EvaluationReport",
    "Interval",
    "RankingResult",
    "RatingResult",
    "bootstrap_interval",
    "evaluate",
    "mae",
    "ndcg",
    "recall",
    "rmse",
]
