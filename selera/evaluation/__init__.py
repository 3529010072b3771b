"""Judge a recipe honestly before it is published: splits, metrics, intervals, a report."""

from .config import EvaluationConfig
from .lines import lines
from .protocol import evaluate
from .results import Evaluation, ModelResult

__all__ = ["Evaluation", "EvaluationConfig", "ModelResult", "evaluate", "lines"]
