"""Which settings of each algorithm are searched, and how far."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from ..training.settings import TrainingConfig


class Knob(NamedTuple):
    """The range of one setting; a log range is searched by its ratio."""

    kind: Literal["whole", "real"]
    low: float
    high: float
    log: bool = False


_FACTORS = Knob("whole", 8, 512, log=True)
_NEIGHBORS = Knob("whole", 20, 800, log=True)
_RATIO = Knob("real", 0.0, 1.0)

SPACES: dict[str, dict[str, Knob]] = {
    "svd": {
        "n_factors": Knob("whole", 4, 256, log=True),
        "n_epochs": Knob("whole", 10, 120, log=True),
        "learning_rate": Knob("real", 0.002, 0.05, log=True),
        "regularization": Knob("real", 0.01, 0.3, log=True),
    },
    "svdpp": {
        "n_factors": Knob("whole", 4, 128, log=True),
        "n_epochs": Knob("whole", 10, 120, log=True),
        "learning_rate": Knob("real", 0.002, 0.05, log=True),
        "regularization": Knob("real", 0.01, 0.3, log=True),
        "damping": Knob("real", 0.5, 50.0, log=True),
    },
    "puresvd": {
        "n_factors": _FACTORS,
        "column_damping": _RATIO,
        "output_exponent": Knob("real", -0.2, 1.2),
    },
    "ials": {
        "n_factors": _FACTORS,
        "n_epochs": Knob("whole", 4, 32, log=True),
        "unobserved_weight": Knob("real", 0.003, 1.0, log=True),
        "regularization": Knob("real", 0.0003, 0.1, log=True),
    },
    "itemknn": {
        "n_neighbors": _NEIGHBORS,
        "source_damping": _RATIO,
        "target_damping": _RATIO,
        "user_damping": _RATIO,
        "shrinkage": Knob("real", 0.1, 500.0, log=True),
        "history_exponent": Knob("real", 0.0, 1.5),
    },
    "rp3beta": {
        "n_neighbors": _NEIGHBORS,
        "alpha": Knob("real", 0.2, 1.6),
        "beta": Knob("real", 0.0, 1.0),
        "history_exponent": Knob("real", 0.0, 1.5),
    },
    "gfcf": {
        "n_factors": Knob("whole", 32, 1024, log=True),
        "low_pass": _RATIO,
        "second_order": Knob("real", -1.2, 0.0),
        "third_order": Knob("real", 0.0, 0.6),
        "output_exponent": Knob("real", 0.0, 0.5),
    },
    "ease": {
        "regularization": Knob("real", 1.0, 5000.0, log=True),
        "popularity_exponent": _RATIO,
        "user_damping": _RATIO,
        "n_neighbors": _NEIGHBORS,
        "history_exponent": Knob("real", 0.0, 1.5),
    },
    "vstan": {
        "n_sessions": Knob("whole", 100, 2000, log=True),
        "n_neighbors": Knob("whole", 30, 800, log=True),
        "query_decay": Knob("real", 0.5, 1.0),
        "anchor_decay": Knob("real", 0.5, 1.0),
        "neighbor_decay": Knob("real", 0.5, 1.0),
    },
}
"""By the name of the algorithm, which is that of its section under `[training]`.

What is not here has nothing worth a search, or chooses for itself.
"""


def space_of(algorithm: str, config: TrainingConfig) -> dict[str, Knob]:
    """The settings to search; empty where there are none."""
    section = getattr(config, algorithm, None)
    if not isinstance(section, msgspec.Struct):
        return {}
    known = SPACES.get(algorithm, {})
    return {name: knob for name, knob in known.items() if name in section.__struct_fields__}


def with_settings(
    config: TrainingConfig, algorithm: str, settings: dict[str, float]
) -> TrainingConfig:
    """The config with some settings of one algorithm replaced, checked anew."""
    section = getattr(config, algorithm)
    changed = msgspec.convert(msgspec.to_builtins(section) | settings, type(section))
    return msgspec.structs.replace(config, **{algorithm: changed})
