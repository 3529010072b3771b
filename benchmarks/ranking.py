"""Lists of every model on real shops, by the evaluation that runs before every publication."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from selera.contracts.interactions import Interactions
from selera.evaluation import EvaluationConfig, ModelResult, evaluate, lines
from selera.training import TrainingConfig

from .environment import environment, save
from .shops import imported

NAME = "ranking"
DATASETS = ("ml-100k", "online-retail", "complete-journey")
MODELS = (
    "blend",
    "svd",
    "ials",
    "gfcf",
    "ease",
    "itemknn",
    "rp3beta",
    "covisits",
    "vstan",
    "rebuy",
)
SEED = 42


def run() -> Path:
    """Judge all models at the default cut-offs, and `svd` at one cut-off before the last fifth."""
    measured_in = environment()
    result: dict[str, Any] = {"seed": SEED, "settings": "defaults"}
    for name in DATASETS:
        shop = imported(name)
        result[name] = {
            "n_behaviors": len(shop),
            "n_users": shop.n_users,
            "n_items": shop.n_items,
            "default protocol": _judge(shop, MODELS, EvaluationConfig()),
            "last fifth, one cut-off": _judge(
                shop, ("svd",), EvaluationConfig(n_cuts=1, test_share=0.2)
            ),
        }
    return save(NAME, f"python -m benchmarks {NAME}", result, measured_in)


def _judge(shop: Interactions, models: tuple[str, ...], config: EvaluationConfig) -> dict[str, Any]:
    found = evaluate(shop, models, TrainingConfig(), config, seed=SEED)
    print("\n".join(lines(found)), flush=True)
    return {"facts": found.facts, "models": {row.model: _row(row) for row in found.results}}


def _row(row: ModelResult) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(row)
    slices = {
        name: {metric: each["mean"] for metric, each in found.items() if metric.startswith("ndcg")}
        for name, found in plain["slices"].items()
    }
    kept = ("metrics", "gain", "notes", "fit_seconds", "score_seconds")
    return {name: plain[name] for name in kept} | {"slices": slices}
