"""A shop's configuration says what is wrong with a value."""

import pytest

from selera.contracts.errors import ConfigError
from selera.shop import ShopConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_users", 0),
        ("n_products", 0),
        ("seed", -1),
        ("behaviors_per_user", -1.0),
        ("dirty_share", 1.5),
        ("n_days", 3),
    ],
)
def test_a_value_out_of_range_is_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=rf"{name} must lie in .*, got {value}"):
        ShopConfig(**{name: value})  # type: ignore[arg-type]
