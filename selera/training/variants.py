"""A few settings of each ranker that the blend tries before it takes one.

They span what published studies found best on sparse shops and on dense catalogues; a setting that
the shop has changed itself is left as it is.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from .settings import TrainingConfig

VARIANTS: dict[str, tuple[dict[str, Any], ...]] = {
    "rp3beta": ({"alpha": 0.6, "beta": 0.1, "n_neighbors": 700},),
    "itemknn": (
        {
            "n_neighbors": 700,
            "source_damping": 0.74,
            "target_damping": 0.34,
            "user_damping": 0.62,
            "shrinkage": 0.0,
        },
    ),
    "ials": (
        {"n_factors": 128, "unobserved_weight": 0.03, "regularization": 0.003, "n_epochs": 6},
        {"n_factors": 256, "unobserved_weight": 0.01, "regularization": 0.01, "n_epochs": 5},
    ),
    "puresvd": ({"n_factors": 128}, {"n_factors": 512}),
    "gfcf": (
        {
            "n_factors": 512,
            "low_pass": 0.18,
            "second_order": -1.05,
            "third_order": 0.38,
            "output_exponent": 0.26,
        },
    ),
    "ease": ({"regularization": 150.0, "history_exponent": 1.0},),
    "vstan": ({"n_neighbors": 400},),
    "covisits": ({"window": 40, "n_overlaps": 8},),
}
"""Settings by ranker, beside its own: what differs from them."""


def variants_of(name: str, config: TrainingConfig) -> list[TrainingConfig]:
    """The settings to try: as they are, then each variant where they are the defaults."""
    own = getattr(config, name, None)
    if own is None or own != getattr(TrainingConfig(), name):
        return [config]
    others = [replace(config, **{name: replace(own, **each)}) for each in VARIANTS.get(name, ())]
    return [config, *others]
