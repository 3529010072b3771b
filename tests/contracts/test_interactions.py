"""What interactions refuse."""

from dataclasses import replace

import numpy as np
import pytest

from selera.contracts.interactions import RatingScale
from tests.tastes import checkerboard


def test_wrong_types_and_lengths_are_named() -> None:
    interactions = checkerboard()
    with pytest.raises(ValueError, match=r"values must be float32 \(\d+,\), got float64"):
        replace(interactions, values=interactions.values.astype(np.float64))
    with pytest.raises(ValueError, match="item_rows must be int32"):
        replace(interactions, item_rows=interactions.item_rows[:-1])


def test_rows_outside_the_maps_are_named() -> None:
    interactions = checkerboard()
    with pytest.raises(ValueError, match=r"item_rows must lie in 0\.\.29"):
        replace(interactions, item_rows=interactions.item_rows + np.int32(1))


def test_a_scale_rises() -> None:
    with pytest.raises(ValueError, match="must rise"):
        RatingScale(5, 1)
    assert RatingScale(0, 10).middle == 5
