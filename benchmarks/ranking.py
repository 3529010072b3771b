"""Lists of `svd` against popularity, by the evaluation that runs before every publication."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from selera.contracts.interactions import Interactions
from selera.evaluation import EvaluationConfig, evaluate
from selera.training import TrainingConfig

from .environment import environment, save
from .shops import imported

NAME = "ranking"
DATASETS = ("ml-100k", "online-retail")
SEED = 42


def run() -> Path:
    """Judge both data sets at the default cut-offs, and at one cut-off before the last fifth."""
    measured_in = environment()
    result: dict[str, Any] = {"seed": SEED, "model": "svd, default settings"}
    for name in DATASETS:
        interactions = imported(name)
        result[name] = {
            "n_behaviors": len(interactions),
            "n_users": interactions.n_users,
            "n_items": interactions.n_items,
            "default protocol": _judge(interactions, EvaluationConfig()),
            "last fifth, one cut-off": _judge(
                interactions, EvaluationConfig(n_cuts=1, test_share=0.2)
            ),
        }
    return save(NAME, f"python -m benchmarks {NAME}", result, measured_in)


def _judge(interactions: Interactions, config: EvaluationConfig) -> dict[str, Any]:
    return evaluate(interactions, "svd", TrainingConfig(), config, seed=SEED).to_dict()
