"""How large and how dirty the sample shop is."""

from __future__ import annotations

from datetime import date

import msgspec

from ..contracts.errors import ConfigError


class ShopConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the sample shop follows from: equal configurations make equal shops.

    behaviors_per_user is the aimed mean of the four behavior tables together, dirty_share the share
    of behavior rows with one unusable value. The shop's newest behavior is of the day last_day, its
    oldest n_days earlier. Raises `ConfigError` for a value out of range.
    """

    n_users: int = 2_000
    n_products: int = 1_000
    seed: int = 42
    behaviors_per_user: float = 75.0
    dirty_share: float = 0.003
    last_day: date = date(2026, 6, 30)
    n_days: int = 548

    def __post_init__(self) -> None:
        for name, low, high in (
            ("n_users", 1, 100_000_000),
            ("n_products", 1, 10_000_000),
            ("seed", 0, 2**63 - 1),
            ("behaviors_per_user", 0, 10_000),
            ("dirty_share", 0, 1),
            ("n_days", 90, 36_500),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"{name} must lie in {low}..{high}, got {value}.")
