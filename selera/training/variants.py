"""A few settings of each ranker that the blend tries before it takes one.

They span what studies, and our own validations, found best on sparse shops and on dense catalogues.
A ranker whose settings the shop has changed is left as it is.
"""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from .settings import TrainingConfig

VARIANTS: dict[str, tuple[dict[str, Any], ...]] = {
    "itemknn": (
        {
            "n_neighbors": 700,
            "source_damping": 0.74,
            "target_damping": 0.34,
            "user_damping": 0.62,
            "shrinkage": 0.0,
        },
    ),
    "rp3beta": ({"alpha": 0.6, "beta": 0.1, "n_neighbors": 700},),
    "ials": (
        {"n_factors": 128, "unobserved_weight": 0.03, "regularization": 0.003, "n_epochs": 5},
        {"n_factors": 512, "unobserved_weight": 0.01, "regularization": 0.003, "n_epochs": 5},
        {"n_factors": 1024, "unobserved_weight": 0.03, "regularization": 0.003, "n_epochs": 5},
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
    "ease": ({"regularization": 200.0, "history_exponent": 1.0, "n_neighbors": 300},),
    "vstan": ({"n_neighbors": 400, "n_sessions": 5000},),
}
"""Settings by ranker, beside its own: what differs from them."""

_MOST_FACTORS = 4
_MOST_WORK = 2_000_000_000


def variants_of(
    name: str, config: TrainingConfig, *, n_users: int, n_items: int, n_pairs: int
) -> list[TrainingConfig]:
    """The settings to try: as they are, then the variants that this many users and items bear.

    No factors beyond a quarter of the smaller side: a trainer would cut them to the same number.
    None either where pairs times factors go beyond two billion: a night is no time to search.
    """
    own = getattr(config, name, None)
    if own is None or own != getattr(TrainingConfig(), name):
        return [config]
    most = min(max(1, min(n_users, n_items) // _MOST_FACTORS), _MOST_WORK // max(n_pairs, 1))
    others = [each for each in VARIANTS.get(name, ()) if each.get("n_factors", 0) <= most]
    return [config, *(replace(config, **{name: replace(own, **each)}) for each in others)]
